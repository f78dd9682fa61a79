package node

import (
	"encoding/binary"
	"unsafe"

	"github.com/femto-containers/femto/agent"
)

// Whom the device trusts is in one block of its flash, written by whoever
// provisions it: eight bytes of trustMark, then records of 53 bytes {u32 hooks,
// agent.Key, name padded with zeros}, ended by one with an empty name or by
// erased flash.
const (
	TrustSize  = 1024
	MaxTenants = 4

	trustMark   = "femto/t2"
	nameSize    = 16
	keyAt       = 4
	nameAt      = keyAt + len(agent.Key{})
	trustRecord = nameAt + nameSize
)

// ParseTrust reads block into tenants and returns how many there are. The
// names alias block.
func ParseTrust(block []byte, tenants []agent.Tenant) int {
	if len(block) < len(trustMark) {
		return 0
	}
	for i := range len(trustMark) { // over its bytes, not its characters
		if block[i] != trustMark[i] {
			return 0
		}
	}
	block = block[len(trustMark):]
	n := 0
	for n < len(tenants) && len(block) >= trustRecord {
		name := block[nameAt:trustRecord]
		if name[0] == 0 || name[0] == 0xff {
			break
		}
		length := 0
		for length < len(name) && name[length] != 0 {
			length++
		}
		t := &tenants[n]
		*t = agent.Tenant{}
		t.Name = unsafe.String(&name[0], length) // the block stays as it is
		t.Hooks = binary.LittleEndian.Uint32(block)
		copy(t.Key[:], block[keyAt:])
		n++
		block = block[trustRecord:]
	}
	return n
}

// ProvisionFlash returns the content of a new device's flash: erased, but for
// the tenants, of whom there are at most MaxTenants. It is for whoever makes
// devices.
func ProvisionFlash(size int, tenants []agent.Tenant) []byte {
	flash := make([]byte, size)
	for i := range flash {
		flash[i] = 0xff
	}
	SetTrust(flash, tenants)
	return flash
}

// SetTrust replaces the tenants in the content of a device's flash.
func SetTrust(flash []byte, tenants []agent.Tenant) {
	block := flash[TrustAt:][:TrustSize]
	for i := range block {
		block[i] = 0xff
	}
	block = append(block[:0], trustMark...)
	for i := range tenants {
		t := &tenants[i]
		block = binary.LittleEndian.AppendUint32(block, t.Hooks)
		block = append(block, t.Key[:]...)
		var name [nameSize]byte
		copy(name[:], t.Name)
		block = append(block, name[:]...)
	}
}
