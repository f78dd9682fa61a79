//go:build boards

package firmware_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/emulator"
	"github.com/femto-containers/femto/internal/sim"
)

const demonstration = "../examples/three-containers/"

// demo builds the firmware that has what the demonstration needs.
func demo(t *testing.T, board string) string {
	t.Helper()
	building.Lock()
	defer building.Unlock()
	if built["demo "+board] == "" {
		out, err := filepath.Abs(filepath.Join("../bin/firmware", board+"-demo.test.elf"))
		if err != nil {
			t.Fatal(err)
		}
		if text, err := exec.Command("./build.sh", board, "./firmware/"+board, out, "-tags", "demo").CombinedOutput(); err != nil {
			t.Fatalf("build the demonstration for %s: %v\n%s", board, err, text)
		}
		built["demo "+board] = out
	}
	return built["demo "+board]
}

// startDemo starts a board on which tenants a and b have deployed the papers'
// three containers.
func startDemo(t *testing.T, board string) *rig {
	t.Helper()
	return startDemoWith(t, board, "thread_counter", "sensor_average", "coap_formatter")
}

func startDemoWith(t *testing.T, board string, containers ...string) *rig {
	t.Helper()
	r := &rig{t: t, folder: t.TempDir()}
	r.config = emulator.Config{Board: board, Firmware: demo(t, board), Folder: r.folder, Listen: "127.0.0.1:0", Console: &r.console}
	for _, name := range []string{"a", "b"} {
		key, err := author.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Save(r.path(name + ".key")); err != nil {
			t.Fatal(err)
		}
		raw, _ := key.Public().Device()
		r.config.Tenants = append(r.config.Tenants, agent.Tenant{Name: name, Key: raw, Hooks: agent.AllHooks})
	}
	r.boot()
	tenants := map[string]string{"thread_counter": "a", "sensor_average": "b", "coap_formatter": "b"}
	for _, name := range containers {
		r.must("deploy", demonstration+name+".bin", "--key", r.path(tenants[name]+".key"), "--timeout", "90s")
	}
	return r
}

// A listed container is a line of femto ps.
type listed struct {
	Name, Hook, Tenant, State string
	Activations, Faults, Data int
}

func (r *rig) list() []listed {
	r.t.Helper()
	var list struct{ Containers []listed }
	if err := json.Unmarshal([]byte(r.must("ps", "--json", "--timeout", "90s")), &list); err != nil {
		r.t.Fatal(err)
	}
	return list.Containers
}

// TestDemonstration is that of the papers on emulated boards: two tenants, three
// containers, and the mean of the last ten readings as a CoAP response.
func TestDemonstration(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := startDemo(t, board)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			c, err := client.Dial(ctx, r.device.URI(), client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			const mean = "2145" // of any ten readings of the fake thermometer
			var answers []string
			for len(answers) == 0 || answers[len(answers)-1] != mean {
				response, err := c.Do(ctx, client.Request{Method: coap.GET, Path: "/c/coap_formatter"})
				if err != nil || response.Code != coap.Content || response.ContentFormat != 0 {
					t.Fatalf("%v, %v; so far %v", response, err, answers)
				}
				answers = append(answers, string(response.Body))
				time.Sleep(300 * time.Millisecond)
			}
			if answers = slices.Compact(answers); len(answers) < 5 || len(answers) > 11 {
				t.Errorf("the mean went by %v", answers)
			}
			t.Logf("the mean went by %v", answers)
			if name, err := exec.LookPath("coap-client-notls"); err != nil {
				t.Log("SKIPPED: no coap-client of libcoap here")
			} else if out, err := exec.CommandContext(ctx, name, "-m", "get", r.device.URI()+"/c").Output(); err != nil || strings.TrimSpace(string(out)) != mean {
				t.Errorf("coap-client got %q, %v", out, err)
			}
			list := r.list()
			for i, want := range []listed{
				{"thread_counter", "thread", "a", "running", 50, 0, 0},
				{"sensor_average", "timer", "b", "suspended", 1, 0, 0},
				{"coap_formatter", "coap", "b", "running", len(answers), 0, 0},
			} {
				if i >= len(list) {
					t.Fatalf("%d containers", len(list))
				}
				got := list[i]
				if got.Activations < want.Activations {
					t.Errorf("%s ran %d times", got.Name, got.Activations)
				}
				got.Activations, got.Data = want.Activations, 0
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
			var store struct {
				Entries []struct{ Key, Value int }
			}
			if err := json.Unmarshal([]byte(r.must("kv", "ls", "--json")), &store); err != nil || len(store.Entries) != 4 {
				t.Errorf("the global store has %v (%v), want three threads and the mean", store, err)
			}
		})
	}
}

// TestBootAndLogOnBoards: the hook boot tells why a board starts, and the hook
// log drops what a container printed.
func TestBootAndLogOnBoards(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := startDemoWith(t, board)
			var hooks struct{ Hooks []struct{ Name string } }
			if err := json.Unmarshal([]byte(r.must("hook", "ls", "--json", "--timeout", "90s")), &hooks); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, h := range hooks.Hooks {
				names = append(names, h.Name)
			}
			if !slices.Equal(names, sim.HookNames) { // those who deploy are trusted with hooks by number
				t.Errorf("hooks %v, the simulated device has %v", names, sim.HookNames)
			}
			write := func(name, source, rodata string) string {
				text, err := asm.Assemble(source)
				if err != nil {
					t.Fatal(err)
				}
				name = r.path(name)
				if err := os.WriteFile(name, image.Append(nil, image.Parts{Text: text, Rodata: []byte(rodata)}), 0o644); err != nil {
					t.Fatal(err)
				}
				return name
			}
			for hook, image := range map[string]string{
				"boot":  write("boot.bin", "ldxw r2, [r1]\nldxw r3, [r1+4]\nlddwr r1, 0\ncall 1\nmov r0, 0\nexit", "cause %u start %u\x00"),
				"log":   write("log.bin", "ldxb r2, [r1+8]\nlddwr r1, 0\ncall 1\nmov r0, 0\njne r2, 104, out\nmov r0, 1\nout: exit", "begins with %c\x00"),
				"event": r.greeter(), // prints "hi there"
			} {
				r.must("deploy", image, "--hook", hook, "--name", "it", "--key", r.path("a.key"), "--timeout", "90s")
			}
			r.must("hook", "fire", "event", "--timeout", "90s")
			r.console.until(t, "[event/it] hi there\n")
			if logs := r.must("logs", "--all", "--timeout", "90s"); !strings.Contains(logs, "[log/it] begins with h\n") || strings.Contains(logs, "hi there") {
				t.Errorf("the log has\n%s", logs)
			}
			if err := r.device.Reset(); err != nil {
				t.Fatal(err)
			}
			if logs := r.must("logs", "--all", "--timeout", "90s"); !strings.Contains(logs, "[boot/it] cause 1 start 2\n") || !strings.Contains(logs, "[log/it] begins with c\n") {
				t.Errorf("after a reset the log has\n%s", logs)
			}
			r.device.Close()
			r.config.Tenants = nil
			r.boot()
			if logs := r.must("logs", "--all", "--timeout", "90s"); !strings.Contains(logs, "[boot/it] cause 0 start 1\n") {
				t.Errorf("after a power cut the log has\n%s", logs)
			}
		})
	}
}

// TestStoresOnBoards keeps containers' stores over a reset and a power cut.
func TestStoresOnBoards(t *testing.T) {
	for _, board := range []string{"lm3s6965", "riscv-virt"} {
		t.Run(board, func(t *testing.T) {
			t.Parallel()
			r := startDemoWith(t, board, "coap_formatter") // which stores nothing itself
			store := []string{"--container", "coap/coap_formatter", "--key", r.path("b.key"), "--timeout", "90s"}
			r.must(append([]string{"kv", "set", "7", "42"}, store...)...)
			get := func() string { return r.must(append([]string{"kv", "get", "7"}, store...)...) }
			get() // by then it is in the flash
			if err := r.device.Reset(); err != nil {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(get()); got != "42" {
				t.Errorf("after a reset the store has %q", got)
			}
			r.device.Close()
			r.config.Tenants = nil
			r.boot()
			if got := strings.TrimSpace(get()); got != "42" {
				t.Errorf("after a power cut the store has %q", got)
			}
		})
	}
}

// TestDemonstrationMemory adds up what the three containers take of the
// Cortex-M3's RAM: sizes are those of the linked firmware's types, the
// containers' own memory is what the running board says, the shared stack is the
// deepest that a contract names, the entries are those of the contracts. The original took 3.2 KiB;
// 2.6 KiB is the bar.
func TestDemonstrationMemory(t *testing.T) {
	const (
		board    = "lm3s6965"
		original = 32 << 10 / 10
		bar      = 26 << 10 / 10
	)
	r := startDemo(t, board)
	name := demo(t, board)
	size := func(what string) int { return int(sizeOf(t, name, module+what)) }
	own, stack, entries := 0, 0, 0
	for _, c := range r.list() {
		own += c.Data
		m, contract := readImage(t, demonstration+c.Name+".bin")
		if contract.Flags&image.LongRunning == 0 {
			stack = max(stack, int(contract.Stack))
		}
		for _, n := range contract.Entries {
			entries += int(n)
		}
		t.Logf("%-14s %3d B image, stack of %d B, %d B of its own", c.Name, len(m.Bytes()), contract.Stack, c.Data)
	}
	const response = 32 + 64
	total := 0
	for _, part := range []struct {
		what string
		n    int
	}{
		{"engine with its virtual machine", size("engine.Engine")},
		{"3 hooks", 3 * size("engine.Hook")},
		{"3 containers", 3 * size("engine.Container")},
		{"2 tenants", 2 * size("engine.Tenant")},
		{"entries of stores that contracts ask for", entries * size("engine.Entry")},
		{"stack of those that run to completion", (stack + 7) &^ 7},
		{"stack and saved state of the long-running one", own},
		{"response of 64 B and what leads to it", response + size("agent.Answers")},
		{"2 sensors", 2*size("engine/helpers.Sensor") + size("engine/helpers.Board")},
	} {
		t.Logf("%5d B  %s", part.n, part.what)
		total += part.n
	}
	t.Logf("%5d B  in all; the original took %d B, the bar is %d B", total, original, bar)
	t.Logf("%5d B  with a stack of 512 B, as the firmware has it for whatever comes", total-(stack+7)&^7+512)
	if total > bar {
		t.Errorf("%d B, want at most %d", total, bar)
	}
}

// TestDemonstrationStack bounds the stack of the processor as TestStackBound does.
func TestDemonstrationStack(t *testing.T) {
	bound, path := stackBound(t, demo(t, "lm3s6965"))
	t.Logf("at most %d B of stack\n%s", bound, path)
	if bound > stackSize {
		t.Errorf("up to %d B of stack, and there are %d", bound, stackSize)
	}
}

func readImage(t *testing.T, name string) (image.Image, image.Contract) {
	t.Helper()
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, refused := image.Parse(raw)
	var c image.Contract
	if refused != image.OK || image.ParseContract(m.Contract(), &c) != image.OK {
		t.Fatal(name, refused)
	}
	return m, c
}
