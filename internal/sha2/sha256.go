// Package sha2 computes SHA-256 and SHA-512 (FIPS 180-4) in little flash and
// without allocation: crypto/sha256 alone costs a device 60 KB.
package sha2

import "math/bits"

// Size256 is the length of a SHA-256 digest in bytes.
const Size256 = 32

// A SHA256 is a running hash. Reset it before its first use.
type SHA256 struct {
	h     [8]uint32
	block [64]byte
	used  int
	n     uint64 // bytes so far
}

// Reset starts a new message.
func (s *SHA256) Reset() {
	for i := range s.h {
		s.h[i] = uint32(initial[i] >> 32)
	}
	s.used, s.n = 0, 0
}

// Write adds b to the message. It keeps no part of b.
func (s *SHA256) Write(b []byte) {
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
func (s *SHA256) Sum(dst *[Size256]byte) {
	length := s.n << 3
	s.block[s.used] = 0x80
	s.used++
	if s.used > 56 {
		clear(s.block[s.used:])
		s.compress()
		s.used = 0
	}
	clear(s.block[s.used:])
	for i := 0; i < 8; i++ {
		s.block[63-i] = byte(length >> (8 * i))
	}
	s.compress()
	for i, v := range s.h {
		dst[4*i], dst[4*i+1], dst[4*i+2], dst[4*i+3] = byte(v>>24), byte(v>>16), byte(v>>8), byte(v)
	}
}

// Sum256 writes the SHA-256 of the parts, one after another, to dst.
func Sum256(dst *[Size256]byte, parts ...[]byte) {
	var s SHA256
	s.Reset()
	for _, part := range parts {
		s.Write(part)
	}
	s.Sum(dst)
}

// compress takes in one block. The schedule is a ring of the last sixteen
// words: 64 bytes of stack instead of 256.
func (s *SHA256) compress() {
	var w [16]uint32
	for i := range w {
		p := s.block[4*i : 4*i+4]
		w[i] = uint32(p[0])<<24 | uint32(p[1])<<16 | uint32(p[2])<<8 | uint32(p[3])
	}
	var v [24]uint32 // a to h: each round writes the new a before the old
	copy(v[:], s.h[:])
	for i := 0; i < 64; i++ {
		k := i & 15
		if k == 0 {
			copy(v[16:], v[:8])
		}
		word := w[k]
		if i >= 16 {
			x, y := w[(i+1)&15], w[(i+14)&15]
			word += w[(i+9)&15] +
				(bits.RotateLeft32(x, -7) ^ bits.RotateLeft32(x, -18) ^ x>>3) +
				(bits.RotateLeft32(y, -17) ^ bits.RotateLeft32(y, -19) ^ y>>10)
			w[k] = word
		}
		p := (*[9]uint32)(v[15-k:])
		a, e := p[1], p[5]
		t := p[8] + word + uint32(constants[i]>>32) + (e&p[6] ^ ^e&p[7]) +
			(bits.RotateLeft32(e, -6) ^ bits.RotateLeft32(e, -11) ^ bits.RotateLeft32(e, -25))
		p[4] += t
		p[0] = t + (a&p[2] ^ a&p[3] ^ p[2]&p[3]) +
			(bits.RotateLeft32(a, -2) ^ bits.RotateLeft32(a, -13) ^ bits.RotateLeft32(a, -22))
	}
	for i := range s.h {
		s.h[i] += v[i]
	}
}
