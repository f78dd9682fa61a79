package helpers_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/vm"
)

// call loads r1 to r5 from the context, the fifth from its middle on, and
// calls helper.
func call(number uint8) string {
	return fmt.Sprintf(`
		mov r6, r1
		ldxdw r1, [r6]
		ldxdw r2, [r6+8]
		ldxdw r3, [r6+16]
		ldxdw r4, [r6+24]
		ldxdw r5, [r6+32]
		call %d`, number)
}

func registers(r [5]uint64) []byte {
	var b []byte
	for _, v := range r {
		b = binary.LittleEndian.AppendUint64(b, v)
	}
	return b
}

const (
	dataSize   = 64
	rodataSize = 64
)

// hostileParts is what the container has: 64 bytes of .data, and .rodata that
// begins with a text and holds no other NUL but at its middle.
func hostileParts() image.Parts {
	rodata := bytes.Repeat([]byte{'x'}, rodataSize)
	rodata[8] = 0
	return image.Parts{Data: bytes.Repeat([]byte{'d'}, dataSize), Rodata: rodata}
}

var (
	dataAt   = vm.Address(vm.RegionData, 0)
	rodataAt = vm.Address(vm.RegionRodata, 0)
)

// good is an argument that the helper takes.
func good(a sdkgen.Arg) uint64 {
	switch a.Kind {
	case sdkgen.String, sdkgen.Read, sdkgen.ReadSize:
		return rodataAt
	case sdkgen.Write, sdkgen.WriteSize, sdkgen.Output:
		return dataAt
	}
	return 1
}

// hostile lists addresses that an argument must not have.
func hostile(a sdkgen.Arg) map[string]uint64 {
	need := uint64(1) // bytes; lengths are 1
	if a.Size > 0 {
		need = uint64(a.Size)
	}
	bad := map[string]uint64{
		"null":                        0,
		"a small number":              12345,
		"a host address":              0x00007f0000000000,
		"an address with upper bits":  dataAt | 1<<63,
		"memory of a microcontroller": 0x00000100,
		"a region nobody granted":     vm.Address(vm.RegionGrant+3, 0),
		"the last byte there is":      1<<64 - 1,
		"before .data":                dataAt - 1,
		"behind .data":                dataAt + dataSize,
	}
	switch a.Kind {
	case sdkgen.String:
		bad["no end"] = rodataAt + 9
	case sdkgen.Write, sdkgen.WriteSize, sdkgen.Output:
		bad[".rodata"] = rodataAt
		bad["the context"] = vm.Address(vm.RegionContext, 0)
	}
	if need > 1 {
		bad["over the end of .data"] = dataAt + dataSize - need + 1
	}
	return bad
}

// TestHelpersTrustNoAddress gives each pointer of each helper every hostile
// address, while the other arguments are good (papers.md §2.8, 5).
func TestHelpersTrustNoAddress(t *testing.T) {
	cases := 0
	for i := range sdkgen.Helpers {
		h := &sdkgen.Helpers[i]
		for n, arg := range h.Args {
			if arg.Kind == sdkgen.Value || arg.Kind == sdkgen.Variadic {
				continue
			}
			for name, address := range hostile(arg) {
				cases++
				t.Run(fmt.Sprintf("%s/%d/%s", h.Name, n+1, name), func(t *testing.T) {
					var r [5]uint64
					for m, a := range h.Args {
						r[m] = good(a)
					}
					r[n] = address
					if h.Group == "CoAP" {
						r[1] = 0
					}
					host := newHost(t)
					host.config.Memory = make([]byte, 1024)
					host.Init(&host.config)
					host.config.Hooks[0].Regions = []vm.Region{{Bytes: make([]byte, 64), Writable: true}}
					host.install(t, 1, "mov r0, 0", image.Parts{Data: bytes.Repeat([]byte{'n'}, dataSize)})
					parts := hostileParts()
					ctx := registers(r)
					source := call(h.Number)
					if h.Blocks {
						// It runs without a context.
						source = fmt.Sprintf("lddw r1, %#x\nlddw r2, %#x\ncall %d", r[0], r[1], h.Number)
					}
					_, fault, at := host.run(t, source, parts, ctx)
					if h.Blocks {
						host.Poll(0)
						stats := host.Container(0).Stats()
						fault, at = stats.Fault, stats.FaultAddress
					}
					if fault != vm.FaultMemory || at != address {
						t.Errorf("fault %v at %#x, want %v at %#x", fault, at, vm.FaultMemory, address)
					}
					if got := host.config.Memory[:2*dataSize]; !h.Blocks && !bytes.Equal(got, append(bytes.Repeat([]byte{'n'}, dataSize), parts.Data...)) {
						t.Errorf("memory is now %q", got)
					}
					if !bytes.Equal(ctx, registers(r)) || len(host.lines) > 0 || len(host.Pairs(engine.Global)) > 0 {
						t.Error("the helper had an effect")
					}
				})
			}
		}
	}
	if cases < 150 {
		t.Errorf("only %d cases", cases)
	}
}

// TestHostileContexts gives the CoAP helpers contexts that a container forged.
func TestHostileContexts(t *testing.T) {
	packet := vm.Address(vm.RegionGrant, 0)
	buffer := vm.Address(vm.RegionGrant, helpers.ResponseAt)
	const room = 32
	tests := []struct {
		name                   string
		packet, buffer, length uint64
		ok                     bool
	}{
		{"the hook's own", packet, buffer, room, true},
		{"a shorter one", packet, buffer, 16, true},
		{"in .data", dataAt + 24, dataAt + 40, 16, true},
		{"packet nowhere", 0, buffer, room, false},
		{"packet in .rodata", rodataAt, buffer, room, false},
		{"packet over the end", packet + room + helpers.ResponseAt - 15, buffer, room, false},
		{"packet at a host address", packet | 1<<32, buffer, room, false},
		{"buffer nowhere", packet, 0, room, false},
		{"buffer in .rodata", packet, rodataAt, room, false},
		{"buffer one too long", packet, buffer, room + 1, false},
		{"buffer at a host address", packet, buffer | 1<<40, room, false},
		{"buffer of 256 MiB", packet, buffer, 1 << 28, false},
		{"buffer of 4 GiB less one", packet, buffer, 1<<32 - 1, false},
	}
	for _, test := range tests {
		for number := helpers.GcoapRespInit; number <= helpers.CoapGetPdu; number++ {
			t.Run(fmt.Sprintf("%s/%#x", test.name, number), func(t *testing.T) {
				h := newHost(t)
				granted := make([]byte, helpers.ResponseAt+room)
				h.config.Hooks[0].Regions = []vm.Region{{Bytes: granted, Writable: true}}
				parts := hostileParts()
				binary.LittleEndian.PutUint64(parts.Data, test.packet)
				binary.LittleEndian.PutUint64(parts.Data[8:], test.buffer)
				binary.LittleEndian.PutUint64(parts.Data[16:], test.length)
				_, fault, _ := h.run(t, call(uint8(number)), parts, registers([5]uint64{dataAt, 1}))
				if want := map[bool]vm.Fault{true: vm.OK, false: vm.FaultMemory}[test.ok]; fault != want {
					t.Errorf("%v, want %v", fault, want)
				}
				if !test.ok && (!bytes.Equal(granted, make([]byte, len(granted))) || !bytes.Equal(h.config.Memory[:dataSize], parts.Data)) {
					t.Error("the helper wrote")
				}
			})
		}
	}
}

// FuzzCoAP lets the container write anything into packet and buffer before each
// helper, and return anything: the helpers write inside the buffer only, and End
// takes nothing that is not there.
func FuzzCoAP(f *testing.F) {
	f.Add([]byte{}, uint16(0x45), int64(12))
	f.Add(bytes.Repeat([]byte{0xff}, 64), uint16(0), int64(-160))
	f.Add(bytes.Repeat([]byte{0x44, 0x45}, 40), uint16(0xffff), int64(60))
	f.Fuzz(func(t *testing.T, memory []byte, value uint16, result int64) {
		h := newHost(t)
		guarded := make([]byte, 128)
		var r helpers.Responder
		r.Memory = guarded[32:96:96]
		h.config.Hooks[0].Regions = r.Regions()
		ctx := r.Begin(7, []byte("tok"))
		copy(r.Memory, memory)
		source := "mov r6, r1"
		for number := helpers.GcoapRespInit; number <= helpers.CoapGetPdu; number++ {
			source += fmt.Sprintf("\nmov r1, r6\nmov r2, %d\ncall %d", value, number)
		}
		h.run(t, source, image.Parts{}, ctx)
		if !bytes.Equal(guarded[:32], make([]byte, 32)) || !bytes.Equal(guarded[96:], make([]byte, 32)) {
			t.Fatal("a helper wrote outside the granted memory")
		}
		code, format, payload := r.End(result)
		if class := code >> 5; class < 2 || class > 5 || format < helpers.NoFormat || format > 0xffff || len(payload) > 32 {
			t.Fatalf("code %#x, format %d, %d bytes", code, format, len(payload))
		}
	})
}
