//go:build boards

package firmware_test

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

// The stack's bound comes from the linked firmware: what each function takes
// (the sum of all that it subtracts from the stack pointer, on whichever path)
// and whom it refers to, be it to call it or to pass it on. Interrupts are
// masked and the fault handler has a stack of its own, so nothing else is on it.

// indirect says whom the calls through function values reach: the caller's name
// contains the key, the callee's one of the values.
var indirect = map[string][]string{
	"coap.Endpoint).send":    {"main.send"},
	"engine.Engine).run":     {"engine/helpers."},
	"vm.Machine).callHelper": {"engine/helpers."}, // or what it is part of
	"vm.Machine).Run":        {"engine/helpers."},
	"engine/helpers.":        {"main.log", "node.readThermometer", "node.readLight", "node.writeLED"},
}

// handlers says that the agent hands requests that are not for it to the handlers
// of logs and of containers' answers, and never to itself, which the call through
// the interface looks like.
var handlers = struct {
	caller, through string
	callees         []string
}{"agent.Agent).ServeCoAP", "ServeCoAP$invoke", []string{"agent.Lines).ServeCoAP", "agent.Answers).ServeCoAP"}}

// A routine is a function of the firmware.
type routine struct {
	name       string
	begin, end uint32
	frame      int
	callees    map[int]bool
	through    []uint32 // calls through registers that hold no known function

	state int // of the search: 1 under way, 2 done
	bound int
	next  int // the callee on the deepest path
}

type stackGraph struct{ routines []routine }

func (g *stackGraph) at(address uint32) int {
	i, ok := slices.BinarySearchFunc(g.routines, address&^1, func(r routine, a uint32) int {
		switch {
		case r.end <= a:
			return -1
		case r.begin > a:
			return 1
		}
		return 0
	})
	if !ok {
		return -1
	}
	return i
}

// readStackGraph reads a firmware for Cortex-M that was linked with its
// relocations kept.
func readStackGraph(t *testing.T, name string) *stackGraph {
	t.Helper()
	f, err := elf.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	section := f.Section(".text")
	text, err := section.Data()
	if err != nil {
		t.Fatal(err)
	}
	relocations, err := f.Section(".rel.text").Data()
	if err != nil {
		t.Fatal(err)
	}
	base := uint32(section.Addr)

	g := &stackGraph{}
	var marks []elf.Symbol // $t and $d: where code and data begin
	for _, s := range symbols {
		switch {
		case strings.HasPrefix(s.Name, "$t"), strings.HasPrefix(s.Name, "$d"):
			marks = append(marks, s)
		case elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Size > 0 && s.Section != elf.SHN_UNDEF:
			begin := uint32(s.Value) &^ 1
			g.routines = append(g.routines, routine{name: s.Name, begin: begin, end: begin + uint32(s.Size), callees: map[int]bool{}, next: -1})
		}
	}
	slices.SortStableFunc(marks, func(a, b elf.Symbol) int { return int(a.Value) - int(b.Value) })
	slices.SortStableFunc(g.routines, func(a, b routine) int { return int(a.begin) - int(b.begin) })
	// Functions with the same code share one place.
	g.routines = slices.CompactFunc(g.routines, func(a, b routine) bool { return a.begin == b.begin })
	code := make([]bool, len(text))
	for i, m := range marks {
		end := base + uint32(len(text))
		if i+1 < len(marks) {
			end = min(end, uint32(marks[i+1].Value))
		}
		for a := uint32(m.Value); a >= base && a < end && strings.HasPrefix(m.Name, "$t"); a++ {
			code[a-base] = true
		}
	}

	targets := map[uint32]int{} // by the address of the relocation
	for ; len(relocations) >= 8; relocations = relocations[8:] {
		place := binary.LittleEndian.Uint32(relocations)
		info := binary.LittleEndian.Uint32(relocations[4:])
		symbol := symbols[info>>8-1]
		address := uint32(symbol.Value)
		if elf.ST_TYPE(symbol.Info) == elf.STT_SECTION && elf.R_ARM(info&0xff) == elf.R_ARM_ABS32 {
			if address = binary.LittleEndian.Uint32(text[place-base:]); address&1 == 0 {
				continue // data
			}
		} else if elf.ST_TYPE(symbol.Info) != elf.STT_FUNC {
			continue
		}
		from, to := g.at(place), g.at(address)
		if from < 0 || to < 0 {
			continue // the vectors, and symbols of no size
		}
		targets[place] = to
		if from != to || elf.R_ARM(info&0xff) == elf.R_ARM_THM_PC22 {
			g.routines[from].callees[to] = true
		}
	}
	for i := range g.routines {
		if err := g.routines[i].decode(text, code, base, targets); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// decode finds what a function takes of the stack, and its calls through
// registers that were not loaded with the address of a function.
func (r *routine) decode(text []byte, code []bool, base uint32, targets map[uint32]int) error {
	var known uint16 // registers that a function's address is loaded into
	var through []struct {
		at       uint32
		register int
	}
	for a := r.begin; a+2 <= r.end; {
		if !code[a-base] {
			a += 2
			continue
		}
		h := uint32(binary.LittleEndian.Uint16(text[a-base:]))
		if h>>11 < 0x1d {
			switch {
			case h&0xfe00 == 0xb400: // push
				r.frame += 4 * bits.OnesCount32(h&0x1ff)
			case h&0xff80 == 0xb080: // sub sp, #
				r.frame += int(h&0x7f) * 4
			case h&0xf800 == 0x4800: // ldr rd, [pc, #]
				if _, ok := targets[(a+4)&^3+h&0xff*4]; ok {
					known |= 1 << (h >> 8 & 7)
				}
			case h&0xff87 == 0x4780: // blx rm
				through = append(through, struct {
					at       uint32
					register int
				}{a, int(h >> 3 & 15)})
			case h&0xff00 == 0x4600 && known>>(h>>3&15)&1 != 0: // mov rd, rm
				known |= 1 << (h&7 | h>>4&8)
			case h&0xff78 == 0x4468 && h&0x87 != 0x85: // add rd, sp, rd
			case h&0xff87 == 0x4685: // mov sp, rm
				return fmt.Errorf("%s sets the stack pointer at %#x", r.name, a)
			}
			a += 2
			continue
		}
		w := uint32(binary.LittleEndian.Uint16(text[a+2-base:]))
		switch {
		case h == 0xe92d: // push.w {…}
			r.frame += 4 * bits.OnesCount32(w)
		case h == 0xf84d && w&0xfff == 0xd04: // push.w {r}
			r.frame += 4
		case h == 0xe96d: // strd …, [sp, #-n]!
			r.frame += int(w&0xff) * 4
		case h&0xfbef == 0xf1ad && w>>8&15 == 13: // sub.w sp, sp, #
			r.frame += int(expandThumb(h>>10&1<<11 | w>>12&7<<8 | w&0xff))
		case h&0xfbff == 0xf2ad && w>>8&15 == 13: // subw sp, sp, #
			r.frame += int(h>>10&1<<11 | w>>12&7<<8 | w&0xff)
		case h&0xffef == 0xebad && w>>8&15 == 13: // sub.w sp, sp, rm
			return fmt.Errorf("%s takes an unknown amount of stack at %#x", r.name, a)
		case h == 0xf8df: // ldr.w rt, [pc, #]
			if _, ok := targets[(a+4)&^3+w&0xfff]; ok {
				known |= 1 << (w >> 12)
			}
		case h&0xfb70 == 0xf240: // movw, movt
			if _, ok := targets[a]; ok {
				known |= 1 << (w >> 8 & 15)
			}
		}
		a += 4
	}
	for _, c := range through {
		if known>>c.register&1 == 0 {
			r.through = append(r.through, c.at)
		}
	}
	return nil
}

// expandThumb returns what the twelve bits of a modified immediate stand for.
func expandThumb(imm uint32) uint32 {
	b := imm & 0xff
	switch {
	case imm>>8 == 0:
		return b
	case imm>>8 == 1:
		return b<<16 | b
	case imm>>8 == 2:
		return b<<24 | b<<8
	case imm>>8 == 3:
		return b * 0x01010101
	}
	return bits.RotateLeft32(b&0x7f|0x80, -int(imm>>7))
}

// link adds the calls through function values.
func (g *stackGraph) link() error {
	for i := range g.routines {
		r := &g.routines[i]
		for j := range r.callees {
			if !strings.HasSuffix(r.name, handlers.caller) || !strings.HasSuffix(g.routines[j].name, handlers.through) {
				continue
			}
			delete(r.callees, j)
			found := false
			for k := range g.routines {
				if slices.ContainsFunc(handlers.callees, func(name string) bool { return strings.HasSuffix(g.routines[k].name, name) }) {
					r.callees[k], found = true, true
				}
			}
			if !found {
				return fmt.Errorf("%s hands on to %q, which are not there", r.name, handlers.callees)
			}
		}
		if len(r.through) == 0 {
			continue
		}
		listed := false
		for caller, callees := range indirect {
			if !strings.Contains(r.name, caller) {
				continue
			}
			listed = true
			for j := range g.routines {
				if slices.ContainsFunc(callees, func(part string) bool { return strings.Contains(g.routines[j].name, part) }) && j != i {
					r.callees[j] = true
				}
			}
		}
		if !listed {
			return fmt.Errorf("%s calls through a function value at %#x: say in indirect whom", r.name, r.through)
		}
	}
	return nil
}

// deepest returns how much stack the function takes with all that it calls.
func (g *stackGraph) deepest(i int) (int, error) {
	r := &g.routines[i]
	switch r.state {
	case 1:
		return 0, fmt.Errorf("%s calls itself, by way of others", r.name)
	case 2:
		return r.bound, nil
	}
	r.state = 1
	for j := range r.callees {
		n, err := g.deepest(j)
		if err != nil {
			return 0, fmt.Errorf("%w < %s", err, r.name)
		}
		if n > r.bound {
			r.bound, r.next = n, j
		}
	}
	r.bound += r.frame
	r.state = 2
	return r.bound, nil
}

// stackBound returns the most stack that a firmware takes, and on which path.
func stackBound(t *testing.T, name string) (bound int, path string) {
	t.Helper()
	g := readStackGraph(t, name)
	if err := g.link(); err != nil {
		t.Fatal(err)
	}
	root := slices.IndexFunc(g.routines, func(r routine) bool { return r.name == "Reset_Handler" || r.name == "runtime.main" })
	if root < 0 {
		t.Fatal("no Reset_Handler")
	}
	bound, err := g.deepest(root)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for i := root; i >= 0; i = g.routines[i].next {
		short := g.routines[i].name
		if len(short) > 60 {
			short = short[:60]
		}
		fmt.Fprintf(&b, "%5d %s\n", g.routines[i].frame, short)
	}
	return bound, b.String()
}

const stackSize = 4096 // of the linker script

func TestStackBound(t *testing.T) {
	for _, board := range []string{"lm3s6965", "lm3s6965-m4", "lm3s6965-m7"} {
		bound, path := stackBound(t, firmware(t, board))
		t.Logf("%s: at most %d B of stack\n%s", board, bound, path)
		if bound > stackSize {
			t.Errorf("%s takes up to %d B of stack, and has %d", board, bound, stackSize)
		}
	}
}
