//go:build !tinygo

package vm

// deviceLoop makes a host run the loop of small processors, for tests.
var deviceLoop bool

func (m *Machine) execute() Fault {
	if deviceLoop {
		return m.loop()
	}
	return m.loopHost()
}

func load64(b []byte, at int) uint64 {
	return uint64(b[at]) | uint64(b[at+1])<<8 | uint64(b[at+2])<<16 | uint64(b[at+3])<<24 |
		uint64(b[at+4])<<32 | uint64(b[at+5])<<40 | uint64(b[at+6])<<48 | uint64(b[at+7])<<56
}

func store64(b []byte, at int, v uint64) {
	b[at], b[at+1], b[at+2], b[at+3] = uint8(v), uint8(v>>8), uint8(v>>16), uint8(v>>24)
	b[at+4], b[at+5], b[at+6], b[at+7] = uint8(v>>32), uint8(v>>40), uint8(v>>48), uint8(v>>56)
}
