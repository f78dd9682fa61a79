//go:build boards

// Tests of the firmware on emulated boards, from the developer's side: the
// femto command talks to the device as to any other. They need TinyGo and QEMU
// (`make test-boards`).
package firmware_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/isa"
)

var femto string // the command

func TestMain(m *testing.M) {
	os.Exit(func() int {
		folder, err := os.MkdirTemp("", "femto-boards-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(folder)
		femto = filepath.Join(folder, "femto")
		if out, err := exec.Command("go", "build", "-o", femto, "../cmd/femto").CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
			return 1
		}
		return m.Run()
	}())
}

var (
	building sync.Mutex
	built    = map[string]string{}
)

// build builds a package for a board, once per run and one at a time.
func build(t *testing.T, board, pkg string, flags ...string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	what := strings.Join(append([]string{board, pkg}, flags...), " ")
	if out := built[what]; out != "" {
		return out
	}
	variant := strings.NewReplacer("-", "", "=", "", " ", "").Replace(strings.Join(flags, ""))
	out, err := filepath.Abs(filepath.Join("../bin/firmware", board, filepath.Base(pkg)+variant+".test.elf"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("./build.sh", append([]string{board, pkg, out}, flags...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s for %s: %v\n%s", pkg, board, err, text)
	}
	built[what] = out
	return out
}

func firmware(t *testing.T, board string) string {
	return build(t, board, "./firmware/"+strings.TrimSuffix(strings.TrimSuffix(board, "-m4"), "-m7"))
}

// A rig is a running board and the files of those who deploy to it.
type rig struct {
	t       *testing.T
	folder  string
	config  emulator.Config
	device  *emulator.Device
	console screen
}

// start starts a board that trusts alice with every hook and bob with "timer".
func start(t *testing.T, config emulator.Config) *rig {
	t.Helper()
	r := &rig{t: t, folder: t.TempDir(), config: config}
	if config.Firmware == "" {
		r.config.Firmware = firmware(t, config.Board)
	}
	r.config.Folder = r.folder
	r.config.Listen = "127.0.0.1:0"
	r.config.Console = &r.console
	for i, name := range []string{"alice", "bob", "mallory"} {
		raw := r.key(name, author.GenerateKey)
		if name != "mallory" {
			r.config.Tenants = append(r.config.Tenants, agent.Tenant{Name: name, Key: raw, Hooks: []uint32{agent.AllHooks, 1 << 1}[i]})
		}
	}
	r.boot()
	return r
}

// key makes the key pair of somebody who deploys.
func (r *rig) key(name string, generate func() (author.PrivateKey, error)) agent.Key {
	r.t.Helper()
	key, err := generate()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := key.Save(r.path(name + ".key")); err != nil {
		r.t.Fatal(err)
	}
	raw, ok := key.Public().Device()
	if !ok {
		r.t.Fatalf("devices do not verify with a key of kind %s", key.Public().Kind())
	}
	return raw
}

func (r *rig) path(name string) string { return filepath.Join(r.folder, name) }

// boot switches the device on.
func (r *rig) boot() {
	r.t.Helper()
	device, err := emulator.Start(r.t.Context(), r.config)
	if err != nil {
		r.t.Fatal(err)
	}
	r.device = device
	r.t.Cleanup(func() { device.Close() })
}

// run runs the command against the device and returns what it printed and its
// exit status.
func (r *rig) run(args ...string) (stdout, stderr string, exit int) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, femto, args...)
	cmd.Env = append(os.Environ(), "FEMTO_DEVICE="+r.device.URI())
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		r.t.Fatal(err)
	}
	return out.String(), talk.String(), cmd.ProcessState.ExitCode()
}

// must is run where failure ends the test.
func (r *rig) must(args ...string) string {
	r.t.Helper()
	stdout, stderr, exit := r.run(args...)
	if exit != 0 {
		r.t.Fatalf("femto %s: exit status %d\n%s%s", strings.Join(args, " "), exit, stdout, stderr)
	}
	return stdout
}

const (
	fletcher32 = "../examples/fletcher32/fletcher32.bin"
	outlaw     = "../examples/outlaw/outlaw.bin"
	input      = "../examples/fletcher32/input.txt"
	checksum   = 0x5bac8c3d
)

func (r *rig) deploy(image string, args ...string) {
	r.t.Helper()
	r.must(append([]string{"deploy", image, "--hook", "event", "--key", r.path("alice.key"), "--timeout", "90s"}, args...)...)
}

// greeter returns the name of a container's image that prints a line.
func (r *rig) greeter() string {
	r.t.Helper()
	var text []byte
	for i, word := range []string{"hi t", "here", "\n\x00\x00\x00"} {
		text = isa.Instruction{Opcode: isa.ClassST | isa.MEM | isa.W, Dst: 10, Offset: int16(4*i - 16),
			Imm: int32(binary.LittleEndian.Uint32([]byte(word)))}.Append(text)
	}
	text = isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceX, Dst: 1, Src: 10}.Append(text)
	text = isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceK, Dst: 1, Imm: -16}.Append(text)
	text = isa.Instruction{Opcode: isa.ClassJMP | isa.CALL, Imm: 1}.Append(text) // bpf_printf
	text = isa.Instruction{Opcode: isa.ClassALU64 | isa.MOV | isa.SourceK}.Append(text)
	text = isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(text)
	name := r.path("greeter.bin")
	if err := os.WriteFile(name, image.Append(nil, image.Parts{Text: text, Functions: []image.Function{{Name: []byte("main")}}}), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return name
}

func (r *rig) fire() {
	r.t.Helper()
	out := r.must("hook", "fire", "event", "--ctx-file", input, "--json", "--timeout", "90s")
	var firing struct{ Value int64 }
	if err := json.Unmarshal([]byte(out), &firing); err != nil || firing.Value != checksum {
		r.t.Fatalf("got %s, want the value %#x", out, checksum)
	}
}

func (r *rig) connect() *remote.Device {
	r.t.Helper()
	device, err := remote.Open(r.t.Context(), r.device.URI(), client.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { device.Close() })
	return device
}

func TestDeployAndFire(t *testing.T) {
	for _, config := range []emulator.Config{
		{Board: "lm3s6965"},
		{Board: "lm3s6965", IPv6: true},
		{Board: "lm3s6965", Serial: true},
		{Board: "lm3s6965-m4"},
		{Board: "lm3s6965-m7"},
		{Board: "riscv-virt"},
		{Board: "riscv-virt", IPv6: true},
	} {
		name := config.Board
		if config.Serial {
			name += ", serial line"
		}
		if config.IPv6 {
			name += ", IPv6"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := start(t, config)
			r.deploy(fletcher32)
			r.fire()
			if out := r.must("ps"); !strings.Contains(out, "alice") {
				t.Errorf("ps does not show the container:\n%s", out)
			}
			r.deploy(r.greeter(), "--name", "greeter")
			r.run("hook", "fire", "event", "--ctx-file", input, "--timeout", "90s")
			logs := r.must("logs", "--all", "--timeout", "90s")
			if !strings.Contains(logs, "hi there") || !strings.Contains(logs, "event/greeter") {
				t.Errorf("the logs do not show what the container printed:\n%s", logs)
			}
			r.console.until(t, "[event/greeter] hi there\n")
		})
	}
}

// TestObserve: boards tell whoever registered that a container came, or printed;
// femto logs -f shows what.
func TestObserve(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Config{Board: board})
			greeter := r.greeter()
			shown := r.follow("logs", "--all", "-f")
			for _, watched := range []struct {
				path, query string
				change      []string
			}{
				{agent.PathList, "", []string{"deploy", greeter, "--hook", "event", "--key", r.path("alice.key"), "--timeout", "90s"}},
				{agent.PathLogs, "m=00000000", []string{"hook", "fire", "event", "--ctx-file", input, "--timeout", "90s"}},
			} {
				ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
				var changes sync.WaitGroup
				states := 0
				err := r.connect().Observe(ctx, client.Request{Method: coap.GET, Path: "/" + watched.path, Query: watched.query}, func(client.Response) bool {
					if states++; states == 1 {
						changes.Go(func() { r.run(watched.change...) })
					}
					return states < 2
				})
				cancel()
				changes.Wait()
				if err != nil || states != 2 {
					t.Errorf("%s: %d states, %v", watched.path, states, err)
				}
			}
			shown.until(t, "hi there")
		})
	}
}

// follow starts a command that goes on until the end of the test, and returns what
// it prints.
func (r *rig) follow(args ...string) *screen {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	cmd := exec.CommandContext(ctx, femto, args...)
	cmd.Env = append(os.Environ(), "FEMTO_DEVICE="+r.device.URI())
	out := &screen{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() {
		stop()
		_ = cmd.Wait()
	})
	return out
}

func TestRefusals(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Config{Board: board})
			r.deploy(fletcher32)
			for _, test := range []struct {
				name string
				args []string
				want string
			}{
				{"stranger", []string{"--key", r.path("mallory.key")}, "auth"},
				{"hook not granted", []string{"--key", r.path("bob.key")}, ""},
				{"old sequence number", []string{"--key", r.path("alice.key"), "--sequence", "1"}, ""},
			} {
				stdout, stderr, exit := r.run(append([]string{"deploy", fletcher32, "--hook", "event"}, test.args...)...)
				if exit == 0 || !strings.Contains(stdout+stderr, test.want) {
					t.Errorf("%s: exit status %d\n%s%s", test.name, exit, stdout, stderr)
				}
			}
			r.deploy(outlaw, "--name", "outlaw")
			if _, stderr, _ := r.run("hook", "fire", "event", "--ctx-file", input); !strings.Contains(stderr, "memory") {
				t.Errorf("the outlaw was not stopped for its memory access:\n%s", stderr)
			}
			if _, stderr, exit := r.run("container", "record", "event/outlaw", "--key", r.path("alice.key")); exit != 13 || !strings.Contains(stderr, "does not record") {
				t.Errorf("to record: exit status %d\n%s", exit, stderr)
			}
			r.must("container", "rm", "event/outlaw", "--key", r.path("alice.key"))
			r.fire()
		})
	}
}

// TestPersistence resets the board, then cuts its power.
func TestPersistence(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Config{Board: board})
			r.deploy(fletcher32)
			if err := r.device.Reset(); err != nil {
				t.Fatal(err)
			}
			r.fire()
			r.device.Close()
			r.config.Tenants = nil // they are in the flash
			r.boot()
			r.fire()
		})
	}
}

// TestBadWire deploys over a wire that loses a fifth of all packets, doubles
// some and has some overtaken.
func TestBadWire(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := start(t, emulator.Config{Board: board,
				Wire: &emulator.Lossy{Loss: 0.2, Duplicate: 0.1, Reorder: 0.1, Seed: 1}})
			r.deploy(fletcher32)
			r.fire()
			to, from := r.device.Counts()
			t.Logf("%d packets to the device, %d from it", to, from)
		})
	}
}

// TestHeap has a board whose runtime has a heap work, and counts how much it
// allocated meanwhile. The others link without one.
func TestHeap(t *testing.T) {
	const board = "riscv-virt"
	r := start(t, emulator.Config{Board: board})
	f, err := elf.Open(firmware(t, board))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(symbols, func(s elf.Symbol) bool { return s.Name == "runtime.gcMallocs" })
	if at < 0 {
		t.Log("nothing that allocates is linked")
		return
	}
	allocations := func() uint64 {
		memory, err := r.device.Memory(uint32(symbols[at].Value), 8)
		if err != nil {
			t.Fatal(err)
		}
		return binary.LittleEndian.Uint64(memory)
	}
	before := allocations()
	r.deploy(fletcher32)
	r.fire()
	r.deploy(outlaw, "--name", "outlaw")
	r.run("hook", "fire", "event", "--ctx-file", input, "--timeout", "90s")
	r.must("ps", "--timeout", "90s")
	if after := allocations(); after != before {
		t.Errorf("%d allocations after the start, %d before", after, before)
	}
	t.Logf("%d allocations, all before the firmware was up", before)
}

// TestIdle has the emulated processor sleep while nothing happens.
func TestIdle(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			r := start(t, emulator.Config{Board: board})
			before := r.device.CPUTime()
			time.Sleep(5 * time.Second)
			if used := r.device.CPUTime() - before; used > 250*time.Millisecond {
				t.Errorf("the emulator used %v in five idle seconds, more than a twentieth", used)
			}
		})
	}
}
