package image

import (
	"github.com/femto-containers/femto/internal/cbor"
	"github.com/femto-containers/femto/vm"
)

// ABI is the number of the interface between containers and hosts that
// contracts name: address layout, calling convention, meaning of the header.
const ABI = 1

// MaxName is the greatest length of a container's name in bytes.
const MaxName = 16

// Keys of a contract's map.
const (
	KeyABI     = 0
	KeyName    = 1
	KeyHook    = 2
	KeyHelpers = 3
	KeyStack   = 4
	KeyBudget  = 5
	KeyEntries = 6
	KeyFlags   = 7
	keys       = 8
)

// LongRunning is the flag of a container that does not run to completion: it
// suspends in helpers that wait and whenever its budget is spent.
const LongRunning = 1

const flagsKnown = LongRunning

// A Contract is what an image of version 1 says it needs (docs/spec/image.md).
// The zero Contract asks for nothing.
type Contract struct {
	Keys    uint8  // bit k: the contract has key k
	Flags   uint8  // LongRunning
	Name    []byte // at most MaxName bytes
	Hook    []byte // UUID of 16 bytes, or nil
	Helpers vm.HelperSet
	Stack   uint16    // bytes; 0: what the device has
	Budget  int32     // instructions per activation, below 1<<31; 0: what the device allows
	Entries [3]uint16 // in the local, tenant and global store
}

// Has reports whether the contract has key k.
func (c *Contract) Has(k uint8) bool { return c.Keys>>k&1 != 0 }

// ParseContract reads a contract, one CBOR map in deterministic encoding
// (RFC 8949 §4.2.1), into c, which is undefined after an error. Name and Hook
// alias raw.
func ParseContract(raw []byte, c *Contract) Error {
	*c = Contract{}
	d := cbor.New(raw)
	for n := d.Map(); n > 0 && d.Err() == 0; n-- {
		key := d.Uint()
		// Keys ascend, so none comes twice.
		if key >= keys || c.Keys>>key != 0 {
			return ErrContract
		}
		c.Keys |= 1 << key
		switch key {
		case KeyABI:
			if bounded(&d, 0xffff) != ABI {
				return ErrABI
			}
		case KeyName:
			if c.Name = d.Text(); len(c.Name) > MaxName {
				return ErrContract
			}
		case KeyHook:
			if c.Hook = d.Bytes(); len(c.Hook) != 16 {
				return ErrContract
			}
		case KeyHelpers:
			next := uint32(0)
			for i := d.Array(); i > 0 && d.Err() == 0; i-- {
				number := bounded(&d, 255)
				if number < next {
					return ErrContract
				}
				next = number + 1
				c.Helpers.Add(uint8(number))
			}
		case KeyStack:
			c.Stack = uint16(bounded(&d, 0xffff))
		case KeyBudget:
			c.Budget = int32(bounded(&d, 1<<31-1))
		case KeyEntries:
			if d.Array() != len(c.Entries) {
				return ErrContract
			}
			for i := range c.Entries {
				c.Entries[i] = uint16(bounded(&d, 0xffff))
			}
		case KeyFlags:
			c.Flags = uint8(bounded(&d, flagsKnown))
		}
	}
	if d.End() != 0 || !c.Has(KeyABI) {
		return ErrContract
	}
	return OK
}

// bounded reads a number up to limit.
func bounded(d *cbor.Decoder, limit uint32) uint32 {
	n := d.Uint()
	if n > uint64(limit) {
		d.Fail(cbor.ErrRange)
	}
	return uint32(n)
}

// AppendContract appends c to dst as a contract. A key is written if Keys has
// it or its value is not zero; KeyABI always is.
func AppendContract(dst []byte, c *Contract) []byte {
	present := c.Keys | 1<<KeyABI
	count := uint64(0)
	for k, given := range [keys]bool{
		KeyName: len(c.Name) > 0, KeyHook: len(c.Hook) > 0, KeyHelpers: !c.Helpers.Empty(), KeyStack: c.Stack > 0,
		KeyBudget: c.Budget > 0, KeyEntries: c.Entries != [3]uint16{}, KeyFlags: c.Flags > 0,
	} {
		if given {
			present |= 1 << k
		}
		count += uint64(present >> k & 1)
	}
	dst = appendHead(dst, cbor.Map, count)
	for k := range uint64(keys) {
		if present>>k&1 == 0 {
			continue
		}
		dst = appendHead(dst, cbor.Uint, k)
		switch k {
		case KeyABI:
			dst = appendHead(dst, cbor.Uint, ABI)
		case KeyName:
			dst = append(appendHead(dst, cbor.Text, uint64(len(c.Name))), c.Name...)
		case KeyHook:
			dst = append(appendHead(dst, cbor.Bytes, uint64(len(c.Hook))), c.Hook...)
		case KeyHelpers:
			n := uint64(0)
			for i := range 256 {
				if c.Helpers.Has(uint8(i)) {
					n++
				}
			}
			dst = appendHead(dst, cbor.Array, n)
			for i := range 256 {
				if c.Helpers.Has(uint8(i)) {
					dst = appendHead(dst, cbor.Uint, uint64(i))
				}
			}
		case KeyStack:
			dst = appendHead(dst, cbor.Uint, uint64(c.Stack))
		case KeyBudget:
			dst = appendHead(dst, cbor.Uint, uint64(c.Budget))
		case KeyEntries:
			dst = appendHead(dst, cbor.Array, uint64(len(c.Entries)))
			for _, n := range c.Entries {
				dst = appendHead(dst, cbor.Uint, uint64(n))
			}
		case KeyFlags:
			dst = appendHead(dst, cbor.Uint, uint64(c.Flags))
		}
	}
	return dst
}

// appendHead appends the shortest head for n, which is below 1<<32.
func appendHead(dst []byte, t cbor.Type, n uint64) []byte {
	major := byte(t) << 5
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n < 1<<8:
		return append(dst, major|24, byte(n))
	case n < 1<<16:
		return append(dst, major|25, byte(n>>8), byte(n))
	}
	return append(dst, major|26, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}
