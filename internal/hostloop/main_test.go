package main

import (
	"bytes"
	"os"
	"testing"
)

// What is committed is what hostloop writes.
func TestGenerated(t *testing.T) {
	for name, want := range files() {
		got, err := os.ReadFile("../../vm/" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("vm/%s is out of date: run go generate ./vm", name)
		}
	}
}

func TestPatternsAreDifferent(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range allPatterns() {
		if seen[p.code()] {
			t.Errorf("%s is there twice", p.code())
		}
		seen[p.code()] = true
	}
}
