package gofuzz

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/sdk"
)

// Batch is how many programs are compiled by Go at once.
const Batch = 400

// A Failure is a program that Go and package gobpf do not agree on.
type Failure struct {
	Seed uint64
	What string
}

// A Summary is what became of programs.
type Summary struct {
	Programs    int
	Activations int
	Faults      int            // in both
	Refused     map[string]int // programs that the compiler refuses, by its reason
	Failures    []Failure
}

// Seeds generates the programs of n seeds from first and compares what they do,
// two batches at a time. dir is an empty folder; said hears of each batch. What
// Go did is kept in the folder cache, unless that is "", and taken from there.
func Seeds(ctx context.Context, dir, cache string, first uint64, n int, said func(*Summary)) (*Summary, error) {
	total := &Summary{Refused: map[string]int{}}
	var mutex sync.Mutex
	var group sync.WaitGroup
	var failed error
	batches := make(chan [2]uint64)
	for worker := range 2 {
		group.Go(func() {
			for b := range batches {
				s, err := compareBatch(ctx, filepath.Join(dir, fmt.Sprint(worker)), cache, b[0], b[1])
				mutex.Lock()
				if failed = errors.Join(failed, err); s != nil {
					total.add(s)
					said(total)
				}
				mutex.Unlock()
			}
		})
	}
	end := first + uint64(n)
	for from := first; from < end; from += Batch {
		batches <- [2]uint64{from, min(from+Batch, end)}
	}
	close(batches)
	group.Wait()
	return total, failed
}

func (s *Summary) add(more *Summary) {
	s.Programs += more.Programs
	s.Activations += more.Activations
	s.Faults += more.Faults
	s.Failures = append(s.Failures, more.Failures...)
	for why, n := range more.Refused {
		s.Refused[why] += n
	}
}

func compareBatch(ctx context.Context, dir, cache string, from, to uint64) (*Summary, error) {
	var programs []Program
	for seed := from; seed < to; seed++ {
		prefix := fmt.Sprintf("P%d", seed)
		programs = append(programs, Program{prefix, Generate(seed, prefix)})
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	native, err := remembered(ctx, dir, cache, programs)
	if err != nil {
		return nil, err
	}
	s := &Summary{Refused: map[string]int{}}
	for i, p := range programs {
		s.Programs++
		image, err := Image(ctx, dir, p)
		var list diagnose.List
		switch {
		case errors.As(err, &list):
			s.Refused[list[0].Code.String()+" "+list[0].What]++
			continue
		case err != nil:
			s.Failures = append(s.Failures, Failure{from + uint64(i), err.Error()})
			continue
		}
		for _, a := range native[i] {
			s.Activations++
			if a.Fault != "" {
				s.Faults++
			}
		}
		if what := Differ(native[i], image); what != "" {
			s.Failures = append(s.Failures, Failure{from + uint64(i), what})
		}
	}
	return s, nil
}

// remembered is Native, or what it gave before for the same programs.
func remembered(ctx context.Context, dir, cache string, programs []Program) ([][]Activation, error) {
	if cache == "" {
		return Native(ctx, dir, programs)
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s %v %q %q\n", runtime.Version(), Contexts, runner, kit)
	for _, p := range programs {
		fmt.Fprintf(h, "%s %x\n", p.Prefix, sha256.Sum256(p.Source))
	}
	files := sdk.GoFiles()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%s %x\n", name, sha256.Sum256(files[name]))
	}
	file := filepath.Join(cache, fmt.Sprintf("%x.json", h.Sum(nil)))
	var results [][]Activation
	if content, err := os.ReadFile(file); err == nil && json.Unmarshal(content, &results) == nil && len(results) == len(programs) {
		return results, nil
	}
	results, err := Native(ctx, dir, programs)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(results)
	if err != nil {
		return nil, err
	}
	return results, os.WriteFile(file, content, 0o644)
}
