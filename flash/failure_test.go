package flash_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/powercut"
)

// TestCompactionThatSeemedToFail: the last operation of a compaction reports a
// failure and was done nevertheless, and the device goes on. A shorter record
// that still fits the old bank must not be lost at the next Open, which would
// choose the new one.
func TestCompactionThatSeemedToFail(t *testing.T) {
	for _, tear := range powercut.Tears {
		m := newMemory(t, 4, testBlock, testWrite)
		var a table
		if err := a.open(m); err != flash.OK {
			t.Fatal(err)
		}
		long, short := change{1, strings.Repeat("l", 40)}, change{2, "s"}
		for a.log.Free() >= a.log.RecordSize(1+len(long.value)) {
			a.do(change{3, "filler"})
		}
		if a.log.Free() < a.log.RecordSize(1+len(short.value)) {
			t.Fatal("no room for the short record")
		}
		probe := newMemory(t, 4, testBlock, testWrite)
		copy(probe.Data(), m.Data())
		var b table
		b.open(probe)
		b.do(long)
		powercut.At(m, probe.Counts[flash.OpErase]+probe.Counts[flash.OpProgram]-1, tear)
		if err := a.do(long); err != flash.ErrDevice {
			t.Fatal(err)
		}
		powercut.On(m)
		if err := a.do(short); err != flash.OK {
			t.Fatal(err)
		}
		var c table
		if err := c.open(m); err != flash.OK || c.values[2] != "s" {
			t.Errorf("%v: %v, %v", tear, err, c.values)
		}
	}
}
