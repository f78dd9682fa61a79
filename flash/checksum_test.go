package flash

import (
	"encoding/binary"
	"hash/crc32"
	"testing"
)

func TestChecksum(t *testing.T) {
	// The catalogue's check value of CRC-32/ISO-HDLC.
	if got := checksum(binary.LittleEndian.Uint32([]byte("1234")), []byte("56789")); got != 0xcbf43926 {
		t.Errorf("got %#x, want 0xcbf43926", got)
	}
	b := []byte{0, 0, 0, 0}
	for i := range 100 {
		b = append(b, byte(i*37))
		if got, want := checksum(0, b[4:]), crc32.ChecksumIEEE(b); got != want {
			t.Errorf("%d bytes: got %#x, want %#x", len(b), got, want)
		}
	}
}

func TestEveryErrorHasWords(t *testing.T) {
	seen := map[string]Error{}
	for e := OK; e <= ErrNotMapped; e++ {
		text := e.Error()
		if other, double := seen[text]; double || text == Error(255).Error() {
			t.Errorf("error %d says %q, as does %d", e, text, other)
		}
		seen[text] = e
	}
}
