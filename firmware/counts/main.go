//go:build tinygo

// Command counts prints how many machine instructions the device's work takes,
// exactly: under QEMU's -icount every instruction takes the same virtual time,
// and the board's span clock resolves that. `make counts` runs it.
package main

import (
	_ "embed"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	standard "github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/firmware/board"
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/ed25519"
	"github.com/femto-containers/femto/internal/p256"
	"github.com/femto-containers/femto/internal/sha2"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/link"
	"github.com/femto-containers/femto/vm"
)

// What is measured lives in globals: locals over 256 bytes would be moved to
// the heap, and results must not be optimised away.
var (
	machine vm.Machine
	stack   [512]byte
	context [360]byte
	pointer [16]byte // a context: address and number of words
	text    [300 * isa.Size]byte
	sum256  sha2.SHA256
	sum512  sha2.SHA512
	digest  [64]byte
	none    vm.HelperSet
	sink    uint64
)

func main() {
	board.Init()
	initSpan()
	span("empty span", func() {})
	machines()
	engines()
	hashes()
	signatures()
	deployments(deployment, class)
	exit()
}

// span prints the instructions of f.
func span(name string, f func()) {
	begin := now()
	f()
	print(name, "\t", elapsed(begin), "\n")
}

func machines() {
	copy(context[:], examples.Fletcher32Input)
	machine.Region[vm.RegionStack] = vm.Region{Bytes: stack[:], Writable: true}
	machine.Region[vm.RegionContext] = vm.Region{Bytes: context[:]}

	parsed, _ := image.Parse(examples.Fletcher32)
	fletcher := parsed.Text()
	span("vm: check fletcher32", func() {
		if _, err := vm.Check(fletcher, &none); err.Fault != vm.OK {
			print("check failed\n")
		}
	})
	span("vm: run fletcher32, 360 bytes", func() { run(fletcher, 100_000) })
	if sink != examples.Fletcher32Sum {
		print("wrong sum\n")
	}
	print("vm: eBPF instructions of it\t", machine.Instructions(), "\n")
	papers()

	program := assemble()
	program.emit(isa.ClassALU64|isa.MOV|isa.SourceK, 0, 0, 0, 0)
	program.exit()
	span("vm: run empty program", func() { run(program.text(), 1000) })
	span("vm: reset alone", func() { machine.Reset(program.text(), 1000) })

	each("mov64 imm", isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK, Dst: 3, Imm: 1})
	each("mov64 reg", isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, Dst: 3, Src: 2})
	each("add64 imm", isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceK, Dst: 3, Imm: 1})
	each("add64 reg", isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceX, Dst: 3, Src: 2})
	each("add32 reg", isa.Instruction{Opcode: isa.ClassALU | isa.ADD | isa.SourceX, Dst: 3, Src: 2})
	each("mul64 reg", isa.Instruction{Opcode: isa.ClassALU64 | isa.MUL | isa.SourceX, Dst: 3, Src: 2})
	each("lsh64 imm", isa.Instruction{Opcode: isa.ClassALU64 | isa.LSH | isa.SourceK, Dst: 3, Imm: 7})
	each("rsh64 imm", isa.Instruction{Opcode: isa.ClassALU64 | isa.RSH | isa.SourceK, Dst: 3, Imm: 7})
	each("load u8, context", isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.B, Dst: 3, Src: 1})
	each("load u16, context", isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.H, Dst: 3, Src: 1})
	each("load u32, context", isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.W, Dst: 3, Src: 1})
	each("load u64, context", isa.Instruction{Opcode: isa.ClassLDX | isa.MEM | isa.DW, Dst: 3, Src: 1})
	each("store u32, stack", isa.Instruction{Opcode: isa.ClassSTX | isa.MEM | isa.W, Dst: 10, Src: 1, Offset: -8})
	each("store u64, stack", isa.Instruction{Opcode: isa.ClassSTX | isa.MEM | isa.DW, Dst: 10, Src: 1, Offset: -8})
	each("ja", isa.Instruction{Opcode: isa.ClassJMP | isa.JA})
	each("jeq imm, taken", isa.Instruction{Opcode: isa.ClassJMP | isa.JEQ | isa.SourceK, Dst: 4})
	each("jeq imm, not taken", isa.Instruction{Opcode: isa.ClassJMP | isa.JEQ | isa.SourceK, Dst: 4, Imm: 1})
}

// The bytecode that the C engine was measured with, as near as a compiler of
// our own gives it: 32-bit sums without 32-bit instructions, the data in a
// region of its own that a pointer in the context leads to.
//
//go:generate go run ../../internal/build/cmd fletcher32/fletcher32.c
//go:embed fletcher32/fletcher32.bin
var papersFletcher []byte

func papers() {
	words := vm.Address(vm.RegionGrant, 0)
	for i := range pointer[:8] {
		pointer[i] = byte(words >> (8 * i))
	}
	pointer[8] = byte(len(context) / 2)
	before := machine.Region
	machine.Region[vm.RegionGrant] = vm.Region{Bytes: context[:]}
	machine.Region[vm.RegionContext] = vm.Region{Bytes: pointer[:]}

	parsed, _ := image.Parse(papersFletcher)
	program := parsed.Text()
	span("vm: check the papers' fletcher32", func() {
		if _, err := vm.Check(program, &none); err.Fault != vm.OK {
			print("check failed\n")
		}
	})
	span("vm: run the papers' fletcher32", func() { run(program, 100_000) })
	if sink != examples.Fletcher32Sum {
		print("wrong sum\n")
	}
	print("vm: eBPF instructions of theirs\t", machine.Instructions(), "\n")
	machine.Region = before
}

// run executes a program that was checked.
func run(program []byte, budget int32) {
	machine.Reset(program, budget)
	if machine.Run() != vm.Done {
		print("fault\n")
	}
	sink = machine.Result()
}

// each prints what one instruction costs among a hundred of its kind.
func each(name string, in isa.Instruction) {
	program := assemble()
	for i := 0; i < 100; i++ {
		program.add(in)
	}
	program.emit(isa.ClassALU64|isa.MOV|isa.SourceK, 0, 0, 0, 0)
	program.exit()
	code := program.text()
	if _, err := vm.Check(code, &none); err.Fault != vm.OK {
		print("check failed\n")
	}
	begin := now()
	run(code, 1000)
	hundred := elapsed(begin)
	code = code[100*isa.Size:]
	begin = now()
	run(code, 1000)
	print("  ", name, "\t", (hundred-elapsed(begin)+50)/100, "\n")
}

// program is eBPF text being written into the global buffer.
type program struct{ n int }

func assemble() program { return program{} }

func (p *program) add(in isa.Instruction) { p.n = len(in.Append(text[:p.n])) }

func (p *program) emit(op, dst, src uint8, offset int16, imm int32) {
	p.add(isa.Instruction{Opcode: op, Dst: dst, Src: src, Offset: offset, Imm: imm})
}

func (p *program) exit() { p.emit(isa.ClassJMP|isa.EXIT, 0, 0, 0, 0) }

func (p *program) text() []byte { return text[:p.n] }

func hashes() {
	span("sha256: 0 bytes (one block)", func() { sum256.Reset(); sum256.Sum((*[32]byte)(digest[:])) })
	span("sha256: 360 bytes (six blocks)", func() {
		sum256.Reset()
		sum256.Write(context[:])
		sum256.Sum((*[32]byte)(digest[:]))
	})
	span("sha512: 0 bytes (one block)", func() { sum512.Reset(); sum512.Sum(&digest) })
}

// RFC 8032 §7.1, test 3.
var (
	publicKey = [32]byte{
		0xfc, 0x51, 0xcd, 0x8e, 0x62, 0x18, 0xa1, 0xa3, 0x8d, 0xa4, 0x7e, 0xd0, 0x02, 0x30, 0xf0, 0x58,
		0x08, 0x16, 0xed, 0x13, 0xba, 0x33, 0x03, 0xac, 0x5d, 0xeb, 0x91, 0x15, 0x48, 0x90, 0x80, 0x25,
	}
	message   = [2]byte{0xaf, 0x82}
	signature = [64]byte{
		0x62, 0x91, 0xd6, 0x57, 0xde, 0xec, 0x24, 0x02, 0x48, 0x27, 0xe6, 0x9c, 0x3a, 0xbe, 0x01, 0xa3,
		0x0c, 0xe5, 0x48, 0xa2, 0x84, 0x74, 0x3a, 0x44, 0x5e, 0x36, 0x80, 0xd7, 0xdb, 0x5a, 0xc3, 0xac,
		0x18, 0xff, 0x9b, 0x53, 0x8d, 0x16, 0xf2, 0x90, 0xae, 0x67, 0xf7, 0x60, 0x98, 0x4d, 0xc6, 0x59,
		0x4a, 0x7c, 0x15, 0xe9, 0x71, 0x6e, 0xd2, 0x8d, 0xc0, 0x27, 0xbe, 0xce, 0xea, 0x1e, 0xc4, 0x0a,
	}
)

// RFC 6979 §A.2.5, SHA-256, message "sample".
var (
	point = [33]byte{
		3, 0x60, 0xfe, 0xd4, 0xba, 0x25, 0x5a, 0x9d, 0x31, 0xc9, 0x61, 0xeb, 0x74, 0xc6, 0x35, 0x6d, 0x68,
		0xc0, 0x49, 0xb8, 0x92, 0x3b, 0x61, 0xfa, 0x6c, 0xe6, 0x69, 0x62, 0x2e, 0x60, 0xf2, 0x9f, 0xb6,
	}
	sample         = [6]byte{'s', 'a', 'm', 'p', 'l', 'e'}
	pointSignature = [64]byte{
		0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c, 0xd4, 0x5e, 0x81, 0xd6,
		0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d, 0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16,
		0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c, 0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65,
		0xf3, 0xe9, 0x00, 0xdb, 0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8,
	}
)

func signatures() {
	verify := func() {
		if !ed25519.Verify(&publicKey, message[:], nil, signature[:]) {
			print("signature refused\n")
		}
	}
	span("ed25519: verify, first", verify)
	span("ed25519: verify, again", verify)
	if longSpans {
		span("p256: verify", func() {
			if !p256.Verify(&point, sample[:], nil, pointSignature[:]) {
				print("signature refused\n")
			}
		})
	}
}

var (
	hosting    engine.Engine
	hooks      [3]engine.Hook
	containers [3]engine.Container
	entries    [8]engine.Entry
	memory     [64]byte
	line       [64]byte
	picture    [256]byte
)

// engines fires hooks: one with nothing attached, one with a container that
// returns at once.
func engines() {
	for i := range hooks {
		hooks[i].UUID[0] = byte(i)
		hooks[i].ContextMax = 64
	}
	standard.ThreadHook(&hooks[2])
	hosting.Init(&engine.Config{Hooks: hooks[:], Containers: containers[:], Stack: stack[:],
		Memory: memory[:], Entries: entries[:], Line: line[:], Helpers: helpers.Core})
	program := assemble()
	program.emit(isa.ClassALU64|isa.MOV|isa.SourceK, 0, 0, 0, 0)
	program.exit()
	spec := engine.Spec{Hook: 1, Tenant: engine.Owner, Image: image.Append(picture[:0], image.Parts{Text: program.text()})}
	span("engine: check and install an empty container", func() {
		if err := hosting.Install(0, &spec); err.Reason != engine.OK {
			print("not installed\n")
		}
	})
	ctx := context[:16]
	span("engine: fire a hook, nothing attached", func() { hosting.Fire(0, 0, ctx) })
	hosting.Fire(0, 1, ctx) // the first time clears the stack
	span("engine: fire a hook, an empty container", func() { hosting.Fire(0, 1, ctx) })

	spec = engine.Spec{Hook: 2, Tenant: engine.Owner, Image: examples.ThreadCounter}
	if err := hosting.Install(1, &spec); err.Reason != engine.OK {
		print("thread counter not installed: ", err.Error(), "\n")
	}
	threads := [16]byte{8: 3} // from none to thread 3
	hosting.Fire(0, 2, threads[:])
	span("engine: fire a hook, the thread counter", func() { hosting.Fire(0, 2, threads[:]) })
	if hosting.Get(engine.Global, 3) != 2 {
		print("threads not counted\n")
	}
	span("engine: poll, nothing due", func() { hosting.Poll(0) })
}

var (
	device   node.Node
	config   node.Config
	answer   [64]byte
	answered int
)

// deployments authenticates and installs the container of 186 bytes that
// datagram carries, as one CoAP request.
func deployments(datagram []byte, class [16]byte) {
	config = node.Config{Board: "counts", Class: class, Flash: &board.Flash,
		Send: func(_ *link.Addr, datagram []byte) { answered = copy(answer[:], datagram) }}
	if err := device.Init(0, &config); err != agent.OK {
		print("no device: ", err.Error(), "\n")
	}
	span("agent: authenticate and install 186 bytes", func() {
		device.Deliver(1000, &link.Addr{}, datagram)
		for now := int64(2000); answered == 0 && now < 1_000_000; now += 1000 {
			device.Poll(now)
		}
	})
	if answered < 2 || coap.Code(answer[1]) != coap.Changed {
		print("not deployed\n")
	}
	span("agent: answer a repeated datagram", func() { device.Deliver(2_000_000, &link.Addr{}, datagram) })
	span("agent: drop a datagram that is no message", func() { device.Deliver(2_000_000, &link.Addr{}, datagram[:3]) })
}
