package gofuzz

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

var (
	count = flag.Int("programs", 30, "how many programs to compare")
	first = flag.Uint64("seed", 1, "the first one's seed; the others follow")
	cache = flag.String("cache", "", "keep what Go did in this folder: another run needs to compile images only")
	keep  = flag.String("keep", "", "write the programs that differ to this folder, and made smaller beside it")

	minimise = flag.Duration("minimise", 5*time.Minute, "how long to make a program smaller, at most")
)

func save(t *testing.T, name string, content []byte) {
	t.Helper()
	if err := os.MkdirAll(*keep, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(*keep, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestPrograms: generated containers do as images what they do as Go.
func TestPrograms(t *testing.T) {
	begin := time.Now()
	reported := 0
	s, err := Seeds(t.Context(), t.TempDir(), *cache, *first, *count, func(s *Summary) {
		for _, f := range s.Failures[reported:] {
			t.Errorf("seed %d: %s", f.Seed, f.What)
			if *keep != "" {
				prefix := fmt.Sprintf("P%d", f.Seed)
				source := Generate(f.Seed, prefix)
				save(t, prefix+".go", source)
				small := Minimise(source, time.Now().Add(*minimise), Differs(t.Context(), t.TempDir(), prefix))
				save(t, prefix+".small.go", small)
				t.Logf("seed %d, made smaller:\n%s", f.Seed, small)
			}
		}
		reported = len(s.Failures)
		if *count > Batch {
			t.Logf("%d programs, %d differ, %v", s.Programs, reported, time.Since(begin).Round(time.Second))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for _, n := range s.Refused {
		refused += n
	}
	t.Logf("seed %d: %d programs, %d activations, %d faults in both; %d programs refused %v; %d differ",
		*first, s.Programs, s.Activations, s.Faults, refused, s.Refused, len(s.Failures))
	if s.Programs != *count || s.Faults == 0 || refused > s.Programs/20 {
		t.Error("this compares less than it should")
	}
}

// TestDifferencesAreFound: whatever an image does otherwise is told.
func TestDifferencesAreFound(t *testing.T) {
	good := func() []Activation {
		return []Activation{
			{Result: 7, Log: []string{"a"}, Stores: [3]map[int]uint32{{1: 2}, nil, nil}},
			{Fault: "runtime error: index out of range [5] with length 5", Line: 9},
		}
	}
	image := func() []Activation {
		list := good()
		list[1].Fault = "index out of range"
		return list
	}
	if what := Differ(good(), image()); what != "" {
		t.Errorf("the same differs: %s", what)
	}
	for name, change := range map[string]func(list []Activation){
		"result":     func(list []Activation) { list[0].Result++ },
		"fault":      func(list []Activation) { list[0].Fault = nilPointer },
		"no fault":   func(list []Activation) { list[1].Fault = "" },
		"reason":     func(list []Activation) { list[1].Fault = "budget" },
		"other line": func(list []Activation) { list[1].Fault, list[1].Line = "division by zero", 8 },
		"line":       func(list []Activation) { list[1].Line++ },
		"log":        func(list []Activation) { list[0].Log = nil },
		"value":      func(list []Activation) { list[0].Stores[0][1]++ },
		"entry more": func(list []Activation) { list[0].Stores[2] = map[int]uint32{3: 0} },
	} {
		list := image()
		change(list)
		if Differ(good(), list) == "" {
			t.Errorf("%s: nothing is told", name)
		}
	}
}

// TestMinimise: what is left has the property, and little else.
func TestMinimise(t *testing.T) {
	dir := t.TempDir()
	source := Generate(7, "P")
	if !bytes.Contains(source, []byte("for ")) {
		t.Fatal("another seed is wanted: one with a loop")
	}
	small := Minimise(source, time.Now().Add(time.Minute), func(source []byte) bool {
		if !bytes.Contains(source, []byte("for ")) {
			return false
		}
		_, err := compile(t.Context(), dir, Program{"P", source})
		return err == nil
	})
	if _, err := compile(t.Context(), dir, Program{"P", small}); err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(small, []byte("\n")); !bytes.Contains(small, []byte("for ")) || lines > 25 {
		t.Errorf("%d lines are left of %d:\n%s", lines, bytes.Count(source, []byte("\n")), small)
	}
}

// TestGenerateRepeats: a seed is a program.
func TestGenerateRepeats(t *testing.T) {
	for seed := range uint64(20) {
		if a, b := Generate(seed, "P"), Generate(seed, "P"); string(a) != string(b) {
			t.Errorf("seed %d gives two programs", seed)
		}
	}
	if string(Generate(1, "P")) == string(Generate(2, "P")) {
		t.Error("two seeds give one program")
	}
}
