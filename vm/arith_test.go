package vm_test

import (
	"fmt"
	"math/bits"
	"testing"

	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

var edges = []uint64{
	0, 1, 2, 3, 7, 31, 32, 33, 63, 64, 65, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff,
	0x7fffffff, 0x80000000, 0x80000001, 0xffffffff, 0x100000000, 0x1ffffffff,
	0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000, 0x8000000000000001,
	0xffffffff00000000, 0xffffffff7fffffff, 0xffffffff80000000, 0xfffffffffffffffe, ^uint64(0),
}

// The expected values are computed in the width of the operation, each in its
// own Go type, unlike the interpreter, which computes in 64 bits throughout.
var alu64 = map[string]func(a, b uint64) uint64{
	"add": func(a, b uint64) uint64 { return a + b },
	"sub": func(a, b uint64) uint64 { return a - b },
	"mul": func(a, b uint64) uint64 { return a * b },
	"div": func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return a / b
	},
	"sdiv": func(a, b uint64) uint64 {
		if b == 0 {
			return 0
		}
		return uint64(int64(a) / int64(b))
	},
	"mod": func(a, b uint64) uint64 {
		if b == 0 {
			return a
		}
		return a % b
	},
	"smod": func(a, b uint64) uint64 {
		if b == 0 {
			return a
		}
		return uint64(int64(a) % int64(b))
	},
	"or":        func(a, b uint64) uint64 { return a | b },
	"and":       func(a, b uint64) uint64 { return a & b },
	"xor":       func(a, b uint64) uint64 { return a ^ b },
	"lsh":       func(a, b uint64) uint64 { return a << (b % 64) },
	"rsh":       func(a, b uint64) uint64 { return a >> (b % 64) },
	"arsh":      func(a, b uint64) uint64 { return uint64(int64(a) >> (b % 64)) },
	"mov":       func(_, b uint64) uint64 { return b },
	"movsx864":  func(_, b uint64) uint64 { return uint64(int8(b)) },
	"movsx1664": func(_, b uint64) uint64 { return uint64(int16(b)) },
	"movsx3264": func(_, b uint64) uint64 { return uint64(int32(b)) },
}

var alu32 = map[string]func(a, b uint32) uint32{
	"add32": func(a, b uint32) uint32 { return a + b },
	"sub32": func(a, b uint32) uint32 { return a - b },
	"mul32": func(a, b uint32) uint32 { return a * b },
	"div32": func(a, b uint32) uint32 {
		if b == 0 {
			return 0
		}
		return a / b
	},
	"sdiv32": func(a, b uint32) uint32 {
		if b == 0 {
			return 0
		}
		return uint32(int32(a) / int32(b))
	},
	"mod32": func(a, b uint32) uint32 {
		if b == 0 {
			return a
		}
		return a % b
	},
	"smod32": func(a, b uint32) uint32 {
		if b == 0 {
			return a
		}
		return uint32(int32(a) % int32(b))
	},
	"or32":      func(a, b uint32) uint32 { return a | b },
	"and32":     func(a, b uint32) uint32 { return a & b },
	"xor32":     func(a, b uint32) uint32 { return a ^ b },
	"lsh32":     func(a, b uint32) uint32 { return a << (b % 32) },
	"rsh32":     func(a, b uint32) uint32 { return a >> (b % 32) },
	"arsh32":    func(a, b uint32) uint32 { return uint32(int32(a) >> (b % 32)) },
	"mov32":     func(_, b uint32) uint32 { return b },
	"movsx832":  func(_, b uint32) uint32 { return uint32(int8(b)) },
	"movsx1632": func(_, b uint32) uint32 { return uint32(int16(b)) },
}

var unary = map[string]func(a uint64) uint64{
	"neg":     func(a uint64) uint64 { return -a },
	"neg32":   func(a uint64) uint64 { return uint64(-uint32(a)) },
	"le16":    func(a uint64) uint64 { return uint64(uint16(a)) },
	"le32":    func(a uint64) uint64 { return uint64(uint32(a)) },
	"le64":    func(a uint64) uint64 { return a },
	"be16":    func(a uint64) uint64 { return uint64(bits.ReverseBytes16(uint16(a))) },
	"be32":    func(a uint64) uint64 { return uint64(bits.ReverseBytes32(uint32(a))) },
	"be64":    bits.ReverseBytes64,
	"bswap16": func(a uint64) uint64 { return uint64(bits.ReverseBytes16(uint16(a))) },
	"bswap32": func(a uint64) uint64 { return uint64(bits.ReverseBytes32(uint32(a))) },
	"bswap64": bits.ReverseBytes64,
}

var compare = map[string]func(a, b uint64, sa, sb int64) bool{
	"jeq":  func(a, b uint64, _, _ int64) bool { return a == b },
	"jne":  func(a, b uint64, _, _ int64) bool { return a != b },
	"jgt":  func(a, b uint64, _, _ int64) bool { return a > b },
	"jge":  func(a, b uint64, _, _ int64) bool { return a >= b },
	"jlt":  func(a, b uint64, _, _ int64) bool { return a < b },
	"jle":  func(a, b uint64, _, _ int64) bool { return a <= b },
	"jset": func(a, b uint64, _, _ int64) bool { return a&b != 0 },
	"jsgt": func(_, _ uint64, a, b int64) bool { return a > b },
	"jsge": func(_, _ uint64, a, b int64) bool { return a >= b },
	"jslt": func(_, _ uint64, a, b int64) bool { return a < b },
	"jsle": func(_, _ uint64, a, b int64) bool { return a <= b },
}

// operation assembles the register and the immediate form of "name r1, r2" and
// returns a function that runs either on two operands.
func operation(t *testing.T, name, tail string, result int) (reg func(a, b uint64) uint64, imm func(a uint64, b int32) uint64) {
	t.Helper()
	finish := fmt.Sprintf("\nexit\nyes:\nmov %%r%d, 1\nexit\n", result)
	regText := assemble(t, fmt.Sprintf("%s %%r1, %%r2%s%s", name, tail, finish))
	immText := append([]byte(nil), regText...)
	immText[0] &^= isa.SourceX
	immText[1] &= 15
	m := testMachine(nil)
	run := func(text []byte, a, b uint64) uint64 {
		if _, err := vm.Check(text, allHelpers()); err.Fault != vm.OK {
			t.Fatalf("%s: %v at %d", name, err, err.PC)
		}
		m.Reset(text, 10)
		m.SetRegister(1, a)
		m.SetRegister(2, b)
		if m.Run() != vm.Done {
			t.Fatalf("%s: %v", name, m.Fault())
		}
		return m.Register(result)
	}
	return func(a, b uint64) uint64 { return run(regText, a, b) },
		func(a uint64, b int32) uint64 {
			for i := range 4 {
				immText[4+i] = byte(uint32(b) >> (8 * i))
			}
			return run(immText, a, 0)
		}
}

func TestArithmetic(t *testing.T) {
	each := func(name string, want func(a, b uint64) uint64) {
		t.Run(name, func(t *testing.T) {
			reg, imm := operation(t, name, "", 1)
			for _, a := range edges {
				for _, b := range edges {
					if got := reg(a, b); got != want(a, b) {
						t.Errorf("register form, %#x, %#x: got %#x, want %#x", a, b, got, want(a, b))
					}
					if len(name) > 5 && name[:5] == "movsx" {
						continue // has no immediate form
					}
					if got, want := imm(a, int32(b)), want(a, uint64(int32(b))); got != want {
						t.Errorf("immediate form, %#x, %#x: got %#x, want %#x", a, int32(b), got, want)
					}
				}
			}
		})
	}
	for name, want := range alu64 {
		each(name, want)
	}
	for name, want := range alu32 {
		each(name, func(a, b uint64) uint64 { return uint64(want(uint32(a), uint32(b))) })
	}
}

func TestUnaryOperations(t *testing.T) {
	for name, want := range unary {
		text := assemble(t, "mov %r0, %r1\n"+name+" %r0\nexit")
		m := testMachine(nil)
		for _, a := range edges {
			m.Reset(text, 10)
			m.SetRegister(1, a)
			if m.Run() != vm.Done || m.Result() != want(a) {
				t.Errorf("%s %#x: got %#x, want %#x", name, a, m.Result(), want(a))
			}
		}
	}
}

func TestConditions(t *testing.T) {
	taken := func(v uint64) bool { return v == 1 }
	for name, want := range compare {
		t.Run(name, func(t *testing.T) {
			reg, imm := operation(t, name, ", yes", 0)
			reg32, imm32 := operation(t, name+"32", ", yes", 0)
			for _, a := range edges {
				for _, b := range edges {
					k := int32(b)
					for _, tt := range []struct {
						form      string
						got, want bool
					}{
						{"register", taken(reg(a, b)), want(a, b, int64(a), int64(b))},
						{"immediate", taken(imm(a, k)), want(a, uint64(k), int64(a), int64(k))},
						{"register 32", taken(reg32(a, b)), want(uint64(uint32(a)), uint64(uint32(b)), int64(int32(a)), int64(k))},
						{"immediate 32", taken(imm32(a, k)), want(uint64(uint32(a)), uint64(uint32(k)), int64(int32(a)), int64(k))},
					} {
						if tt.got != tt.want {
							t.Errorf("%s, %#x, %#x: got %t", tt.form, a, b, tt.got)
						}
					}
				}
			}
		})
	}
}
