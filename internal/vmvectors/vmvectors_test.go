package vmvectors_test

import (
	"testing"

	"github.com/femto-containers/femto/internal/vmvectors"
	"github.com/femto-containers/femto/vm"
)

// TestReference: the judge passes first.
func TestReference(t *testing.T) {
	for _, v := range vmvectors.Load(t) {
		t.Run(v.Name, func(t *testing.T) {
			if err := v.Judge(v.RunReference()); err != nil {
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
