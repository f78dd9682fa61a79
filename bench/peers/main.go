// Command peers runs the kernels of bench on femto and on other machines, in
// one run, and prints how they compare. It is a module of its own, so that
// femto does not depend on the machines it is compared with.
package main

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/femto-containers/femto/bench"
)

// A peer is one machine that runs the kernels.
type peer interface {
	name() string
	// time runs kernel k so many times and returns the processor time of all
	// and what the last run returned.
	time(k *bench.Kernel, repetitions int) (time.Duration, uint64, error)
}

func main() {
	rounds := flag.Int("rounds", 7, "rounds; in each, all peers run all kernels in a new order")
	batches := flag.Int("batches", 3, "measurements of each pair in a round")
	least := flag.Duration("batch", 8*time.Millisecond, "least time of a measurement")
	flag.Parse()
	if err := run(*rounds, *batches, *least); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(rounds, batches int, least time.Duration) error {
	runtime.LockOSThread()
	debug.SetGCPercent(-1)

	scalar, optimised, err := natives()
	if err != nil {
		return err
	}
	peers := []peer{newFemto(false), newFemto(true), goNative{}}
	if scalar != nil {
		defer scalar.close()
		defer optimised.close()
		peers = append(peers, scalar, optimised)
	} else {
		fmt.Fprintln(os.Stderr, "NO NATIVE C: neither clang-19 nor clang is installed; ratios are to native Go")
	}
	peers = append(peers, newWazero(false), newWazero(true))

	results := map[pair][]float64{}
	if err := measure(peers, rounds, batches, least, results); err != nil {
		return err
	}
	base := goNative{}.name()
	if scalar != nil {
		base = scalar.name()
	}
	report(peers, base, results)
	return nil
}

type pair struct{ peer, kernel string }

// measure appends nanoseconds for each run to results.
func measure(peers []peer, rounds, batches int, least time.Duration, results map[pair][]float64) error {
	type task struct {
		peer        peer
		kernel      *bench.Kernel
		repetitions int
	}
	var tasks []task
	for i := range bench.Kernels {
		k := &bench.Kernels[i]
		want, known := uint64(0), false
		for _, p := range peers {
			n, result, err := calibrate(p, k, least)
			if err != nil {
				return fmt.Errorf("%s on %s: %w", k.Name, p.name(), err)
			}
			if known && result != want {
				return fmt.Errorf("%s on %s: got %#x, want %#x", k.Name, p.name(), result, want)
			}
			want, known = result, true
			tasks = append(tasks, task{p, k, n})
		}
	}
	for round := range rounds {
		fmt.Fprintf(os.Stderr, "\rround %d of %d ", round+1, rounds)
		rand.Shuffle(len(tasks), func(i, j int) { tasks[i], tasks[j] = tasks[j], tasks[i] })
		for _, t := range tasks {
			for range batches {
				spent, _, err := t.peer.time(t.kernel, t.repetitions)
				if err != nil {
					return err
				}
				key := pair{t.peer.name(), t.kernel.Name}
				results[key] = append(results[key], float64(spent.Nanoseconds())/float64(t.repetitions))
			}
		}
	}
	fmt.Fprint(os.Stderr, "\r                    \r")
	return nil
}

// calibrate finds how many runs take the least time.
func calibrate(p peer, k *bench.Kernel, least time.Duration) (repetitions int, result uint64, err error) {
	for n := 1; ; {
		spent, result, err := p.time(k, n)
		if err != nil {
			return 0, 0, err
		}
		if spent >= least {
			return n, result, nil
		}
		n = int(float64(n)*min(max(float64(least)*1.1/float64(spent+1), 1.2), 100)) + 1
	}
}

func median(v []float64) float64 {
	slices.Sort(v)
	return v[len(v)/2]
}

// report prints a Markdown table: the median time of a run for each peer and
// kernel, and the geometric mean of the ratios to base over the kernels that
// count, from medians and from the best times.
func report(peers []peer, base string, results map[pair][]float64) {
	fmt.Printf("%s %s/%s. Median time of a run, and its ratio to that of %s.\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, base)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 1, ' ', 0)
	fmt.Fprint(w, "| kernel\t")
	for _, p := range peers {
		fmt.Fprintf(w, "| %s\t", p.name())
	}
	fmt.Fprint(w, "|\n|---\t")
	for range peers {
		fmt.Fprint(w, "|---:\t")
	}
	fmt.Fprint(w, "|\n")
	mean, best := map[string]float64{}, map[string]float64{}
	counted := 0.0
	for _, k := range bench.Kernels {
		fmt.Fprintf(w, "| %s\t", k.Name)
		baseline := median(results[pair{base, k.Name}])
		quickest := slices.Min(results[pair{base, k.Name}])
		for _, p := range peers {
			v := results[pair{p.name(), k.Name}]
			ns := median(v)
			fmt.Fprintf(w, "| %s (%.3gx)\t", duration(ns), ns/baseline)
			if k.Mean {
				mean[p.name()] += math.Log(ns / baseline)
				best[p.name()] += math.Log(slices.Min(v) / quickest)
			}
		}
		if k.Mean {
			counted++
		}
		fmt.Fprint(w, "|\n")
	}
	for _, row := range []struct {
		title string
		logs  map[string]float64
	}{{"geometric mean of the eight", mean}, {"the same of best times", best}} {
		fmt.Fprintf(w, "| %s\t", row.title)
		for _, p := range peers {
			fmt.Fprintf(w, "| %.3gx\t", math.Exp(row.logs[p.name()]/counted))
		}
		fmt.Fprint(w, "|\n")
	}
	w.Flush()
}

func duration(ns float64) string {
	switch {
	case ns < 1000:
		return fmt.Sprintf("%.3g ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.3g µs", ns/1e3)
	}
	return fmt.Sprintf("%.3g ms", ns/1e6)
}
