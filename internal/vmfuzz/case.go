// Package vmfuzz makes eBPF programs, valid and broken, and compares what the
// implementations of this project make of them.
package vmfuzz

import "github.com/femto-containers/femto/vm"

// A Case is one program with all that its run depends on.
type Case struct {
	Text     []byte
	Regions  []Region
	Register [10]uint64 // initial r0 to r9; 0 leaves what an entry sets
	Budget   int32
	Quantum  int32 // for the run in pieces, above 0
	Valid    bool  // the check must accept it
}

// A Region is memory handed to the program.
type Region struct {
	Number   int
	Size     int
	Writable bool
	Fill     byte
}

// initial is what byte i of the region is before the run: each seventh ends a
// string.
func (r Region) initial(i int) byte {
	if i%7 == 6 {
		return 0
	}
	return r.Fill + byte(i)
}

// Bytes is what the region holds before the run.
func (r Region) Bytes() []byte {
	b := make([]byte, r.Size)
	for i := range b {
		b[i] = r.initial(i)
	}
	return b
}

// Make derives a case from data: most often a well-formed program, sometimes
// one with damage, or data itself taken for a program.
func Make(data []byte) Case {
	c := &choices{data}
	kind := c.n(16)
	k := Case{
		Budget:  int32(pick(c, 4000, 600, 100, 20, 0) + c.n(300)),
		Quantum: int32(1 + pick(c, 200, 20, 0) + c.n(20)),
		Regions: makeRegions(c),
	}
	for i := range k.Register {
		if c.in(25) {
			k.Register[i] = c.word()
		}
	}
	if kind == 15 {
		k.Text = c.data
		if len(k.Text) > 800 {
			k.Text = k.Text[:800]
		}
		return k
	}
	damage := 0
	if kind >= 10 {
		damage = 1 + c.n(3)
	}
	var hits [3][2]int
	for i := range hits {
		hits[i] = [2]int{c.n(65536), c.n(65536)}
	}
	g := generator{choices: c, regions: k.Regions}
	k.Text = g.program()
	k.Valid = damage == 0
	for _, hit := range hits[:damage] {
		k.Text = harm(k.Text, hit[0], hit[1])
	}
	return k
}

func makeRegions(c *choices) []Region {
	regions := []Region{
		{Number: vm.RegionStack, Size: pick(c, 512, 256, 64, 61, 8, 0), Writable: true},
		{Number: vm.RegionContext, Size: pick(c, 32, 64, 16, 9, 1, 0), Writable: !c.in(20)},
		{Number: vm.RegionData, Size: pick(c, 24, 40, 8, 0), Writable: true},
		{Number: vm.RegionRodata, Size: pick(c, 24, 48, 7, 0)},
		{Number: vm.RegionGrant, Size: pick(c, 16, 33, 3), Writable: c.in(50)},
		{Number: 15, Size: pick(c, 8, 19, 1), Writable: c.in(50)},
	}
	for i := range regions {
		regions[i].Fill = byte(c.byte())
	}
	return regions
}

// harm returns text with one change: what it is and where are arbitrary
// numbers.
func harm(text []byte, what, where int) []byte {
	if len(text) < 8 {
		return text
	}
	value := byte(what >> 8)
	at := where % (len(text) &^ 7)
	slot := at &^ 7
	switch what % 14 {
	case 0: // any byte
		text[at] = value
	case 1:
		text[at] ^= 1 << (value & 7)
	case 2: // opcode
		text[slot] = value
	case 3:
		text[slot] ^= 1 << (value & 7)
	case 4: // registers, r10 and those that do not exist
		text[slot+1] = text[slot+1]&0xf0 | 10 + value&3
	case 12:
		text[slot+1] = text[slot+1]&0x0f | (10+value&3)<<4
	case 5:
		text[slot+1] ^= 1 << (value & 7)
	case 6: // offset
		text[slot+2+at&1] = value
	case 7: // immediate
		text[slot+4+at&3] = value
	case 8: // without a slot
		text = append(text[:slot], text[slot+8:]...)
	case 9: // cut
		text = text[:slot]
	case 10: // cut anywhere
		text = text[:at]
	case 13: // a jump to the end and around it
		text[slot+2], text[slot+3] = byte((len(text)-slot)/8-3)+value&3, 0
	case 11: // a slot repeated elsewhere
		to := int(value) * 8 % (len(text) &^ 7)
		copy(text[to:to+8], text[slot:slot+8])
	}
	return text
}
