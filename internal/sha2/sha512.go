package sha2

import "math/bits"

// Size512 is the length of a SHA-512 digest in bytes.
const Size512 = 64

// A SHA512 is a running hash of a message shorter than 2^61 bytes. Reset it
// before its first use.
type SHA512 struct {
	h     [8]uint64
	block [128]byte
	used  int
	n     uint64 // bytes so far
}

// Reset starts a new message.
func (s *SHA512) Reset() {
	for i := range s.h {
		s.h[i] = initial[i]
	}
	s.used, s.n = 0, 0
}

// Write adds b to the message. It keeps no part of b.
func (s *SHA512) Write(b []byte) {
	s.n += uint64(len(b))
	for len(b) > 0 {
		n := copy(s.block[s.used:], b)
		b = b[n:]
		s.used += n
		if s.used == len(s.block) {
			s.compress()
			s.used = 0
		}
	}
}

// Sum ends the message and writes its digest to dst. Reset before more.
func (s *SHA512) Sum(dst *[Size512]byte) {
	length := s.n << 3
	s.block[s.used] = 0x80
	s.used++
	if s.used > 112 {
		clear(s.block[s.used:])
		s.compress()
		s.used = 0
	}
	clear(s.block[s.used:])
	for i := 0; i < 8; i++ {
		s.block[127-i] = byte(length >> (8 * i))
	}
	s.compress()
	for i, v := range s.h {
		for k := 0; k < 8; k++ {
			dst[8*i+k] = byte(v >> (56 - 8*k))
		}
	}
}

// Sum512 writes the SHA-512 of the parts, one after another, to dst.
func Sum512(dst *[Size512]byte, parts ...[]byte) {
	var s SHA512
	s.Reset()
	for _, part := range parts {
		s.Write(part)
	}
	s.Sum(dst)
}

// compress takes in one block, with a ring of sixteen words as in SHA256:
// 128 bytes of stack, where a table of 80 words would go to TinyGo's heap.
func (s *SHA512) compress() {
	var w [16]uint64
	for i := range w {
		p := s.block[8*i : 8*i+8]
		w[i] = uint64(p[0])<<56 | uint64(p[1])<<48 | uint64(p[2])<<40 | uint64(p[3])<<32 |
			uint64(p[4])<<24 | uint64(p[5])<<16 | uint64(p[6])<<8 | uint64(p[7])
	}
	var v [24]uint64 // a to h: each round writes the new a before the old
	copy(v[:], s.h[:])
	for i := 0; i < 80; i++ {
		k := i & 15
		if k == 0 {
			copy(v[16:], v[:8])
		}
		word := w[k]
		if i >= 16 {
			x, y := w[(i+1)&15], w[(i+14)&15]
			word += w[(i+9)&15] +
				(bits.RotateLeft64(x, -1) ^ bits.RotateLeft64(x, -8) ^ x>>7) +
				(bits.RotateLeft64(y, -19) ^ bits.RotateLeft64(y, -61) ^ y>>6)
			w[k] = word
		}
		p := (*[9]uint64)(v[15-k:])
		a, e := p[1], p[5]
		t := p[8] + word + constants[i] + (e&p[6] ^ ^e&p[7]) +
			(bits.RotateLeft64(e, -14) ^ bits.RotateLeft64(e, -18) ^ bits.RotateLeft64(e, -41))
		p[4] += t
		p[0] = t + (a&p[2] ^ a&p[3] ^ p[2]&p[3]) +
			(bits.RotateLeft64(a, -28) ^ bits.RotateLeft64(a, -34) ^ bits.RotateLeft64(a, -39))
	}
	for i := range s.h {
		s.h[i] += v[i]
	}
}
