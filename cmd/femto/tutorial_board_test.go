//go:build boards

package main

import "testing"

// TestTutorialOnABoard is TestTutorial with its last part, on the emulated
// board whose firmware make demo-boards has built.
func TestTutorialOnABoard(t *testing.T) { newReader(t, true).read() }
