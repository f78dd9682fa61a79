package build

import (
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// Relocation types of BPF objects, which debug/elf does not name.
const (
	relocationNone   = 0
	relocation64     = 1  // R_BPF_64_64: the two immediates of lddw
	relocationAbs64  = 2  // R_BPF_64_ABS64: eight bytes of data
	relocationAbs32  = 3  // R_BPF_64_ABS32: four bytes, of debugging information
	relocationNoDyld = 4  // R_BPF_64_NODYLD32: four bytes, of debugging information
	relocation64Call = 10 // R_BPF_64_32: the immediate of a call
)

const opcodeCall = isa.ClassJMP | isa.CALL

// A relocation is one entry of a section of them.
type relocation struct {
	offset uint64 // in the section that it changes
	kind   uint32
	symbol uint32
}

// relocations reads a section of them; addends are where they go.
func relocations(s *elf.Section) ([]relocation, error) {
	if s.Type == elf.SHT_RELA {
		return nil, fmt.Errorf("section %s has addends apart, which BPF objects have not", s.Name)
	}
	entries, err := s.Data()
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", s.Name, err)
	}
	var list []relocation
	for ; len(entries) >= 16; entries = entries[16:] {
		info := binary.LittleEndian.Uint64(entries[8:])
		list = append(list, relocation{binary.LittleEndian.Uint64(entries), elf.R_TYPE64(info), elf.R_SYM64(info)})
	}
	return list, nil
}

func isRelocations(s *elf.Section) bool { return s.Type == elf.SHT_REL || s.Type == elf.SHT_RELA }

func (l *linker) relocate(o *object) error {
	for _, s := range o.file.Sections {
		if !isRelocations(s) || int(s.Info) >= len(o.segment) || o.segment[s.Info] == none {
			continue // of a section that is left out, as debugging information is
		}
		list, err := relocations(s)
		if err != nil {
			return err
		}
		target := o.file.Sections[s.Info]
		for _, r := range list {
			if r.kind == relocationNone {
				continue
			}
			err := errors.New("relocation outside the section")
			if r.offset < target.Size {
				err = l.relocateOne(o, r, o.segment[s.Info], o.base[s.Info]+r.offset)
			}
			if err != nil {
				l.locate(o, err, o.segment[s.Info], o.base[s.Info]+r.offset)
				return fmt.Errorf("%s+%#x: %w", target.Name, r.offset, err)
			}
		}
	}
	return nil
}

// find returns the symbol of a relocation and where it is.
func (l *linker) find(o *object, number uint32) (name string, to segment, at uint64, err error) {
	// file.Symbols leaves out the null symbol that is number 0.
	if number == 0 || int(number) > len(o.symbols) {
		return "", none, 0, fmt.Errorf("relocation names symbol %d, which does not exist", number)
	}
	symbol := o.symbols[number-1]
	name = symbol.Name
	if name == "" {
		name = "a symbol without a name"
	}
	if global, ok := l.globals[symbol.Name]; ok && elf.ST_BIND(symbol.Info) != elf.STB_LOCAL {
		o, symbol = global.object, global.symbol
	}
	if symbol.Section == elf.SHN_UNDEF {
		return name, none, 0, linkError(ErrUndefined, name, "%s is not defined: helpers are called by number, and there is no C library", name)
	}
	to, at, ok := o.placed(symbol)
	if !ok {
		return name, none, 0, fmt.Errorf("%s lies in a section that is not part of the image", name)
	}
	return name, to, at, nil
}

// trapOffset is behind the end of every stack: a load from there stops the
// container.
const trapOffset = 0x7f00

// panics reports whether a function is one of Rust's core that never returns.
func panics(name string) bool {
	return strings.HasPrefix(name, "_ZN4core") && (strings.Contains(name, "9panicking") || strings.Contains(name, "_fail17h") || strings.Contains(name, "_failed17h"))
}

// relocateOne fills in what a relocation of o says at a place in the image.
func (l *linker) relocateOne(o *object, r relocation, from segment, at uint64) error {
	name, to, address, err := l.find(o, r.symbol)
	code := l.content[from]
	if err != nil {
		if errors.Is(err, ErrUndefined) && panics(name) && from == text && r.kind == relocation64Call && at+slot <= uint64(len(code)) {
			copy(code[at:], isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.B, Src: isa.FramePointer, Offset: trapOffset}.Append(nil))
			l.traps = true
			return nil
		}
		return err
	}
	if from != text {
		return l.pointer(r, code, at, name, to, address)
	}
	if at%slot != 0 || at+slot > uint64(len(code)) {
		return errors.New("relocation outside the instructions")
	}
	immediate := int64(int32(binary.LittleEndian.Uint32(code[at+4:])))
	switch {
	case r.kind == relocation64 && code[at] == isa.LDDW && at+2*slot <= uint64(len(code)):
		switch to {
		case data:
			code[at] = isa.LDDWD
		case rodata:
			code[at] = isa.LDDWR
		default:
			return linkError(ErrPointer, name, "takes the address of function %s: there are no calls through pointers", name)
		}
		if binary.LittleEndian.Uint32(code[at+slot+4:]) != 0 {
			return fmt.Errorf("offset from %s does not fit 32 bits", name)
		}
		value := immediate + int64(address)
		if value < 0 || value > int64(len(l.content[to])) {
			return fmt.Errorf("address %d bytes from the beginning of %s's section lies outside it", value, name)
		}
		binary.LittleEndian.PutUint32(code[at+4:], uint32(value))
		return nil

	case r.kind == relocation64Call && code[at] == opcodeCall:
		if to != text {
			return fmt.Errorf("calls %s, which is not a function", name)
		}
		// The immediate counts instructions from the one after the call.
		destination := int64(address)/slot + immediate + 1
		if destination < 0 || destination >= int64(len(code))/slot {
			return fmt.Errorf("calls beyond .text, near %s", name)
		}
		code[at+1] = code[at+1]&15 | isa.CallLocal<<4
		binary.LittleEndian.PutUint32(code[at+4:], uint32(int32(destination-int64(at)/slot-1)))
		return nil
	}
	return fmt.Errorf("relocation of type %d on opcode %#02x is not supported", r.kind, code[at])
}

// pointer puts the address that a container sees into initialised data.
func (l *linker) pointer(r relocation, content []byte, at uint64, name string, to segment, address uint64) error {
	region := map[segment]int{data: vm.RegionData, rodata: vm.RegionRodata}[to]
	switch {
	case r.kind != relocationAbs64 || at+8 > uint64(len(content)):
		return fmt.Errorf("relocation of type %d in initialised data is not supported: an address takes eight bytes", r.kind)
	case region == 0:
		return linkError(ErrPointer, name, "holds the address of function %s: there are no calls through pointers", name)
	}
	value := int64(binary.LittleEndian.Uint64(content[at:])) + int64(address)
	if value < 0 || value > int64(len(l.content[to])) {
		return fmt.Errorf("address %d bytes from the beginning of %s's section lies outside it", value, name)
	}
	binary.LittleEndian.PutUint64(content[at:], vm.Address(region, uint32(value)))
	return nil
}
