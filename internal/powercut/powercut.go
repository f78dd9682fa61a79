// Package powercut takes the power from modelled flash in the middle of an
// operation, so that a test can try every moment of a scenario.
package powercut

import (
	"bytes"
	"fmt"

	"github.com/femto-containers/femto/flash"
)

// A Tear says how much of the last operation happened.
type Tear struct {
	// Eighths of its bytes are done, in order: 0 is none, 8 all of them. With
	// Seed, each bit is done or not, at random. With Flip, bit Flip-1 of the
	// last word, counted from its first byte, is the other way round after that.
	Eighths int
	Seed    uint32
	Flip    int
}

func (t Tear) String() string {
	if t.Seed != 0 {
		return fmt.Sprintf("random bits %d", t.Seed)
	}
	if t.Flip != 0 {
		return fmt.Sprintf("%d/8 done and bit %d of the last word flipped", t.Eighths, t.Flip-1)
	}
	return fmt.Sprintf("%d/8 done", t.Eighths)
}

// Tears are worth trying at every operation.
var Tears = []Tear{
	{Eighths: 0}, {Eighths: 1}, {Eighths: 4}, {Eighths: 7}, {Eighths: 8}, {Seed: 1}, {Seed: 2},
	{Eighths: 8, Flip: 1}, {Eighths: 8, Flip: 22}, {Eighths: 4, Flip: 9},
}

// At makes m lose power in operation number n, counted from 0 and from now on,
// and tear it. It returns how to learn whether that happened.
func At(m *flash.Memory, n int, tear Tear) (happened func() bool) {
	cut := false
	m.Before = func(op flash.Operation, off int, p []byte) bool {
		if n > 0 {
			n--
			return true
		}
		cut = true
		data := m.Data()[off:]
		size := len(p)
		if op == flash.OpErase {
			size = m.BlockSize()
		}
		random := tear.Seed
		for i := range size {
			target := byte(0xff)
			if op == flash.OpProgram {
				target = p[i]
			}
			switch {
			case tear.Seed != 0:
				random ^= random << 13
				random ^= random >> 17
				random ^= random << 5
				data[i] ^= (data[i] ^ target) & byte(random>>11)
			case i < size*tear.Eighths/8:
				data[i] = target
			}
		}
		if tear.Flip != 0 {
			data[max(0, size-4)+(tear.Flip-1)/8%min(4, size)] ^= 1 << ((tear.Flip - 1) % 8)
		}
		return false
	}
	return func() bool { return cut }
}

// On gives m its power back.
func On(m *flash.Memory) {
	m.Before = nil
	m.Power()
}

// Copy returns flash with the same content, which has power.
func Copy(m *flash.Memory) *flash.Memory {
	c := new(flash.Memory)
	if err := c.Init(bytes.Clone(m.Data()), m.BlockSize(), m.WriteSize(), bytes.Clone(m.Marks())); err != flash.OK {
		panic(err) // cannot be: m was initialised alike
	}
	return c
}

// Cut returns flash as m would be if the power failed now and tore an operation
// that m is about to do, as its Before is told. As a device without power has
// nothing but its flash, one run of a scenario leads to every cut of it.
func Cut(m *flash.Memory, op flash.Operation, off int, p []byte, tear Tear) *flash.Memory {
	c := Copy(m)
	At(c, 0, tear)
	if op == flash.OpErase {
		c.Erase(off)
	} else {
		c.Program(off, p)
	}
	On(c)
	return c
}
