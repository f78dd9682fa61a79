package vm

import "github.com/femto-containers/femto/isa"

// Containers that suspend can share a machine as well, if what has to survive
// between two slices is kept elsewhere: the place in the text, the registers
// and the open calls.

const (
	savedRegisters = isa.FramePointer + 1
	savedHead      = 8 + 8*savedRegisters
	savedFrame     = 8 + 8*4
)

// SavedSize returns the bytes that Save needs for a program whose Need.Depth
// is depth.
func SavedSize(depth uint8) int { return savedHead + int(min(depth, MaxDepth))*savedFrame }

// Suspend lets Run return Suspended when the helper has returned; the next Run
// goes on behind the call. The machine must have a Quantum.
func (c *Call) Suspend() {
	m := c.m
	m.reserve += m.budget + 1
	m.budget = -1
}

// Save writes the state of a suspended activation to dst, which has SavedSize
// bytes and must be out of containers' reach: Restore trusts it. It reports
// false if there are more open calls than the program was found to have.
func (m *Machine) Save(dst []byte) bool {
	if SavedSize(m.depth) > len(dst) {
		return false
	}
	store32(dst, 0, uint32(m.pc))
	store32(dst, 4, uint32(m.depth))
	putWords(dst[8:], m.r[:savedRegisters])
	for i := range int(m.depth) {
		at := savedHead + i*savedFrame
		store32(dst, at, uint32(m.frames[i].ret))
		putWords(dst[at+8:], m.frames[i].saved[:])
	}
	return true
}

// Restore lets the next Run go on where src was saved, with the budget that
// Reset, called before with the same text, has set.
func (m *Machine) Restore(src []byte) {
	m.pc = int(load32(src, 0))
	m.depth = src[4]
	m.budget += int32(m.pc / slot)
	getWords(m.r[:savedRegisters], src[8:])
	for i := range int(m.depth) {
		at := savedHead + i*savedFrame
		m.frames[i].ret = int(load32(src, at))
		getWords(m.frames[i].saved[:], src[at+8:])
	}
}

func putWords(dst []byte, words []uint64) {
	for i, w := range words {
		store32(dst, 8*i, uint32(w))
		store32(dst, 8*i+4, uint32(w>>32))
	}
}

func getWords(words []uint64, src []byte) {
	for i := range words {
		words[i] = uint64(load32(src, 8*i)) | uint64(load32(src, 8*i+4))<<32
	}
}
