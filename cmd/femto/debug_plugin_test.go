package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vectors"
)

func plugin(t *testing.T, stdin string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = Main(t.Context(), append([]string{"debug", "bpf-plugin"}, args...), strings.NewReader(stdin), &out, &errs)
	return exit, out.String(), errs.String()
}

func TestPluginConformance(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(vectors.Dir(t, "bpf_conformance"), "*.data"))
	if err != nil || len(files) < 200 {
		t.Fatalf("%d cases: %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		c, err := asm.ParseCase(string(b))
		if err != nil {
			t.Fatal(err)
		}
		var args []string
		if len(c.Memory) > 0 {
			args = []string{fmt.Sprintf("% x", c.Memory)}
		}
		exit, stdout, stderr := plugin(t, fmt.Sprintf("% x\n", c.Program), args...)
		if filepath.Base(file) == "callx.data" {
			if exit != exitFailure || !strings.Contains(stderr, "call through a register") {
				t.Errorf("callx: exit %d, %s", exit, stderr)
			}
			continue
		}
		if want := fmt.Sprintf("%x\n", c.Result); exit != exitOK || stdout != want {
			t.Errorf("%s: exit %d, got %q, want %q, stderr %s", filepath.Base(file), exit, stdout, want, stderr)
		}
	}
}

func TestPluginInput(t *testing.T) {
	const sum = "71 10 00 00 00 00 00 00 0f 20 00 00 00 00 00 00 95 00 00 00 00 00 00 00"
	tests := []struct {
		name   string
		stdin  string
		args   []string
		exit   int
		stdout string
		stderr string // a part of it
	}{
		{"spaces", sum, []string{"0a 0b"}, exitOK, "c\n", ""},
		{"no spaces", strings.ReplaceAll(sum, " ", ""), []string{"0a0b"}, exitOK, "c\n", ""},
		{"lines and capitals", strings.ToUpper(strings.ReplaceAll(sum, " ", "\r\n")), []string{"0A 0B"}, exitOK, "c\n", ""},
		{"program option", "", []string{"--program", sum, "0a 0b"}, exitOK, "c\n", ""},
		{"empty memory argument", "b700000001000000 9500000000000000", []string{""}, exitOK, "1\n", ""},
		{"no memory", sum, nil, exitFailure, "", "illegal memory access at instruction 0, address 0x0"},
		{"empty program", "", nil, exitFailure, "", "illegal text length"},
		{"half an instruction", "95000000", nil, exitFailure, "", "illegal text length"},
		{"no hex", "exit", nil, exitFailure, "", "not hexadecimal"},
		{"odd memory", sum, []string{"0a b"}, exitFailure, "", "not hexadecimal"},
		{"unknown helper", "8500000006000000 9500000000000000", nil, exitFailure, "", "helper not granted"},
		{"endless loop", "0500ffff00000000", nil, exitFailure, "", "out of budget"},
		{"elf", sum, []string{"--elf"}, exitFailure, "", "ELF"},
		{"two memories", sum, []string{"0a", "0b"}, exitUsage, "", "at most one argument"},
		{"unknown option", sum, []string{"--jit"}, exitUsage, "", "--jit"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			exit, stdout, stderr := plugin(t, tt.stdin, tt.args...)
			if exit != tt.exit || stdout != tt.stdout || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("exit %d, stdout %q, stderr %q; want %d, %q, %q",
					exit, stdout, stderr, tt.exit, tt.stdout, tt.stderr)
			}
		})
	}
}
