// Package vm checks and runs eBPF programs (RFC 9669) that may touch nothing
// but the regions they were handed.
package vm

import "github.com/femto-containers/femto/isa"

// Regions of a container's address space. Bits 31..28 of an address choose the
// region, bits 27..0 the offset in it, the upper half is zero.
const (
	RegionNull    = 0 // never mapped
	RegionStack   = 1
	RegionContext = 2
	RegionData    = 3
	RegionRodata  = 4
	RegionGrant   = 5 // the first that a hook may grant
	Regions       = 16
)

const (
	regionShift = 28
	offsetMask  = 1<<regionShift - 1
)

// MaxRegion is the greatest length of a region in bytes. It leaves room for
// the 16-bit offset of an instruction on either side.
const MaxRegion = 1 << 27

// MaxText is the greatest length of a program in bytes.
const MaxText = 1 << 24

// MaxBudget is the greatest budget in instructions; Reset cuts down what is
// above.
const MaxBudget = 1 << 30

// MaxDepth is how many local calls may be open at once.
const MaxDepth = 8

// DefaultFrame is the stack in bytes that a local call reserves where Check
// cannot tell what a function uses.
const DefaultFrame = 64

// Address returns the virtual address of offset (below 1<<28) in region.
func Address(region int, offset uint32) uint64 {
	return uint64(uint32(region)<<regionShift + offset)
}

// A Region is memory that a container may read and, if Writable, write. It
// must not share memory with the text of a container.
type Region struct {
	Bytes    []byte // at most MaxRegion; nil: not mapped
	Writable bool
}

// A HelperSet is a set of helper numbers.
type HelperSet [8]uint32

// Has reports whether n is in the set.
func (s *HelperSet) Has(n uint8) bool { return s[n>>5]>>(n&31)&1 != 0 }

// Add puts n into the set.
//
//go:noinline
func (s *HelperSet) Add(n uint8) { s[n>>5] |= 1 << (n & 31) }

// Without returns the members of s that are not in t.
func (s *HelperSet) Without(t *HelperSet) HelperSet {
	var left HelperSet
	for i := range s {
		left[i] = s[i] &^ t[i]
	}
	return left
}

// Empty reports whether the set has no member.
func (s *HelperSet) Empty() bool { return *s == HelperSet{} }

const (
	slot      = isa.Size
	slotShift = 3
)
