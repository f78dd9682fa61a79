package project

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sim"
	"github.com/femto-containers/femto/vm"
)

func needRust(t *testing.T) {
	t.Helper()
	needCompiler(t)
	clang, err := build.FindClang()
	if err == nil {
		_, _, err = build.FindRust(t.Context(), clang)
	}
	if err != nil {
		t.Skipf("SKIPPED: %v", err)
	}
}

// TestRust runs containers written in Rust; a panic stops them.
func TestRust(t *testing.T) {
	needRust(t)
	for _, test := range []struct {
		source  string
		context []byte
		want    int64
		fault   vm.Fault
	}{
		{"greatest", []byte{5, 255, 3}, 255, vm.OK},
		{"greatest", nil, -1, vm.OK},
		{"checked", []byte{2}, 5, vm.OK},
		{"checked", []byte{9}, 0, vm.FaultMemory},
		{"tick", []byte{0x40, 0x42, 0x0f, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0}, 993, vm.OK},
	} {
		program, err := Outside(t.Context(), "testdata/rust/"+test.source+".rs")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := program.Image()
		if err != nil {
			t.Fatal(err)
		}
		outcome, err := sim.RunOnce(raw, test.context, 10_000, nil, func(string) {})
		if err != nil || outcome.Fault != test.fault || outcome.Value != test.want && test.fault == vm.OK {
			t.Errorf("%s: %+v, %v; want %d, %v", test.source, outcome, err, test.want, test.fault)
		}
	}
}

// TestRustTemplates: each compiles, is what devices load, and within its budgets.
func TestRustTemplates(t *testing.T) {
	needRust(t)
	for _, template := range Templates {
		p, err := Init(filepath.Join(t.TempDir(), "hello-2"), "hello-2", template, "rust")
		if err != nil {
			t.Fatal(err)
		}
		if b, err := p.Build(t.Context()); err != nil || b.Made {
			t.Fatalf("%s: init left no image that counts: %v", template, err)
		}
		b, err := p.Rebuild(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", template, err)
		}
		if _, list := p.Check(b); len(list) > 0 {
			t.Errorf("%s: check: %v", template, list)
		}
		if _, list := p.Deep(b); len(list) > 0 {
			t.Errorf("%s: deep check: %v", template, list)
		}
	}
}

// TestRustMistake: what rustc says is a numbered error at its place.
func TestRustMistake(t *testing.T) {
	needRust(t)
	dir := t.TempDir()
	write(t, dir, map[string]string{"a.rs": "#![no_std]\n#[no_mangle]\npub extern \"C\" fn f() -> i64 {\n    undefined\n}\n"})
	_, err := Outside(t.Context(), filepath.Join(dir, "a.rs"))
	var list diagnose.List
	if !errors.As(err, &list) || list[0].Place.Line != 4 {
		t.Errorf("got %v", err)
	}
}
