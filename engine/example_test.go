package engine_test

import (
	"fmt"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
)

// A firmware declares a hook for its door, and asks containers whether a key
// opens it: they find the key in their context.
func Example() {
	const door = 0
	var e engine.Engine
	e.Init(&engine.Config{
		Hooks: []engine.Hook{{
			Name: "door", UUID: [16]byte{0xd0}, ContextMin: 4, ContextMax: 4,
			Policy: engine.StopOnPositive, Default: 0, // closed
		}},
		Containers: make([]engine.Container, 4),
		Stack:      make([]byte, 512),
	})

	text, err := asm.Assemble("ldxw r1, [r1]\nmov r0, 0\njne r1, 1234, out\nmov r0, 1\nout: exit")
	if err != nil {
		panic(err)
	}
	container := image.Append(nil, image.Parts{Text: text})
	if err := e.Install(0, &engine.Spec{Hook: door, Tenant: engine.Owner, Image: container}); err.Reason != engine.OK {
		panic(err)
	}

	for now, key := range [][]byte{{1, 2, 3, 4}, {0xd2, 4, 0, 0}} {
		fmt.Println(e.Fire(int64(now), door, key).Value)
	}
	// Output:
	// 0
	// 1
}
