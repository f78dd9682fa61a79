package debug

import (
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/isa"
)

// A Frame is a function that has not returned.
type Frame struct {
	Function string
	Slot     int // of the next instruction; of callers, of the call
	Place    Place
	HasPlace bool
	Inlined  bool // into the next frame

	level         int // of local calls, 0 being the innermost
	registers     [isa.Registers]uint64
	registersOnly bool // see no variable
}

// Register returns register n as the function has it. Of callers only r6 to r10
// are known.
func (f *Frame) Register(n int) (uint64, bool) {
	return f.registers[n], f.level == 0 || n >= 6
}

func (f *Frame) sees(v *build.Variable) bool {
	if f.registersOnly {
		return false
	}
	return v.Function == "" || v.Function == f.Function && f.Slot >= v.From && f.Slot < v.To
}

// Frames lists the functions that have not returned, the innermost first.
func (s *Session) Frames() (list []Frame) {
	depth := len(s.state.Calls)
	for level := range depth + 1 {
		f := Frame{Slot: s.state.Slot, level: level, registers: s.state.Registers}
		if level > 0 {
			f.Slot = s.state.Calls[depth-level].Caller - 1
			f.registers = [isa.Registers]uint64{}
			copy(f.registers[6:], s.state.Calls[depth-level].Kept[:])
			f.registers[isa.FramePointer] = s.state.Registers[isa.FramePointer] + uint64(level*s.live.machine.FrameSize())
		}
		f.Place, f.HasPlace = s.PlaceAt(f.Slot)
		inlined := s.inlinedAt(f.Slot)
		for i := len(inlined) - 1; i >= 0; i-- {
			f.Function, f.Inlined = inlined[i].Function, true
			list = append(list, f)
			f.Place, f.HasPlace = Place{inlined[i].File, inlined[i].Line}, inlined[i].Line > 0
		}
		f.Function, f.Inlined = s.Function(f.Slot).Name, false
		list = append(list, f)
	}
	return list
}

// inlinedAt lists the inlined functions in which a slot lies, from the outside
// in.
func (s *Session) inlinedAt(slot int) (list []build.Inlined) {
	for _, in := range s.Debug.Inlined {
		if slot >= in.From && slot < in.To {
			list = append(list, in)
		}
	}
	return list
}
