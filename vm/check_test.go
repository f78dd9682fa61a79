package vm_test

import (
	"encoding/binary"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// fields that an instruction may use, beside the opcode.
const (
	useDst = 1 << iota
	useSrc
	useOff
	useImm
)

// forms lists every instruction of the supported groups once, with the fields
// RFC 9669 lets it use; each is followed by an exit in the tests.
func forms() map[string]int {
	all := map[string]int{
		"neg %r1": useDst, "neg32 %r1": useDst,
		"le16 %r1": useDst | useImm, "be16 %r1": useDst | useImm, "bswap16 %r1": useDst | useImm,
		"movsx864 %r1, %r2": useDst | useSrc | useOff, "movsx832 %r1, %r2": useDst | useSrc | useOff,
		"ja +0": useOff, "ja32 +0": useImm, "call 5": useImm | useSrc, "call local +0": useImm | useSrc, "exit": 0,
		"lock add [%r1], %r2":       useDst | useSrc | useOff | useImm,
		"lock cmpxchg32 [%r1], %r2": useDst | useSrc | useOff | useImm,
	}
	for _, width := range []string{"", "32"} {
		for _, op := range strings.Fields("add sub mul or and lsh rsh xor arsh") {
			all[op+width+" %r1, 1"] = useDst | useImm
			all[op+width+" %r1, %r2"] = useDst | useSrc
		}
		for _, op := range strings.Fields("div mod") {
			all[op+width+" %r1, 1"] = useDst | useOff | useImm
			all[op+width+" %r1, %r2"] = useDst | useSrc | useOff
		}
		all["mov"+width+" %r1, 1"] = useDst | useImm
		all["mov"+width+" %r1, %r2"] = useDst | useSrc | useOff
		for _, op := range strings.Fields("jeq jgt jge jset jne jsgt jsge jlt jle jslt jsle") {
			all[op+width+" %r1, 1, +0"] = useDst | useOff | useImm
			all[op+width+" %r1, %r2, +0"] = useDst | useSrc | useOff
		}
	}
	for _, size := range strings.Fields("b h w dw") {
		all["ldx"+size+" %r1, [%r2]"] = useDst | useSrc | useOff
		all["st"+size+" [%r1], 1"] = useDst | useOff | useImm
		all["stx"+size+" [%r1], %r2"] = useDst | useSrc | useOff
		if size != "dw" {
			all["ldxs"+size+" %r1, [%r2]"] = useDst | useSrc | useOff
		}
	}
	for _, op := range strings.Fields("lddw lddwd lddwr") {
		all[op+" %r1, 1"] = useDst | useImm
	}
	return all
}

func checkFault(text []byte) vm.Fault {
	_, err := vm.Check(text, allHelpers())
	return err.Fault
}

func TestCheckAcceptsEveryForm(t *testing.T) {
	accepted := map[byte]bool{}
	for source := range forms() {
		text := assemble(t, source+"\nexit")
		if fault := checkFault(text); fault != vm.OK {
			t.Errorf("%s: %v", source, fault)
		}
		accepted[text[0]] = true
	}
	// and be, whose width is in the immediate, is all there is:
	for op := range 256 {
		in := isa.Instruction{Opcode: byte(op), Dst: 1}
		if op == isa.ClassJMP|isa.EXIT || op&^isa.SourceX == isa.ClassJMP|isa.CALL || op&^3 == isa.JA|4 {
			in.Dst = 0
		}
		if op&0xf7 == isa.ClassALU|isa.END || op == isa.ClassALU64|isa.END {
			in.Imm = 16
		}
		text := in.Append(nil)
		if in.Wide() {
			text = append(text, make([]byte, 8)...)
		}
		text = append(text, assemble(t, "exit")...)
		if got := checkFault(text) == vm.OK; got != accepted[byte(op)] {
			t.Errorf("opcode %#x: accepted %t", op, got)
		}
	}
}

// RFC 9669 §3: unused fields are zero. Every form of every instruction, with
// each field that it does not use set to each of a few values, alone.
func TestCheckUnusedFields(t *testing.T) {
	fields := []struct {
		name       string
		use        int
		first, end int // bits
	}{
		{"destination", useDst, 8, 12}, {"source", useSrc, 12, 16}, {"offset", useOff, 16, 32}, {"immediate", useImm, 32, 64},
	}
	cases := 0
	for source, used := range forms() {
		for _, field := range fields {
			if used&field.use != 0 {
				continue
			}
			cases++
			size := field.end - field.first
			for value := uint64(1); value < 1<<size; value = value<<1 | value&1 {
				for _, value := range []uint64{value, 1 << (size - 1), value &^ 1} {
					if value == 0 {
						continue
					}
					text := assemble(t, source+"\nexit")
					slot := binary.LittleEndian.Uint64(text) | value<<field.first
					binary.LittleEndian.PutUint64(text, slot)
					want := vm.FaultField
					if field.use == useSrc && strings.HasPrefix(source, "lddw ") && value <= 6 {
						want = vm.FaultPseudo
					}
					if fault := checkFault(text); fault != want {
						t.Errorf("%s with %s %#x: got %v, want %v", source, field.name, value, fault, want)
					}
				}
			}
		}
	}
	if len(forms()) != 124 || cases != 179 {
		t.Errorf("%d forms, %d unused fields", len(forms()), cases)
	}
}

func TestCheckRegisters(t *testing.T) {
	writes := func(source string) bool {
		in := isa.Decode(assemble(t, source))
		class := in.Class()
		return class == isa.ClassALU || class == isa.ClassALU64 || class == isa.ClassLD || class == isa.ClassLDX
	}
	for source, used := range forms() {
		text := assemble(t, source+"\nexit")
		for reg := byte(0); reg < 16; reg++ {
			if used&useDst != 0 {
				want := vm.OK
				if reg > 10 || reg == 10 && writes(source) {
					want = vm.FaultRegister
				}
				text[1] = text[1]&0xf0 | reg
				if got := checkFault(text); got != want {
					t.Errorf("%s with destination r%d: got %v, want %v", source, reg, got, want)
				}
				text[1] = text[1]&0xf0 | 1
			}
			if used&useSrc != 0 && !strings.HasPrefix(source, "call") {
				want := vm.OK
				if reg > 10 {
					want = vm.FaultRegister
				}
				text[1] = text[1]&0x0f | reg<<4
				if got := checkFault(text); got != want {
					t.Errorf("%s with source r%d: got %v, want %v", source, reg, got, want)
				}
				text[1] = text[1]&0x0f | 2<<4
			}
		}
	}
}

// Hostile texts that the load-time check must refuse. Slots are separated by
// spaces; "|" stands before assembly.
func TestCheckRefuses(t *testing.T) {
	const exit = "9500000000000000"
	tests := []struct {
		name  string
		text  string
		fault vm.Fault
		pc    int
	}{
		{"empty text", "", vm.FaultLength, 0},
		{"text shorter than a slot", "95000000", vm.FaultLength, 0},
		{"text with half a slot at the end", exit + "95000000", vm.FaultLength, 0},
		{"opcode 0", "0000000000000000 " + exit, vm.FaultInstruction, 0},
		{"neg in its register form", "8f01000000000000 " + exit, vm.FaultInstruction, 0},
		{"callx", "|mov %r2, 5\ncall %r2\nexit", vm.FaultCallx, 1},
		{"exit in the 32-bit class", "9600000000000000 " + exit, vm.FaultInstruction, 0},
		{"call in the 32-bit class", "8600000005000000 " + exit, vm.FaultInstruction, 0},
		{"ldabs", "3000000000000000 " + exit, vm.FaultPacket, 0},
		{"ldind", "4800000000000000 " + exit, vm.FaultPacket, 0},
		{"lddw of a map", "1811000001000000 0000000000000000 " + exit, vm.FaultPseudo, 0},
		{"lddw of a code address", "1841000001000000 0000000000000000 " + exit, vm.FaultPseudo, 0},
		{"lddw source 7", "1871000001000000 0000000000000000 " + exit, vm.FaultField, 0},
		{"ldxsdw", "9910000000000000 " + exit, vm.FaultInstruction, 0},
		{"atomic on a byte", "d321000000000000 " + exit, vm.FaultInstruction, 0},
		{"atomic of an unknown kind", "db21000010000000 " + exit, vm.FaultField, 0},
		{"xchg without fetch", "db210000e0000000 " + exit, vm.FaultField, 0},
		{"atomic with high immediate bits", "db21000000010000 " + exit, vm.FaultField, 0},
		{"fetch into r10", "|lock fetch add [%r1], %r10\nexit", vm.FaultRegister, 0},
		{"xchg into r10", "|lock xchg [%r1], %r10\nexit", vm.FaultRegister, 0},
		{"byte order of 8 bits", "dc01000008000000 " + exit, vm.FaultField, 0},
		{"bswap with the source bit", "df01000010000000 " + exit, vm.FaultInstruction, 0},
		{"division with offset 2", "3f21020000000000 " + exit, vm.FaultField, 0},
		{"movsx of 4 bits", "bf21040000000000 " + exit, vm.FaultField, 0},
		{"movsx of 32 bits to 32", "bc21200000000000 " + exit, vm.FaultField, 0},
		{"movsx of an immediate", "b701080001000000 " + exit, vm.FaultField, 0},
		{"call of an unknown kind", "8530000000000000 " + exit, vm.FaultCall, 0},
		{"call by BTF id", "|call runtime 1\nexit", vm.FaultCall, 0},
		{"helper number above 255", "|call 256\nexit", vm.FaultCall, 0},
		{"negative helper number", "|call -1\nexit", vm.FaultCall, 0},
		{"helper not granted", "|mov %r0, 0\ncall 9\nexit", vm.FaultNotGranted, 1},
		{"jump past the end", "|ja +1\nexit", vm.FaultJump, 0},
		{"jump one past the end", "|mov %r0, 0\njeq %r0, 0, +1\nexit", vm.FaultJump, 1},
		{"jump before the start", "|ja -2\nexit", vm.FaultJump, 0},
		{"jump far before the start", "|ja -32768\nexit", vm.FaultJump, 0},
		{"ja32 past the end", "|ja32 +1\nexit", vm.FaultJump, 0},
		{"ja32 that wraps 32 bits", "|ja32 0x7fffffff\nexit", vm.FaultJump, 0},
		{"ja32 far back", "|ja32 -2147483648\nexit", vm.FaultJump, 0},
		{"local call past the end", "|call local +1\nexit", vm.FaultJump, 0},
		{"local call that wraps 32 bits", "|call local 2147483647\nexit", vm.FaultJump, 0},
		{"local call into lddw", "|call local +1\nlddw %r0, 1\nexit", vm.FaultJump, 0},
		{"lddw at the end", "|exit\nlddw %r0, 1", vm.FaultNoReturn, 1},
		{"lddw cut in half", exit + " 1800000001000000", vm.FaultWide, 1},
		{"last instruction falls through", "|mov %r0, 0", vm.FaultNoReturn, 0},
		{"last instruction is a condition", "|exit\njeq %r0, 0, -1", vm.FaultNoReturn, 1},
		{"last instruction is a helper call", "|exit\ncall 5", vm.FaultNoReturn, 1},
		{"last instruction is a local call", "|exit\ncall local -2", vm.FaultNoReturn, 1},
		{"last instruction is a store", "|exit\nstb [%r10-1], 0", vm.FaultNoReturn, 1},
		{"last instruction is atomic", "|exit\nlock add [%r10-8], %r0", vm.FaultNoReturn, 1},
	}
	var granted vm.HelperSet
	granted.Add(5)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var text []byte
			if source, ok := strings.CutPrefix(tt.text, "|"); ok {
				text = assemble(t, source)
			} else {
				var err error
				if text, err = hex.DecodeString(strings.ReplaceAll(tt.text, " ", "")); err != nil {
					t.Fatal(err)
				}
			}
			_, err := vm.Check(text, &granted)
			if err.Fault != tt.fault || err.PC != tt.pc {
				t.Errorf("got %v at %d, want %v at %d", err, err.PC, tt.fault, tt.pc)
			}
		})
	}
}

// Of all immediates, ten are atomic operations (RFC 9669 §5.3).
func TestCheckAtomicOperations(t *testing.T) {
	defined := map[int32]bool{0: true, 1: true, 0x40: true, 0x41: true, 0x50: true, 0x51: true,
		0xa0: true, 0xa1: true, 0xe1: true, 0xf1: true}
	for imm := int32(-0x200); imm < 0x400; imm++ {
		for _, opcode := range []uint8{0xc3, 0xdb} {
			text := isa.Instruction{Opcode: opcode, Dst: 1, Src: 2, Imm: imm}.Append(nil)
			text = append(text, assemble(t, "exit")...)
			want := vm.FaultField
			if defined[imm] {
				want = vm.OK
			}
			if got := checkFault(text); got != want {
				t.Errorf("opcode %#x, operation %#x: got %v, want %v", opcode, imm, got, want)
			}
		}
	}
}

func TestCheckAccepts(t *testing.T) {
	for name, source := range map[string]string{
		"jump to the first instruction": "exit\nja -2",
		"jump to itself":                "ja -1",
		"ends in a backward ja32":       "exit\nja32 -2",
		"cmpxchg with r10":              "lock cmpxchg [%r10-8], %r10\nexit",
		"unreachable code":              "exit\nmov %r0, 1\nexit",
	} {
		if fault := checkFault(assemble(t, source)); fault != vm.OK {
			t.Errorf("%s: %v", name, fault)
		}
	}
}

func TestCheckNeed(t *testing.T) {
	const tangled = vm.MaxDepth + 1
	tests := []struct {
		name, source string
		frame        uint16
		depth        uint8
		stack        uint32
		helpers      []uint8
	}{
		{"nothing", "exit", 0, 0, 0, nil},
		{"leaf", "stdw [%r10-16], 1\nexit", 0, 0, 16, nil},
		{"atomic", "lock fetch add [%r10-24], %r1\nexit", 0, 0, 24, nil},
		{"r10 stored is no access", "stxdw [%r1-40], %r10\nexit", 0, 0, 0, nil},
		{"helpers", "call 5\ncall 255\ncall 0\nexit", 0, 0, 0, []uint8{0, 5, 255}},
		{"no stack used", "call local +1\nexit\nexit", 8, 1, 16, nil},
		{"store", "call local +1\nexit\nstw [%r10-20], 1\nexit", 24, 1, 48, nil},
		{"load", "call local +1\nexit\nldxb %r1, [%r10-33]\nexit", 40, 1, 80, nil},
		{"pointer to a local", "call local +1\nexit\nmov %r1, %r10\nadd %r1, -104\nexit", 104, 1, 208, nil},
		{"pointer used in another way", "call local +1\nexit\nmov %r1, %r10\nmov %r2, 1\nadd %r1, %r2\nexit", vm.DefaultFrame, 1, 128, nil},
		{"more than there can be", "call local +1\nexit\nmov %r1, %r10\nadd %r1, -1000000\nexit", 65528, 1, 2 * 65528, nil},
		{"one function many times", "call local +3\ncall local +2\ncall local +1\nexit\nexit", 8, 1, 16, nil},
		{"a chain of two", "call local +1\nexit\ncall local +1\nexit\nexit", 8, 2, 24, nil},
		{"callee before its caller", "call local +2\nexit\nexit\ncall local -2\nexit", 8, 2, 24, nil},
		{"the longer of two chains", "call local +2\ncall local +3\nexit\ncall local +2\nexit\nexit\nexit", 8, 2, 24, nil},
		{"call behind a forward jump", "ja +1\nexit\ncall local +1\nexit\nexit", 8, 1, 16, nil},
		{"call behind an early exit", "jeq %r1, 0, +1\nexit\ncall local +1\nexit\nexit", 8, 1, 16, nil},
		{"call behind a far jump", "ja32 +1\nexit\ncall local +1\nexit\nexit", 8, 1, 16, nil},
		{"call behind lddw", "lddw %r1, 5\ncall local +1\nexit\nexit", 8, 1, 16, nil},
		{"function in the way of nothing", "call local +1\nexit\nja -1\ncall local -2\nexit", 8, 1, 16, nil},
		{"eight deep", strings.Repeat("call local +1\nexit\n", 8) + "exit", 8, 8, 72, nil},
		{"nine deep", strings.Repeat("call local +1\nexit\n", 9) + "exit", 8, tangled, 80, nil},
		{"recursion", "call local -1\nexit", 8, tangled, 80, nil},
		{"recursion over another", "call local +1\nexit\ncall local -3\nexit", 8, tangled, 80, nil},
		{"recursion behind a loop", "call local +1\nexit\nadd %r1, -1\njne %r1, 0, -2\ncall local -3\nexit", 8, tangled, 80, nil},
		{"jump to before the function", "call local +1\nexit\nja -2", 8, tangled, 80, nil},
		{"too many paths", strings.Repeat("call local +9\n", 9) + "exit\n" +
			strings.Repeat(strings.Repeat("call local +9\n", 9)+"exit\n", 6) + strings.Repeat("exit\n", 10), 8, tangled, 80, nil},
	}
	for _, tt := range tests {
		text := assemble(t, tt.source)
		need, err := vm.Check(text, allHelpers())
		if err.Fault != vm.OK {
			t.Errorf("%s: %v", tt.name, err)
		}
		var want vm.HelperSet
		for _, n := range tt.helpers {
			want.Add(n)
		}
		if need.Frame != tt.frame || need.Depth != tt.depth || need.Stack != tt.stack || need.Helpers != want {
			t.Errorf("%s: got frame %d, depth %d, stack %d, helpers %x; want %d, %d, %d, %x",
				tt.name, need.Frame, need.Depth, need.Stack, need.Helpers, tt.frame, tt.depth, tt.stack, want)
		}
		var into vm.Need
		if again := into.Check(text, allHelpers()); into != need || again != err {
			t.Errorf("%s: Need.Check finds %+v, Check %+v", tt.name, into, need)
		}
	}
}

func TestHelperSet(t *testing.T) {
	var a, b vm.HelperSet
	for _, n := range []uint8{0, 31, 32, 200, 255} {
		a.Add(n)
	}
	b.Add(32)
	b.Add(7)
	left := a.Without(&b)
	for n := range 256 {
		want := n == 0 || n == 31 || n == 200 || n == 255
		if left.Has(uint8(n)) != want {
			t.Errorf("%d: got %t", n, !want)
		}
	}
	if left = a.Without(&a); !left.Empty() || a.Empty() {
		t.Errorf("Empty is wrong")
	}
}
