// Package build turns what a container author wrote into a container image.
package build

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/femto-containers/femto/image"
)

// Relocation types of BPF objects, which debug/elf does not name.
const (
	relocationNone   = 0
	relocation64     = 1  // R_BPF_64_64: the two immediates of lddw
	relocation64Call = 10 // R_BPF_64_32: the immediate of a call
)

const (
	opcodeLoad   = 0x18 // lddw
	opcodeData   = 0xb8 // lddwd: relative to .data
	opcodeRodata = 0xd8 // lddwr: relative to .rodata
	opcodeCall   = 0x85

	slot = 8 // bytes of an instruction

	// Bounds on what an object may claim, far above any microcontroller.
	maxSection = 1 << 24
	maxAlign   = 1 << 12
)

// metaSection holds what FEMTO_META said: for the builder, not the device.
const metaSection = ".femto.meta"

// A segment is what sections of an object become in an image.
type segment uint8

const (
	none segment = iota
	text
	rodata
	data
)

type linker struct {
	file    *elf.File
	symbols []elf.Symbol
	content [4][]byte
	segment []segment // by section index
	base    []uint64  // by section index, in bytes from the segment's beginning
}

// Link makes a version 0 image of a relocatable BPF object as clang writes it.
// Its entry is the first function of .text. The image depends on the sections,
// symbols and relocations only: the same object gives the same bytes.
func Link(object []byte) ([]byte, error) {
	file, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("not an ELF object: %w", err)
	}
	defer file.Close()
	if file.Machine != elf.EM_BPF || file.Type != elf.ET_REL || file.Data != elf.ELFDATA2LSB {
		return nil, fmt.Errorf("object is %v %v %v; want a little-endian relocatable BPF object (clang -target bpf -c)", file.Machine, file.Data, file.Type)
	}
	l := &linker{file: file, segment: make([]segment, len(file.Sections)), base: make([]uint64, len(file.Sections))}
	if l.symbols, err = file.Symbols(); err != nil && !errors.Is(err, elf.ErrNoSymbols) {
		return nil, fmt.Errorf("symbols: %w", err)
	}
	if err := l.place(); err != nil {
		return nil, err
	}
	if err := l.relocate(); err != nil {
		return nil, err
	}
	functions, err := l.functions()
	if err != nil {
		return nil, err
	}
	out := image.Append(nil, image.Parts{Data: l.content[data], Rodata: l.content[rodata], Text: l.content[text], Functions: functions})
	if out == nil {
		return nil, errors.New("functions or their names lie beyond 65535 bytes, which the function table cannot express")
	}
	if _, e := image.Parse(out); e != image.OK {
		return nil, fmt.Errorf("object does not make an image: %w", e)
	}
	return out, nil
}

// place collects the sections that occupy memory. Sections of zeros go last,
// in .data, for an image has no other place for them.
func (l *linker) place() error {
	for _, zeros := range []bool{false, true} {
		for i, s := range l.file.Sections {
			if s.Flags&elf.SHF_ALLOC == 0 || s.Size == 0 || s.Name == metaSection || (s.Type == elf.SHT_NOBITS) != zeros {
				continue
			}
			var to segment
			switch {
			case s.Name == ".text":
				to = text
			case s.Name == ".rodata" || strings.HasPrefix(s.Name, ".rodata."):
				to = rodata
			case s.Name == ".data" || strings.HasPrefix(s.Name, ".data.") || zeros:
				to = data
			case s.Flags&elf.SHF_EXECINSTR != 0:
				return fmt.Errorf("section %s holds code: put every function into .text", s.Name)
			default:
				return fmt.Errorf("section %s has no place in an image", s.Name)
			}
			if s.Size > maxSection || s.Addralign > maxAlign {
				return fmt.Errorf("section %s is too large for an image: %d bytes, aligned to %d", s.Name, s.Size, s.Addralign)
			}
			content := make([]byte, s.Size)
			if !zeros {
				var err error
				if content, err = s.Data(); err != nil {
					return fmt.Errorf("section %s: %w", s.Name, err)
				}
			}
			if to == text && len(content)%slot != 0 {
				return fmt.Errorf("section %s ends in the middle of an instruction", s.Name)
			}
			for s.Addralign > 1 && uint64(len(l.content[to]))%s.Addralign != 0 {
				l.content[to] = append(l.content[to], 0)
			}
			l.segment[i], l.base[i] = to, uint64(len(l.content[to]))
			l.content[to] = append(l.content[to], content...)
		}
	}
	if len(l.content[text]) == 0 {
		return errors.New("object has no .text: nothing to run")
	}
	return nil
}

func (l *linker) relocate() error {
	for _, s := range l.file.Sections {
		if s.Type != elf.SHT_REL && s.Type != elf.SHT_RELA {
			continue
		}
		if int(s.Info) >= len(l.segment) || l.segment[s.Info] == none {
			continue // of a section that is left out, as debugging information is
		}
		target := l.file.Sections[s.Info]
		if l.segment[s.Info] != text || s.Type == elf.SHT_RELA {
			return fmt.Errorf("%s: an address in initialised data is not supported: compute it in the function", target.Name)
		}
		entries, err := s.Data()
		if err != nil {
			return fmt.Errorf("section %s: %w", s.Name, err)
		}
		for ; len(entries) >= 16; entries = entries[16:] {
			offset := binary.LittleEndian.Uint64(entries)
			info := binary.LittleEndian.Uint64(entries[8:])
			if err := l.relocateOne(l.base[s.Info]+offset, elf.R_TYPE64(info), elf.R_SYM64(info)); err != nil {
				return fmt.Errorf(".text+%#x: %w", offset, err)
			}
		}
	}
	return nil
}

func (l *linker) relocateOne(at uint64, kind, number uint32) error {
	code := l.content[text]
	if at%slot != 0 || at >= uint64(len(code)) {
		return errors.New("relocation outside the instructions")
	}
	if kind == relocationNone {
		return nil
	}
	// file.Symbols leaves out the null symbol that is number 0.
	if number == 0 || int(number) > len(l.symbols) {
		return fmt.Errorf("relocation names symbol %d, which does not exist", number)
	}
	symbol := l.symbols[number-1]
	if symbol.Section == elf.SHN_UNDEF {
		return fmt.Errorf("%s is not defined: helpers are called by number, and there is no C library", symbol.Name)
	}
	if int(symbol.Section) >= len(l.segment) || l.segment[symbol.Section] == none {
		return fmt.Errorf("%s lies in a section that is not part of the image", name(symbol))
	}
	to := l.segment[symbol.Section]
	address := l.base[symbol.Section] + symbol.Value
	opcode := code[at]
	immediate := int64(int32(binary.LittleEndian.Uint32(code[at+4:])))

	switch {
	case kind == relocation64 && opcode == opcodeLoad && at+2*slot <= uint64(len(code)):
		switch to {
		case data:
			code[at] = opcodeData
		case rodata:
			code[at] = opcodeRodata
		default:
			return fmt.Errorf("takes the address of function %s: there are no calls through pointers", name(symbol))
		}
		if binary.LittleEndian.Uint32(code[at+slot+4:]) != 0 {
			return fmt.Errorf("offset from %s does not fit 32 bits", name(symbol))
		}
		value := immediate + int64(address)
		if value < 0 || value > int64(len(l.content[to])) {
			return fmt.Errorf("address %d bytes from the beginning of %s's section lies outside it", value, name(symbol))
		}
		binary.LittleEndian.PutUint32(code[at+4:], uint32(value))
		return nil

	case kind == relocation64Call && opcode == opcodeCall:
		if to != text {
			return fmt.Errorf("calls %s, which is not a function", name(symbol))
		}
		// The immediate counts instructions from the one after the call.
		destination := int64(address)/slot + immediate + 1
		if destination < 0 || destination >= int64(len(code))/slot {
			return fmt.Errorf("calls beyond .text, near %s", name(symbol))
		}
		binary.LittleEndian.PutUint32(code[at+4:], uint32(int32(destination-int64(at)/slot-1)))
		return nil
	}
	return fmt.Errorf("relocation of type %d on opcode %#02x is not supported", kind, opcode)
}

// functions lists the global functions in the order of the symbol table.
func (l *linker) functions() ([]image.Function, error) {
	var list []image.Function
	entry := false
	for _, s := range l.symbols {
		if elf.ST_TYPE(s.Info) != elf.STT_FUNC || elf.ST_BIND(s.Info) != elf.STB_GLOBAL ||
			int(s.Section) >= len(l.segment) || l.segment[s.Section] != text {
			continue
		}
		offset := l.base[s.Section] + s.Value
		entry = entry || offset == 0
		list = append(list, image.Function{Name: []byte(s.Name), Offset: int(offset)})
	}
	if len(list) > 0 && !entry {
		return nil, fmt.Errorf("execution begins with the first function of the source, which is static: make %s the first one", list[0].Name)
	}
	return list, nil
}

func name(s elf.Symbol) string {
	if s.Name == "" {
		return "a symbol without a name"
	}
	return s.Name
}
