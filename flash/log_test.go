package flash_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/internal/powercut"
)

const (
	testBlock = 128
	testWrite = 4
	kindSet   = 1
	kindDrop  = 2
)

// table is a log's owner: keys and values of any length.
type table struct {
	log    flash.Log
	values map[byte]string
	buf    [64]byte
}

func (t *table) Snapshot(l *flash.Log) flash.Error {
	for key := range 255 {
		if value, ok := t.values[byte(key)]; ok {
			if err := l.Emit(kindSet, append([]byte{byte(key)}, value...)); err != flash.OK {
				return err
			}
		}
	}
	return flash.OK
}

func (t *table) open(dev flash.Device) flash.Error {
	t.values = map[byte]string{}
	err := t.log.Open(dev, 0, dev.Size(), t.buf[:], t)
	if err == flash.ErrUnformatted {
		return t.log.Format()
	}
	if err != flash.OK {
		return err
	}
	var c flash.Cursor
	for {
		r, ok := t.log.Next(&c)
		if !ok {
			return c.Err
		}
		switch r.Kind {
		case kindSet:
			t.values[r.Payload[0]] = string(r.Payload[1:])
		case kindDrop:
			delete(t.values, r.Payload[0])
		default:
			return flash.ErrKind
		}
	}
}

type change struct {
	key   byte
	value string // "" drops the key
}

func (c change) apply(values map[byte]string) {
	if c.value == "" {
		delete(values, c.key)
	} else {
		values[c.key] = c.value
	}
}

func (t *table) do(c change) flash.Error {
	kind, payload := byte(kindSet), append([]byte{c.key}, c.value...)
	if c.value == "" {
		kind, payload = kindDrop, payload[:1]
	}
	if err := t.log.Append(kind, payload); err != flash.OK {
		return err
	}
	c.apply(t.values)
	return flash.OK
}

func newMemory(tb testing.TB, blocks, block, write int) *flash.Memory {
	tb.Helper()
	m := new(flash.Memory)
	data := bytes.Repeat([]byte{0xff}, blocks*block)
	if err := m.Init(data, block, write, make([]byte, (len(data)/write+7)/8)); err != flash.OK {
		tb.Fatal(err)
	}
	return m
}

func TestLogKeepsRecordsAcrossOpens(t *testing.T) {
	for _, write := range []int{1, 2, 4, 8, 16, 32} {
		t.Run(fmt.Sprint("granule ", write), func(t *testing.T) {
			m := newMemory(t, 4, testBlock, write)
			var a table
			if err := a.open(m); err != flash.OK {
				t.Fatal(err)
			}
			want := map[byte]string{}
			for i := range 60 {
				c := change{byte(i % 4), "value"[:i%6]}
				if err := a.do(c); err != flash.OK {
					t.Fatalf("change %d: %v", i, err)
				}
				c.apply(want)
				var b table
				if err := b.open(m); err != flash.OK {
					t.Fatal(err)
				}
				if !maps.Equal(b.values, want) {
					t.Fatalf("after change %d: %v, want %v", i, b.values, want)
				}
			}
			if m.Counts[flash.OpErase] < 6 {
				t.Errorf("%d erases: nothing was compacted", m.Counts[flash.OpErase])
			}
		})
	}
}

// scenario makes a table, fills its bank several times over and formats it.
func scenario() []change {
	var list []change
	for i := range 24 {
		list = append(list, change{byte(i * 7 % 5), string(bytes.Repeat([]byte{byte('a' + i)}, i*5%23))})
	}
	return list
}

// TestPowerCutAtEveryOperation is the promise of the log: whatever is torn,
// the next Open sees the state before the change or after it, and the log goes
// on from there. Each cut is followed by a second one on the way up.
func TestPowerCutAtEveryOperation(t *testing.T) {
	changes := scenario()
	for _, tear := range powercut.Tears {
		t.Run(tear.String(), func(t *testing.T) {
			for second := -1; second < 4; second++ {
				cuts := 0
				for n := 0; ; n++ {
					if !cutAt(t, changes, tear, n, second) {
						break
					}
					cuts++
				}
				if cuts < 2*len(changes)/2+4 {
					t.Errorf("only %d operations to cut", cuts)
				}
			}
		})
	}
}

func cutAt(t *testing.T, changes []change, tear powercut.Tear, n, second int) bool {
	t.Helper()
	m := newMemory(t, 4, testBlock, testWrite)
	happened := powercut.At(m, n, tear)
	var a table
	before, after := map[byte]string{}, map[byte]string{}
	done := 0
	err := a.open(m)
	for err == flash.OK && done < len(changes) {
		changes[done].apply(after)
		if err = a.do(changes[done]); err == flash.OK {
			changes[done].apply(before)
			done++
		}
	}
	if !happened() {
		if err != flash.OK {
			t.Fatalf("cut %d: %v without a cut", n, err)
		}
		return false
	}
	if err != flash.ErrDevice {
		t.Fatalf("cut %d: error %v", n, err)
	}
	if second >= 0 {
		// The power comes back for a moment: the same change is tried again.
		powercut.On(m)
		powercut.At(m, second, tear)
		var b table
		if b.open(m) == flash.OK && done < len(changes) {
			b.do(changes[done])
		}
	}
	powercut.On(m)
	var b table
	if err := b.open(m); err != flash.OK {
		t.Fatalf("cut %d, then %d: open: %v", n, second, err)
	}
	if !maps.Equal(b.values, before) && !maps.Equal(b.values, after) {
		t.Fatalf("cut %d, then %d: change %d left %v; before %v, after %v", n, second, done, b.values, before, after)
	}
	// What was in flight is done again, and everything after it.
	for i := done; i < len(changes); i++ {
		if err := b.do(changes[i]); err != flash.OK {
			t.Fatalf("cut %d, then %d: change %d after the cut: %v", n, second, i, err)
		}
		changes[i].apply(before)
	}
	var c table
	if err := c.open(m); err != flash.OK || !maps.Equal(c.values, before) {
		t.Fatalf("cut %d, then %d: in the end %v (%v), want %v", n, second, c.values, err, before)
	}
	return true
}

func TestPowerCutInFormat(t *testing.T) {
	for _, tear := range powercut.Tears {
		for n := 0; ; n++ {
			m := newMemory(t, 4, testBlock, testWrite)
			var a table
			if err := a.open(m); err != flash.OK {
				t.Fatal(err)
			}
			// Several generations, so that the other bank holds an old state.
			for i := range 20 {
				a.do(change{byte(i % 3), fmt.Sprint("state ", i)})
			}
			want := maps.Clone(a.values)
			happened := powercut.At(m, n, tear)
			err := a.log.Format()
			powercut.On(m)
			var b table
			if err := b.open(m); err != flash.OK {
				t.Fatal(err)
			}
			if len(b.values) != 0 && !maps.Equal(b.values, want) {
				t.Fatalf("%v, operation %d: %v, want nothing or %v", tear, n, b.values, want)
			}
			if !happened() {
				if err != flash.OK || len(b.values) != 0 {
					t.Fatalf("format: %v, %v", err, b.values)
				}
				if bytes.Contains(m.Data(), []byte("state")) {
					t.Error("the old state is still in flash")
				}
				break
			}
		}
	}
}

// TestEveryFlippedBit changes each bit of a closed log, of which the other bank
// has an earlier state: nothing is lost, and the next change finds it whole.
func TestEveryFlippedBit(t *testing.T) {
	m := newMemory(t, 2, testBlock, testWrite)
	var a table
	if err := a.open(m); err != flash.OK {
		t.Fatal(err)
	}
	for _, c := range []change{{1, "one"}, {2, "two"}, {1, ""}, {3, "three"}} {
		if err := a.do(c); err != flash.OK {
			t.Fatal(err)
		}
	}
	if err := a.log.Compact(); err != flash.OK {
		t.Fatal(err)
	}
	if err := a.do(change{2, "again"}); err != flash.OK {
		t.Fatal(err)
	}
	for bit := range 8 * 2 * testBlock {
		c := newMemory(t, 2, testBlock, testWrite)
		copy(c.Data(), m.Data())
		c.Data()[bit/8] ^= 1 << (bit % 8)
		for _, do := range []change{{9, ""}, {4, "four"}} {
			var b table
			if err := b.open(c); err != flash.OK {
				t.Fatalf("bit %d: %v", bit, err)
			}
			if !maps.Equal(a.values, b.values) {
				t.Fatalf("bit %d makes %v of %v", bit, b.values, a.values)
			}
			if err := b.do(do); err != flash.OK {
				t.Fatalf("bit %d: %v", bit, err)
			}
		}
	}
}

// TestTwoFlippedBits: what cannot be set right is one record's loss, and never
// becomes another record.
func TestTwoFlippedBits(t *testing.T) {
	m := newMemory(t, 2, testBlock, testWrite)
	var a table
	if err := a.open(m); err != flash.OK {
		t.Fatal(err)
	}
	changes := []change{{1, "one"}, {2, "two"}, {1, ""}, {3, "three"}}
	for _, c := range changes {
		if err := a.do(c); err != flash.OK {
			t.Fatal(err)
		}
	}
	states := []map[byte]string{a.values}
	for lost := range changes {
		without := map[byte]string{}
		for i, c := range changes {
			switch {
			case i == lost:
			case c.value == "":
				delete(without, c.key)
			default:
				without[c.key] = c.value
			}
		}
		states = append(states, without)
	}
	used := 8 * (testBlock - a.log.Free())
	for bit := 8 * 16; bit < used; bit += 5 {
		for other := bit + 1; other < min(bit+65, used); other += 7 {
			for _, b := range []int{bit, other} {
				m.Data()[b/8] ^= 1 << (b % 8)
			}
			var b table
			if err := b.open(m); err != flash.OK {
				t.Fatalf("bits %d and %d: %v", bit, other, err)
			}
			if !slices.ContainsFunc(states, func(s map[byte]string) bool { return maps.Equal(s, b.values) }) {
				t.Fatalf("bits %d and %d make %v", bit, other, b.values)
			}
			for _, b := range []int{bit, other} {
				m.Data()[b/8] ^= 1 << (b % 8)
			}
		}
	}
}

func TestLogErrors(t *testing.T) {
	m := newMemory(t, 4, testBlock, testWrite)
	var log flash.Log
	buf := make([]byte, 64)
	if err := log.Append(1, nil); err != flash.ErrUnformatted {
		t.Errorf("append to the zero log: %v", err)
	}
	if _, ok := log.Next(new(flash.Cursor)); ok {
		t.Error("the zero log has a record")
	}
	layouts := []struct {
		name      string
		off, size int
		buf       []byte
	}{
		{"beyond the device", 0, 5 * testBlock, buf},
		{"behind the device", 4 * testBlock, 2 * testBlock, buf},
		{"negative", -testBlock, 2 * testBlock, buf},
		{"inside a block", 4, 2 * testBlock, buf},
		{"odd number of blocks", 0, 3 * testBlock, buf},
		{"nothing", 0, 0, buf},
		{"small buffer", 0, 2 * testBlock, buf[:15]},
	}
	for _, l := range layouts {
		if err := log.Open(m, l.off, l.size, l.buf, nil); err != flash.ErrRange {
			t.Errorf("%s: %v, want %v", l.name, err, flash.ErrRange)
		}
	}
	var a table
	if err := a.open(m); err != flash.OK {
		t.Fatal(err)
	}
	if err := a.log.Append(255, nil); err != flash.ErrKind {
		t.Errorf("kind 255: %v", err)
	}
	if err := a.log.Append(1, make([]byte, 57)); err != flash.ErrTooLong {
		t.Errorf("record longer than the buffer: %v", err)
	}
	if err := a.log.Append(1, make([]byte, 56)); err != flash.OK {
		t.Errorf("longest record: %v", err)
	}
	if err := a.log.Emit(1, nil); err != flash.ErrOrder {
		t.Errorf("emit outside a snapshot: %v", err)
	}
	if err := log.Open(m, 0, 2*testBlock, buf, nil); err != flash.ErrUnformatted {
		t.Errorf("another layout: %v", err)
	}
}

// TestFullLogStaysUsable fills the bank with live state until nothing fits.
func TestFullLogStaysUsable(t *testing.T) {
	m := newMemory(t, 2, testBlock, testWrite)
	var a table
	if err := a.open(m); err != flash.OK {
		t.Fatal(err)
	}
	want := map[byte]string{}
	full := 0
	for i := range 20 {
		c := change{byte(i), "0123456789"}
		switch err := a.do(c); err {
		case flash.OK:
			c.apply(want)
		case flash.ErrFull:
			full++
		default:
			t.Fatal(err)
		}
	}
	if full == 0 || len(want) == 0 {
		t.Fatalf("%d of 20 did not fit", full)
	}
	var b table
	if err := b.open(m); err != flash.OK || !maps.Equal(b.values, want) {
		t.Fatalf("%v (%v), want %v", b.values, err, want)
	}
	if err := b.do(change{0, ""}); err != flash.OK {
		t.Errorf("dropping a key of a full log: %v", err)
	}
	if err := b.do(change{90, "0123456789"}); err != flash.OK {
		t.Errorf("into the room it made: %v", err)
	}
}

// fromLog keeps no state in RAM: its snapshot copies live records from the log.
type fromLog struct{ log flash.Log }

func (o *fromLog) Snapshot(l *flash.Log) flash.Error {
	var c flash.Cursor
	var latest [4]byte
	var payload [4]byte
	found := false
	for {
		r, ok := l.Next(&c)
		if !ok {
			break
		}
		if r.Kind == kindSet {
			found = copy(latest[:], r.Payload) == 4
		} else if err := l.Emit(r.Kind, r.Payload); err != flash.OK {
			return err
		}
	}
	if c.Err != flash.OK || !found {
		return c.Err
	}
	copy(payload[:], latest[:])
	return l.Emit(kindSet, payload[:])
}

func TestSnapshotReadsTheLog(t *testing.T) {
	m := newMemory(t, 2, testBlock, testWrite)
	var o fromLog
	buf := make([]byte, 32)
	if err := o.log.Open(m, 0, m.Size(), buf, &o); err != flash.ErrUnformatted {
		t.Fatal(err)
	}
	if err := o.log.Format(); err != flash.OK {
		t.Fatal(err)
	}
	if err := o.log.Append(7, []byte("kept")); err != flash.OK {
		t.Fatal(err)
	}
	var value [4]byte
	for i := range uint32(100) {
		binary.LittleEndian.PutUint32(value[:], i)
		if err := o.log.Append(kindSet, value[:]); err != flash.OK {
			t.Fatal(i, err)
		}
	}
	var kept, last string
	var c flash.Cursor
	for {
		r, ok := o.log.Next(&c)
		if !ok {
			break
		}
		if r.Kind == 7 {
			kept = string(r.Payload)
		} else {
			last = string(r.Payload)
		}
	}
	if kept != "kept" || last != "\x63\x00\x00\x00" {
		t.Errorf("kept %q, last %q", kept, last)
	}
}

func TestLogDoesNotAllocate(t *testing.T) {
	m := newMemory(t, 2, testBlock, testWrite)
	var o fromLog
	buf := make([]byte, 32)
	o.log.Open(m, 0, m.Size(), buf, &o)
	o.log.Format()
	var value [4]byte
	var log flash.Log
	if n := testing.AllocsPerRun(100, func() {
		if o.log.Append(kindSet, value[:]) != flash.OK {
			t.Fatal("append")
		}
		if log.Open(m, 0, m.Size(), buf, nil) != flash.OK {
			t.Fatal("open")
		}
		var c flash.Cursor
		for {
			if _, ok := log.Next(&c); !ok {
				break
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzOpen gives Open any contents: no panic, and a log it accepts works.
func FuzzOpen(f *testing.F) {
	m := newMemory(f, 2, testBlock, testWrite)
	var a table
	a.open(m)
	a.do(change{1, "one"})
	a.do(change{2, "two"})
	f.Add(bytes.Clone(m.Data()))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, contents []byte) {
		m := newMemory(t, 2, testBlock, testWrite)
		copy(m.Data(), contents)
		m.Init(m.Data(), testBlock, testWrite, nil)
		o := fromLog{}
		buf := make([]byte, 64)
		if o.log.Open(m, 0, m.Size(), buf, &o) != flash.OK {
			return
		}
		count := func() (n int) {
			var c flash.Cursor
			for {
				if _, ok := o.log.Next(&c); !ok {
					if c.Err != flash.OK {
						t.Fatal(c.Err)
					}
					return n
				}
				n++
			}
		}
		n := count()
		torn, free := o.log.Torn(), o.log.Free()
		err := o.log.Append(9, []byte("more"))
		if !torn && free >= 16 && (err != flash.OK || count() != n+1) {
			t.Fatalf("%v, %d records after %d", err, count(), n)
		}
	})
}
