package gofuzz

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func programs(from, n uint64) (list []Program) {
	for seed := from; seed < from+n; seed++ {
		prefix := fmt.Sprintf("P%d", seed)
		list = append(list, Program{prefix, Generate(seed, prefix)})
	}
	return list
}

func TestNative(t *testing.T) {
	n := uint64(40)
	if os.Getenv("N") != "" {
		fmt.Sscan(os.Getenv("N"), &n)
	}
	a := time.Now()
	list := programs(0, n)
	b := time.Now()
	dir := t.TempDir(); if d := os.Getenv("D"); d != "" { dir = d }
	results, err := Native(context.Background(), dir, list)
	if err != nil {
		t.Fatal(err)
	}
	c := time.Now()
	size := 0
	faults := map[string]int{}
	lines := 0
	for i, r := range results {
		size += len(list[i].Source)
		for _, x := range r {
			what, _, _ := strings.Cut(x.Fault, " [")
			what, _, _ = strings.Cut(what, " with")
			faults[what]++
			lines += len(x.Log)
		}
	}
	t.Logf("generate %v, native %v, %d bytes, %d lines %v", b.Sub(a), c.Sub(b), size, lines, faults)
}
