package engine_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// counter adds 1 to the first word of its .data and returns it.
func counter(t *testing.T, start uint32, size int) []byte {
	data := make([]byte, size)
	binary.LittleEndian.PutUint32(data, start)
	return program(t, "lddwd r1, 0\nldxw r0, [r1]\nadd r0, 1\nstxw [r1], r0", image.Parts{Data: data})
}

func TestDataIsACopyThatSurvivesRuns(t *testing.T) {
	b := newBench(t)
	img := counter(t, 10, 8)
	before := bytes.Clone(img)
	b.install(t, 0, hookContinue, img)
	b.install(t, 1, hookNegative, img)
	for i := range int64(3) {
		if v := b.value(t, hookContinue, nil); v != 11+i {
			t.Errorf("run %d gives %d", i, v)
		}
	}
	if v := b.value(t, hookNegative, nil); v != 11 {
		t.Errorf("two containers of one image share .data: %d", v)
	}
	if !bytes.Equal(img, before) {
		t.Error("a container wrote into its image")
	}
	b.install(t, 0, hookContinue, img)
	if v := b.value(t, hookContinue, nil); v != 11 {
		t.Errorf("a replacement begins with %d", v)
	}
}

// TestDataMoves removes and replaces containers whose neighbours keep state.
func TestDataMoves(t *testing.T) {
	b := newBench(t)
	place := []int{hookContinue, hookNegative, hookSingle}
	for i, hook := range place {
		b.install(t, i, hook, counter(t, uint32(100*i), 8*(i+1)))
	}
	if b.MemoryFree() != 64-48 {
		t.Errorf("%d bytes free, want 16", b.MemoryFree())
	}
	run := func(i int, want int64) {
		t.Helper()
		if v := b.value(t, place[i], nil); v != want {
			t.Errorf("container %d gives %d, want %d", i, v, want)
		}
	}
	run(0, 1)
	run(1, 101)
	run(2, 201)
	b.Remove(0)
	run(1, 102)
	run(2, 202)
	b.install(t, 1, hookNegative, counter(t, 500, 32)) // grows, and moves behind
	run(2, 203)
	run(1, 501)
	b.install(t, 0, hookContinue, counter(t, 7, 8))
	run(0, 8)
	run(1, 502)
	run(2, 204)
	if b.MemoryFree() != 0 {
		t.Errorf("%d bytes free, want none", b.MemoryFree())
	}
	b.Remove(2)
	b.Remove(1)
	run(0, 9)
	b.Remove(0)
	if b.MemoryFree() != 64 || !bytes.Equal(b.config.Memory, make([]byte, 64)) {
		t.Errorf("after all are gone %d bytes are free, memory % x", b.MemoryFree(), b.config.Memory)
	}
}

// TestSectionsLieWhereTheImageSays is papers.md §2.8, 7: the original looked
// for .data and .rodata 60 bytes behind their place.
func TestSectionsLieWhereTheImageSays(t *testing.T) {
	b := newBench(t)
	img := program(t, `
		lddwr r1, 0
		ldxdw r0, [r1]
		lddwd r2, 8
		ldxdw r2, [r2]
		xor r0, r2`, image.Parts{Rodata: []byte("constant"), Data: []byte("........variable"), Functions: []image.Function{{Name: []byte("f")}}})
	b.install(t, 0, hookContinue, img)
	want := binary.LittleEndian.Uint64([]byte("constant")) ^ binary.LittleEndian.Uint64([]byte("variable"))
	if v := b.value(t, hookContinue, nil); uint64(v) != want {
		t.Errorf("got %#x, want %#x", v, want)
	}
}

// TestRegionsEndWhereTheyEnd reads and writes at the limits of each region.
func TestRegionsEndWhereTheyEnd(t *testing.T) {
	parts := image.Parts{Rodata: []byte("constant"), Data: []byte("variable")}
	ctx := []byte("context!")
	tests := []struct {
		name, code string
		fault      bool
	}{
		{".rodata", "lddwr r1, 0\nldxdw r0, [r1]", false},
		{".rodata, one too far", "lddwr r1, 1\nldxdw r0, [r1]", true},
		{".rodata, one before", "lddwr r1, 0\nldxb r0, [r1-1]", true},
		{".rodata, write", "lddwr r1, 0\nstb [r1], 1", true},
		{".data", "lddwd r1, 0\nstxdw [r1], r1\nldxdw r0, [r1]", false},
		{".data, one too far", "lddwd r1, 1\nstxdw [r1], r1", true},
		{".data, into the neighbour's", "lddwd r1, 8\nldxb r0, [r1]", true},
		{".data, one before", "lddwd r1, 0\nldxb r0, [r1-1]", true},
		{"stack", "stxdw [r10-8], r1\nstxdw [r10-512], r1", false},
		{"stack, above", "stxb [r10], r1", true},
		{"stack, below", "stxb [r10-513], r1", true},
		{"context", "ldxdw r0, [r1]", false},
		{"context, write", "stxb [r1], r2", true},
		{"context, behind", "ldxdw r0, [r1+1]", true},
		{"null", "mov r1, 0\nldxb r0, [r1]", true},
		{"text cannot be addressed", "lddw r1, 0x50000000\nldxb r0, [r1]", true},
		{"region of another hook", "lddw r1, 0x50000000\nldxb r0, [r1]", true},
		{"upper half of the address", "lddw r1, 0x120000000\nldxb r0, [r1]", true},
		{"address that wraps", "lddw r1, 0xffffffffffffffff\nldxdw r0, [r1]", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t)
			b.install(t, 1, hookSingle, counter(t, 1, 8))
			b.install(t, 0, hookContinue, program(t, "mov r0, 0\n"+test.code, parts))
			b.install(t, 2, hookSingle, counter(t, 1, 8))
			memory := bytes.Clone(b.config.Memory)
			r := b.Fire(0, hookContinue, ctx)
			if (r.Faulted == 1) != test.fault {
				t.Errorf("%+v, %+v", r, b.Container(0).Stats())
			}
			if test.fault && (b.Container(0).Stats().Fault != vm.FaultMemory || !bytes.Equal(b.config.Memory, memory)) {
				t.Errorf("fault %v, memory % x", b.Container(0).Stats().Fault, b.config.Memory)
			}
		})
	}
}

func TestContextIsWritableWhereTheHookSaysSo(t *testing.T) {
	b := newBench(t)
	b.install(t, 0, hookWritable, code(t, "stw [r1+4], 7\nmov r0, r2"))
	ctx := make([]byte, 12)
	if v := b.value(t, hookWritable, ctx); v != 12 || ctx[4] != 7 {
		t.Errorf("length %d, context % x", v, ctx)
	}
}

func TestHookGrantsRegions(t *testing.T) {
	b := newBench(t)
	read := "lddw r1, 0x50000000\nldxb r0, [r1]"
	write := "lddw r1, 0x60000000\nstb [r1+7], 9\nldxb r0, [r1+7]"
	b.install(t, 0, hookRegions, code(t, read))
	if v := b.value(t, hookRegions, nil); v != 'r' {
		t.Errorf("first region gives %d", v)
	}
	b.install(t, 0, hookRegions, code(t, write))
	if v := b.value(t, hookRegions, nil); v != 9 || b.grants[1].Bytes[7] != 9 {
		t.Errorf("second region gives %d, % x", v, b.grants[1].Bytes)
	}
	for name, source := range map[string]string{
		"write to the first": "lddw r1, 0x50000000\nstb [r1], 9",
		"a third region":     "lddw r1, 0x70000000\nldxb r0, [r1]",
	} {
		b.install(t, 0, hookRegions, code(t, source))
		if r := b.Fire(0, hookRegions, nil); r.Faulted != 1 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	// What one hook grants is gone when another one fires.
	for _, source := range []string{read, write} {
		b.fault(t, code(t, source), nil)
	}
}

// TestStackHoldsNothingOfOthers lets one container fill the stack and another
// one look.
func TestStackHoldsNothingOfOthers(t *testing.T) {
	b := newBench(t)
	fill := code(t, "mov r1, r10\nsub r1, 512\nmov r2, 64\nloop: stxdw [r1], r10\nadd r1, 8\nsub r2, 1\njne r2, 0, loop\nmov r0, 0")
	look := code(t, "mov r0, 0\nmov r1, r10\nsub r1, 512\nmov r2, 64\nloop: ldxdw r3, [r1]\nor r0, r3\nadd r1, 8\nsub r2, 1\njne r2, 0, loop")
	b.install(t, 0, hookContinue, fill)
	b.install(t, 1, hookContinue, look)
	for range 3 {
		if v := b.value(t, hookContinue, nil); v != 0 {
			t.Errorf("the second container finds %#x on the stack", v)
		}
	}
	// A new container in the same place is another container.
	b.install(t, 2, hookSingle, fill)
	b.value(t, hookSingle, nil)
	b.Remove(2)
	b.install(t, 2, hookSingle, look)
	if v := b.value(t, hookSingle, nil); v != 0 {
		t.Errorf("the next container in the place finds %#x on the stack", v)
	}
	b.install(t, 2, hookSingle, fill)
	b.value(t, hookSingle, nil)
	b.install(t, 2, hookSingle, look)
	if v := b.value(t, hookSingle, nil); v != 0 {
		t.Errorf("the replacement finds %#x on the stack", v)
	}
}

// TestImageInWritableMemoryIsRefused: checked text must not change.
func TestImageInWritableMemoryIsRefused(t *testing.T) {
	b := newBench(t)
	img := code(t, "mov r0, 1")
	put := func(memory []byte, at int) []byte {
		n := copy(memory[at:], img)
		return memory[at : at+n]
	}
	stack := put(b.config.Stack, 100)
	region := make([]byte, 200)
	b.grants[1].Bytes = region[50:60]
	around := put(region, 40)
	for name, spec := range map[string]engine.Spec{
		"on the stack":             {Image: stack},
		"around a writable region": {Hook: hookRegions, Image: around},
	} {
		if err := b.Check(0, &spec); err.Reason != engine.ErrAlias {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := b.Check(0, &engine.Spec{Hook: hookSingle, Image: around}); err.Reason != engine.OK {
		t.Errorf("in memory of another hook: %v", err)
	}
}
