package asm_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vectors"
	"github.com/femto-containers/femto/internal/vmfuzz"
)

var notations = map[string]asm.Notation{"conformance": asm.Conformance, "kernel": asm.Kernel}

var helperTable = map[string]int32{"printf": 1, "memcpy": 2, "exit_code": 5}

// survives disassembles code in each way and assembles it again.
func survives(tb testing.TB, code []byte, functions []image.Function) {
	tb.Helper()
	var plain []string
	slots := 0
	for _, line := range asm.Disassemble(code) {
		if line.Slot != slots {
			tb.Fatalf("line at slot %d, want %d", line.Slot, slots)
		}
		slots += line.Slots()
		plain = append(plain, line.Text)
	}
	if want := (len(code) + 7) / 8; slots != want {
		tb.Fatalf("%d slots listed, want %d", slots, want)
	}
	same(tb, code, strings.Join(plain, "\n"))
	for _, notation := range notations {
		var b strings.Builder
		for _, line := range asm.List(code, asm.Options{Notation: notation, Functions: functions, Helpers: helperTable}) {
			if line.Label != "" {
				b.WriteString(line.Label + ":\n")
			}
			b.WriteString("\t" + line.Text + " # " + line.Comment + "\n")
		}
		same(tb, code, b.String())
	}
}

func same(tb testing.TB, code []byte, source string) {
	tb.Helper()
	o, err := asm.Source{Text: source, Helpers: helperTable}.Assemble()
	if err != nil {
		tb.Fatalf("%v\n%s", err, source)
	}
	if !bytes.Equal(o.Text, code) {
		tb.Fatalf("%x became %x by way of\n%s", code, o.Text, source)
	}
}

// programs returns the vectors of others, of this project, and hostile ones.
func programs(t testing.TB) map[string][]byte {
	all := map[string][]byte{}
	folders := []string{"../../vm/testdata/hostile", "../../vm/testdata/vectors"}
	for _, folder := range append(folders, vectors.Dir(t, "bpf_conformance")) {
		files, err := filepath.Glob(filepath.Join(folder, "*.data"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d cases: %v", folder, len(files), err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			c, err := asm.ParseCase(string(b))
			if err != nil {
				t.Errorf("%s: %v", file, err)
				continue
			}
			all[file] = c.Program
		}
	}
	return all
}

func TestRoundTripVectors(t *testing.T) {
	for file, code := range programs(t) {
		t.Run(filepath.Base(file), func(t *testing.T) { survives(t, code, nil) })
	}
}

func TestRoundTripRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	names := []string{"main", "exit", "pc", "r1", "if", "two words", "L3", "f2", "printf", "local"}
	for range 600 {
		seed := make([]byte, 100+r.IntN(600))
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		code := vmfuzz.Make(seed).Text
		var functions []image.Function
		for _, name := range names[:r.IntN(len(names))] {
			functions = append(functions, image.Function{Name: []byte(name), Offset: r.IntN(len(code)/8+1) * 8})
		}
		survives(t, code, functions)
	}
}

// TestRoundTripImages goes through whole images.
func TestRoundTripImages(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/*.bin")
	if err != nil || len(files) == 0 {
		t.Fatal("no images:", err)
	}
	images := map[string][]byte{
		"odd": image.Append(nil, image.Parts{Data: []byte("data"), Rodata: []byte("ab\xff\x00cd"), Text: bytes.Repeat([]byte{0x95, 0, 0, 0, 0, 0, 0, 0}, 3),
			Functions: []image.Function{{Name: []byte("b\"\\\xc3"), Offset: 16}, {Name: []byte("")}, {Name: []byte("main")}, {Name: []byte("again")}}}),
		"contract": image.Append(nil, image.Parts{Text: []byte{0x95, 0, 0, 0, 0, 0, 0, 0}, Contract: &image.Contract{Budget: 5, Name: []byte("five")}}),
		"none":     image.Append(nil, image.Parts{Text: []byte{0xff, 1, 2, 3, 4, 5, 6, 7}}),
	}
	for _, file := range files {
		if images[file], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	for name, raw := range images {
		img, refused := image.Parse(raw)
		if refused != image.OK {
			t.Errorf("%s: %v", name, refused)
			continue
		}
		for _, notation := range notations {
			for _, withBytes := range []bool{false, true} {
				source := asm.ImageSource(&img, asm.Options{Notation: notation, Helpers: helperTable}, withBytes)
				o, err := asm.Source{Text: source, Helpers: helperTable}.Assemble()
				if err != nil {
					t.Errorf("%s: %v\n%s", name, err, source)
				} else if again, err := o.Image(); err != nil || !bytes.Equal(again, raw) {
					t.Errorf("%s: %v; became %x by way of\n%s", name, err, again, source)
				}
			}
		}
	}
}

func TestGraph(t *testing.T) {
	code, err := asm.Assemble(`
	call local f
	jeq %r0, 0, out
loop:
	sub %r0, 1
	jne %r0, 0, loop
	ja out
	mov %r0, 9
out:
	exit
f:
	mov %r0, 3
	exit`)
	if err != nil {
		t.Fatal(err)
	}
	blocks := asm.Graph(asm.List(code, asm.Options{}))
	want := [][]int{{1, 4}, {2, 1}, {4}, {4}, {}, {}}
	if len(blocks) != len(want) {
		t.Fatalf("%d blocks, want %d: %v", len(blocks), len(want), blocks)
	}
	for i := range want {
		if len(blocks[i].Next) != len(want[i]) {
			t.Errorf("block %d: next %v, want %v", i, blocks[i].Next, want[i])
			continue
		}
		for j := range want[i] {
			if blocks[i].Next[j] != want[i][j] {
				t.Errorf("block %d: next %v, want %v", i, blocks[i].Next, want[i])
			}
		}
	}
	if len(blocks[0].Calls) != 1 || blocks[0].Calls[0] != 5 {
		t.Errorf("calls %v, want block 5", blocks[0].Calls)
	}
	if dot := dotOf(t, blocks, asm.Options{}); strings.Count(dot, "->") != 7 || strings.Count(dot, "subgraph") != 1 ||
		!strings.Contains(dot, `b0 -> b4 [label=" taken "];`) || !strings.Contains(dot, `b1 -> b1 [label=" taken ", penwidth=2`) {
		t.Error(dot)
	}
	// What a side file knows stands in it.
	dot := dotOf(t, blocks, asm.Options{Names: map[int]string{0: `ma"in`}, Place: func(slot int) string { return fmt.Sprintf(`a.c:%d  "\n"`, 1+slot/4) }})
	if strings.Count(dot, "subgraph") != 2 || !strings.Contains(dot, `label="ma\"in"`) || !strings.Contains(dot, `# a.c:2  \"\\n\"\l`+"\u00a0\u00a0\u00a04") {
		t.Error(dot)
	}
}

// dotOf returns a graph that Graphviz understands.
func dotOf(t *testing.T, blocks []asm.Block, o asm.Options) string {
	t.Helper()
	var dot strings.Builder
	if err := asm.WriteDOT(&dot, `a "name"`, blocks, o); err != nil {
		t.Fatal(err)
	}
	tool, err := exec.LookPath("dot")
	if err != nil {
		t.Log("NOT TESTED: dot is not installed (apt-get install graphviz)")
		if os.Getenv("CI") != "" {
			t.Error("dot must be there")
		}
		return dot.String()
	}
	cmd := exec.Command(tool, "-Tsvg")
	cmd.Stdin = strings.NewReader(dot.String())
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), `class="node"`) != len(blocks) {
		t.Errorf("dot: %v\n%s\nof\n%s", err, out, dot.String())
	}
	return dot.String()
}

func FuzzDisassemble(f *testing.F) {
	f.Add([]byte{0xd4, 1, 0, 0, 7, 0, 0, 0})
	f.Add([]byte{0x18, 1, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x85, 0x10, 0, 0, 0xfd, 0xff, 0xff, 0xff, 0x95})
	f.Fuzz(func(t *testing.T, code []byte) {
		survives(t, code, []image.Function{{Name: []byte("main")}, {Name: []byte("f1"), Offset: 8}})
	})
}
