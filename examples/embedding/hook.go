package embedding

import "github.com/femto-containers/femto/engine"

// Door is a hook of this firmware's own: containers say whether a key opens the
// door. They find the key in their context; the first that returns more than 0
// opens it.
var Door = engine.Hook{
	Name:       "door",
	UUID:       [16]byte{0xcf, 0x45, 0xc7, 0x23, 0xf3, 0x97, 0x52, 0xba, 0x86, 0xb1, 0x94, 0x68, 0xba, 0xbb, 0x3a, 0xd4},
	ContextMin: 4,
	ContextMax: 4,
	Policy:     engine.StopOnPositive,
	Default:    0, // without a container the door stays closed
}

// Opens fires the hook, which is the engine's number door, with a key of 4
// bytes. now is the time in microseconds.
func Opens(e *engine.Engine, door int, now int64, key []byte) bool {
	return e.Fire(now, door, key).Value > 0
}
