package vmvectors_test

import (
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vmfuzz"
	"github.com/femto-containers/femto/internal/vmvectors"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// TestReference: the judge passes first.
func TestReference(t *testing.T) {
	for _, v := range vmvectors.Load(t) {
		t.Run(v.Name, func(t *testing.T) {
			if err := v.Judge(v.RunReference(nil)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFaultsAreCovered wants each fault in a vector, but for those that none
// can reach: division never faults, and the one helper refuses nothing.
func TestFaultsAreCovered(t *testing.T) {
	seen := map[vm.Fault]bool{vm.FaultDivision: true, vm.FaultArgument: true}
	for _, v := range vmvectors.Load(t) {
		o := v.Run(0)
		seen[o.Fault] = true
	}
	for f := vm.OK; f >= vm.FaultArgument; f-- {
		if !seen[f] {
			t.Errorf("no vector ends with %v", f)
		}
	}
}

// TestFormsAreCovered wants every form of every instruction executed by a vector
// that ends with a result.
func TestFormsAreCovered(t *testing.T) {
	var every []isa.Instruction
	for opcode := range 256 {
		for _, variant := range []int32{0, 1, 8, 16, 32, 64, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1} {
			every = append(every,
				isa.Instruction{Opcode: uint8(opcode), Offset: int16(variant)},
				isa.Instruction{Opcode: uint8(opcode), Imm: variant},
				isa.Instruction{Opcode: uint8(opcode), Src: uint8(variant) & 1})
		}
	}
	missing := map[vmfuzz.Form]isa.Instruction{}
	for _, in := range every {
		if accepted(in) {
			missing[vmfuzz.FormOf(in)] = in
		}
	}
	if len(missing) != vmfuzz.Forms {
		t.Fatalf("%d forms, want %d", len(missing), vmfuzz.Forms)
	}
	for _, v := range vmvectors.Load(t) {
		var ran []vmfuzz.Form
		v.RunReference(func(in isa.Instruction) { ran = append(ran, vmfuzz.FormOf(in)) })
		for _, f := range ran {
			if v.HasResult {
				delete(missing, f)
			}
		}
	}
	for _, in := range missing {
		code := in.Append(nil)
		if in.Wide() {
			code = append(code, make([]byte, isa.Size)...)
		}
		t.Errorf("in no vector: %s", asm.Disassemble(code)[0].Text)
	}
}

// accepted reports whether the check accepts in, followed by what it needs.
func accepted(in isa.Instruction) bool {
	code := in.Append(nil)
	if in.Wide() {
		code = append(code, make([]byte, isa.Size)...)
	}
	for range 70 { // what variants lead to if they are distances
		code = isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(code)
	}
	var all vm.HelperSet
	for i := range all {
		all[i] = ^uint32(0)
	}
	_, refused := vm.Check(code, &all)
	return refused.Fault == vm.OK
}

// TestVectorsTell: an outcome that differs in one thing is noticed.
func TestVectorsTell(t *testing.T) {
	for _, v := range vmvectors.Load(t) {
		good := v.Run(0)
		if v.Judge(good) != nil {
			t.Fatalf("%s does not pass", v.Name)
		}
		o := good
		if o.PC++; v.Error != "" && v.Judge(o) == nil {
			t.Errorf("%s: another slot goes unnoticed", v.Name)
		}
		o = good
		if o.Result++; v.HasResult && v.Judge(o) == nil {
			t.Errorf("%s: another result goes unnoticed", v.Name)
		}
		o = good
		if o.Address++; v.HasAddress && v.Judge(o) == nil {
			t.Errorf("%s: another address goes unnoticed", v.Name)
		}
		o = good
		if o.Executed++; v.Executed >= 0 && v.Judge(o) == nil {
			t.Errorf("%s: another count goes unnoticed", v.Name)
		}
		o = good
		if o.After = append([]byte{0xee}, o.After...); v.After != nil && v.Judge(o) == nil {
			t.Errorf("%s: another context goes unnoticed", v.Name)
		}
	}
}
