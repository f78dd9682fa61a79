package asm_test

import (
	"bytes"
	"debug/elf"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/vmfuzz"
)

// llvm assembles source with LLVM, or skips the test loudly.
func llvm(t *testing.T, source string) []byte {
	t.Helper()
	var path string
	for _, name := range []string{"llvm-mc-19", "llvm-mc"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("SKIPPED: there is no llvm-mc-19 and no llvm-mc to compare with")
	}
	object := filepath.Join(t.TempDir(), "out.o")
	cmd := exec.Command(path, "-triple=bpfel", "-mcpu=v4", "-filetype=obj", "-o", object, "-")
	cmd.Stdin = strings.NewReader(source)
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("llvm-mc: %v\n%.2000s", err, said)
	}
	file, err := elf.Open(object)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	code, err := file.Section(".text").Data()
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// forms is every form of the kernel's notation that LLVM has, too.
const forms = `
	r0 += 1
	w0 -= 1
	r1 *= r2
	w1 /= w2
	r3 %= 7
	r3 |= r4
	w3 &= 255
	r3 ^= -1
	r5 <<= 3
	r5 >>= r6
	w5 s>>= 3
	r5 s>>= r1
	r1 s/= r2
	w1 s%= 3
	w0 = w1
	r0 = r1
	r0 = -1
	w0 = 0x7fffffff
	r0 = -r0
	w4 = -w4
	r0 = 0x1 ll
	r9 = 0xfedcba9876543210 ll
	r1 = -2 ll
	r1 = (s8)r2
	w1 = (s16)w2
	r1 = (s32)r2
	r0 = be16 r0
	r1 = be32 r1
	r2 = le64 r2
	r3 = bswap16 r3
	r1 = *(u8 *)(r2 + 4)
	r1 = *(u16 *)(r2 - 4)
	r1 = *(u32 *)(r10 - 512)
	r1 = *(u64 *)(r2 + 32767)
	r1 = *(s8 *)(r2 + 0)
	r1 = *(s16 *)(r2 + 1)
	r1 = *(s32 *)(r2 - 4)
	*(u32 *)(r10 - 4) = r1
	*(u32 *)(r10 - 4) = w1
	*(u8 *)(r1 + 0) = 255
	*(u64 *)(r10 - 8) = 5
	lock *(u64 *)(r1 + 0) += r2
	lock *(u32 *)(r1 + 8) |= w2
	lock *(u64 *)(r1 + 0) &= r2
	lock *(u64 *)(r1 - 8) ^= r2
	r2 = atomic_fetch_add((u64 *)(r1 + 0), r2)
	r2 = atomic_fetch_or((u64 *)(r1 + 0), r2)
	w2 = atomic_fetch_and((u32 *)(r1 + 0), w2)
	w2 = atomic_fetch_xor((u32 *)(r1 + 0), w2)
	r2 = xchg_64(r1 + 0, r2)
	w2 = xchg32_32(r1 + 4, w2)
	r0 = cmpxchg_64(r1 + 0, r0, r2)
	w0 = cmpxchg32_32(r1 + 0, w0, w2)
	call 1
	callx r2
	r0 = *(u8 *)skb[4]
	r0 = *(u32 *)skb[r1]
back:
	if r1 == 3 goto +2
	if r1 != r2 goto back
	if r1 > 3 goto back
	if r1 >= r2 goto back
	if r1 < 3 goto back
	if r1 <= r2 goto back
	if r1 & 3 goto back
	if r1 s> 3 goto back
	if r1 s>= r2 goto back
	if r1 s< -3 goto ahead
	if r1 s<= r2 goto ahead
	if w1 s<= w2 goto -3
	if w1 == 7 goto ahead
	goto +1
	goto ahead
	gotol +1
	gotol back
ahead:
	exit
`

func TestAgainstLLVM(t *testing.T) {
	want := llvm(t, forms)
	got, err := asm.Assemble(forms)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want) {
		return
	}
	for at := 0; at+8 <= min(len(got), len(want)); at += 8 {
		if !bytes.Equal(got[at:at+8], want[at:at+8]) {
			t.Errorf("slot %d: got % x, LLVM has % x (%s)", at/8, got[at:at+8], want[at:at+8], asm.Disassemble(want[at : at+8])[0].Text)
		}
	}
	t.Errorf("%d bytes, LLVM has %d", len(got), len(want))
}

// TestListingAgainstLLVM has LLVM read what List writes of random programs.
func TestListingAgainstLLVM(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	var source strings.Builder
	var want []byte
	for range 150 {
		seed := make([]byte, 100+r.IntN(600))
		for i := range seed {
			seed[i] = byte(r.Uint32())
		}
		k := vmfuzz.Make(seed)
		if !k.Valid {
			continue
		}
		for _, line := range asm.Disassemble(k.Text) {
			code := k.Text[line.Slot*8:][:line.Slots()*8]
			first := asm.List(code, asm.Options{Notation: asm.Kernel})[0]
			text := first.Text
			if first.Label != "" {
				continue // jumps to itself
			}
			if strings.Contains(text, "call") || strings.Contains(text, "data") || strings.Contains(text, "lddw") {
				continue // femto's own, or a symbol to LLVM
			}
			source.WriteString(text + "\n")
			want = append(want, code...)
		}
	}
	if len(want) < 8*4000 {
		t.Fatalf("%d bytes are too few", len(want))
	}
	if got := llvm(t, source.String()); !bytes.Equal(got, want) {
		t.Errorf("LLVM makes %d bytes of the listing of %d, and not the same", len(got), len(want))
	}
}
