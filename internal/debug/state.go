package debug

import (
	"bytes"
	"encoding/binary"
	"maps"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// A State is a container between two instructions.
type State struct {
	Slot      int // of the next instruction
	Registers [isa.Registers]uint64
	Calls     []LocalCall // local calls, the outermost first
	Budget    int         // what this activation may still execute
	Region    [vm.Regions]vm.Region
	Stores    [len(Scopes)]map[uint32]uint32
	Helpers   int // calls of helpers so far
	Logged    int // lines of output so far
}

// A LocalCall is one that has not returned.
type LocalCall struct {
	Caller int       // slot that it returns to
	Kept   [4]uint64 // r6 to r9 of its caller
}

// Scopes are the stores in the order of State.Stores.
var Scopes = [...]engine.Scope{femtotest.Local, femtotest.Tenant, femtotest.Global}

// A change is the difference between two states that follow one another. It
// holds what the state has on the other side, so that crossing it is an
// exchange, in both directions.
type change struct {
	slot, budget int32
	address      uint32
	register     uint8 // whose value differs; noRegister: none does
	width        uint8 // bytes at address that differ, at most 8
	value        uint64
	memory       uint64
	more         *more // of calls, returns, helpers, activations and edits
}

const noRegister = 0xff

// more is what most instructions do not change.
type more struct {
	registers       [isa.Registers]uint64
	calls           []LocalCall
	spans           []span
	stores          []storeChange
	helpers, logged int
	region          *[vm.Regions]vm.Region // of another activation
}

type span struct {
	address uint32
	bytes   []byte
}

type storeChange struct {
	scope, key, value uint32
	there             bool
}

// cross exchanges what differs.
func (s *State) cross(c *change) {
	slot, budget := int32(s.Slot), int32(s.Budget)
	s.Slot, s.Budget = int(c.slot), int(c.budget)
	c.slot, c.budget = slot, budget
	if c.register != noRegister {
		r := &s.Registers[c.register]
		*r, c.value = c.value, *r
	}
	if c.width > 0 {
		mem := s.Region[c.address>>28].Bytes[c.address&0xfffffff:][:c.width]
		old := number(mem)
		putNumber(mem, c.memory)
		c.memory = old
	}
	if c.more != nil {
		s.crossMore(c.more)
	}
}

func (s *State) crossMore(m *more) {
	s.Registers, m.registers = m.registers, s.Registers
	s.Calls, m.calls = m.calls, s.Calls
	s.Helpers, m.helpers = m.helpers, s.Helpers
	s.Logged, m.logged = m.logged, s.Logged
	if m.region != nil {
		s.Region, *m.region = *m.region, s.Region
	}
	for _, p := range m.spans {
		mem := s.Region[p.address>>28].Bytes[p.address&0xfffffff:][:len(p.bytes)]
		for i := range mem {
			mem[i], p.bytes[i] = p.bytes[i], mem[i]
		}
	}
	for i := range m.stores {
		p := &m.stores[i]
		value, there := s.Stores[p.scope][p.key]
		if p.there {
			s.Stores[p.scope][p.key] = p.value
		} else {
			delete(s.Stores[p.scope], p.key)
		}
		p.value, p.there = value, there
	}
}

// touches reports whether the change is of one of the n bytes at address.
func (c *change) touches(address uint32, n int) bool {
	overlap := func(at uint32, width int) bool {
		return width > 0 && uint64(at) < uint64(address)+uint64(n) && uint64(address) < uint64(at)+uint64(width)
	}
	if overlap(c.address, int(c.width)) {
		return true
	}
	if c.more != nil {
		for _, p := range c.more.spans {
			if overlap(p.address, len(p.bytes)) {
				return true
			}
		}
	}
	return false
}

// number reads up to 8 bytes, the lowest first.
func number(b []byte) uint64 {
	var all [8]byte
	copy(all[:], b)
	return binary.LittleEndian.Uint64(all[:])
}

func putNumber(b []byte, v uint64) {
	var all [8]byte
	binary.LittleEndian.PutUint64(all[:], v)
	copy(b, all[:])
}

// live is the machine itself, beside the state that is shown.
type live struct {
	machine *vm.Machine
	region  [vm.Regions]vm.Region // what the machine had mapped at its last instruction
	stores  func() [len(Scopes)]map[uint32]uint32
	helpers int
	logged  int
}

// follow makes the state that of the machine, of which it is one instruction
// behind, and returns the way back. anew says that another activation began.
func (s *State) follow(l *live, slot int, in isa.Instruction, anew bool) change {
	m := l.machine
	c := change{slot: int32(s.Slot), budget: int32(s.Budget), register: noRegister}
	s.Slot, s.Budget = slot, m.Budget()
	class, code := in.Class(), in.Opcode&0xf0
	jump := class == isa.ClassJMP
	switch {
	case anew || jump && (code == isa.CALL || code == isa.EXIT):
		c.more = s.followAll(l, anew, anew || in.Opcode == isa.ClassJMP|isa.CALL && in.Src != isa.CallLocal)
		return c
	case class == isa.ClassST || class == isa.ClassSTX:
		address := uint32(s.Registers[in.Dst]) + uint32(int32(in.Offset))
		width := widths[in.Opcode>>3&3]
		mem, now := s.at(address, width), at(&l.region, address, width)
		if mem != nil && now != nil && !bytes.Equal(mem, now) {
			c.address, c.width, c.memory = address, uint8(width), number(mem)
			copy(mem, now)
		}
	}
	for i := range s.Registers {
		if v := m.Register(i); v != s.Registers[i] {
			c.register, c.value = uint8(i), s.Registers[i]
			s.Registers[i] = v
			break
		}
	}
	return c
}

var widths = [4]int{isa.W >> 3: 4, isa.H >> 3: 2, isa.B >> 3: 1, isa.DW >> 3: 8}

// followAll compares everything.
func (s *State) followAll(l *live, anew, memory bool) *more {
	m := l.machine
	c := &more{registers: s.Registers, calls: s.Calls, helpers: s.Helpers, logged: s.Logged}
	for i := range s.Registers {
		s.Registers[i] = m.Register(i)
	}
	s.Calls = make([]LocalCall, m.Depth())
	for i := range s.Calls {
		s.Calls[i] = LocalCall{m.Caller(i), m.Kept(i)}
	}
	s.Helpers, s.Logged = l.helpers, l.logged
	if !memory {
		return c
	}
	if anew {
		old := s.Region
		c.region = &old
		for i := range s.Region {
			s.Region[i] = vm.Region{Bytes: bytes.Clone(l.region[i].Bytes), Writable: l.region[i].Writable}
		}
	} else {
		for i := range s.Region {
			c.spans = append(c.spans, differences(uint32(i)<<28, s.Region[i].Bytes, l.region[i].Bytes)...)
		}
	}
	now := l.stores()
	for scope := range now {
		for key, value := range now[scope] {
			if old, there := s.Stores[scope][key]; !there || old != value {
				c.stores = append(c.stores, storeChange{uint32(scope), key, old, there})
			}
		}
		for key, old := range s.Stores[scope] {
			if _, there := now[scope][key]; !there {
				c.stores = append(c.stores, storeChange{uint32(scope), key, old, true})
			}
		}
		s.Stores[scope] = maps.Clone(now[scope])
	}
	return c
}

// differences makes old equal to now and returns what was there.
func differences(address uint32, old, now []byte) (list []span) {
	if bytes.Equal(old, now) {
		return nil
	}
	const near = 16 // equal bytes between two that differ, that are cheaper kept
	for i := 0; i < len(old); i++ {
		if old[i] == now[i] {
			continue
		}
		end := i + 1
		for j := end; j < len(old) && j < end+near; j++ {
			if old[j] != now[j] {
				end = j + 1
			}
		}
		list = append(list, span{address + uint32(i), bytes.Clone(old[i:end])})
		copy(old[i:end], now[i:end])
		i = end
	}
	return list
}

// at returns n bytes at address, nil if they are not there.
func (s *State) at(address uint32, n int) []byte { return at(&s.Region, address, n) }

func at(region *[vm.Regions]vm.Region, address uint32, n int) []byte {
	mem := region[address>>28].Bytes
	offset := int(address & 0xfffffff)
	if n < 0 || offset > len(mem) || n > len(mem)-offset {
		return nil
	}
	return mem[offset : offset+n : offset+n]
}

// Memory returns the n bytes at address, nil if not all of them are mapped.
// They are the state's own.
func (s *State) Memory(address uint64, n int) []byte {
	if address>>32 != 0 {
		return nil
	}
	return s.at(uint32(address), n)
}
