package gofuzz

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/femto-containers/femto/internal/diagnose"
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
// two batches at a time. dir is an empty folder; said hears of each batch.
func Seeds(ctx context.Context, dir string, first uint64, n int, said func(*Summary)) (*Summary, error) {
	total := &Summary{Refused: map[string]int{}}
	var mutex sync.Mutex
	var group sync.WaitGroup
	var failed error
	batches := make(chan [2]uint64)
	for worker := range 2 {
		group.Go(func() {
			for b := range batches {
				s, err := compareBatch(ctx, filepath.Join(dir, fmt.Sprint(worker)), b[0], b[1])
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

func compareBatch(ctx context.Context, dir string, from, to uint64) (*Summary, error) {
	var programs []Program
	for seed := from; seed < to; seed++ {
		prefix := fmt.Sprintf("P%d", seed)
		programs = append(programs, Program{prefix, Generate(seed, prefix)})
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	native, err := Native(ctx, dir, programs)
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
			s.Refused[list[0].Code.String()]++
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
