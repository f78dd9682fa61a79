package emulator

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// A Wire carries packets: Ethernet frames, or IP packets on a serial line. It
// decides which arrive, how often and when, by calling deliver, which may be
// called late and from any goroutine. It may keep packet.
type Wire interface {
	Carry(toDevice bool, packet []byte, deliver func([]byte))
}

type perfect struct{}

func (perfect) Carry(_ bool, packet []byte, deliver func([]byte)) { deliver(packet) }

// Lossy is a wire that loses, duplicates and reorders packets, each with its
// own probability, in a sequence that Seed repeats.
type Lossy struct {
	Loss, Duplicate, Reorder float64
	Seed                     uint64

	mu     sync.Mutex
	random *rand.Rand
}

// late is how long a packet is held to be overtaken by others.
const late = 30 * time.Millisecond

// Carry carries one packet.
func (l *Lossy) Carry(_ bool, packet []byte, deliver func([]byte)) {
	l.mu.Lock()
	if l.random == nil {
		l.random = rand.New(rand.NewPCG(l.Seed, 0))
	}
	lose, double, hold := l.random.Float64() < l.Loss, l.random.Float64() < l.Duplicate, l.random.Float64() < l.Reorder
	l.mu.Unlock()
	if lose {
		return
	}
	if double {
		deliver(slices.Clone(packet))
	}
	if hold {
		time.AfterFunc(late, func() { deliver(packet) })
		return
	}
	deliver(packet)
}
