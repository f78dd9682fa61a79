// Package firmware_test checks what the firmwares have written down that other
// rooms derive, so that it needs no other toolchain than Go.
package firmware_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/firmware/node"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/link"
)

var update = flag.Bool("update", false, "rewrite the fixtures")

var seed = [32]byte([]byte("a key that everybody may know!!!"))

// fixture compares what was generated with a committed file.
func fixture(t *testing.T, name string, content []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	stored, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(stored, content) {
		t.Errorf("%s is not what is generated; if that is meant: go test ./firmware -update", name)
	}
}

// deployment is what firmware/counts lets a device process: a datagram that
// deploys a container of 186 bytes, the papers' example, to board.
func deployment(t *testing.T, class [16]byte) []byte {
	t.Helper()
	var text []byte
	for range 17 {
		text = isa.Instruction{Opcode: isa.ClassALU64 | isa.ADD | isa.SourceK, Imm: 1}.Append(text)
	}
	text = isa.Instruction{Opcode: isa.ClassJMP | isa.EXIT}.Append(text)
	container := image.Append(nil, image.Parts{Text: text, Functions: []image.Function{{Name: []byte("main")}}})
	if len(container) != 186 {
		t.Fatalf("the container has %d bytes", len(container))
	}
	manifest := author.Manifest{Sequence: 1, Class: class, Hook: author.HookID("event"), Image: container}
	envelope, err := manifest.Envelope(author.NewPrivateKey(seed))
	if err != nil {
		t.Fatal(err)
	}
	var b coap.Builder
	buffer := make([]byte, 1024)
	b.Start(buffer, coap.Confirmable, coap.POST, 1, []byte{1})
	b.Option(11, []byte(agent.PathManifest))
	b.Payload(envelope)
	datagram, ok := b.Bytes()
	if !ok || len(datagram) > node.MaxDatagram {
		t.Fatalf("the datagram has %d bytes", len(datagram))
	}
	return datagram
}

func tenants() []agent.Tenant {
	raw, _ := author.NewPrivateKey(seed).Public().Device()
	return []agent.Tenant{{Name: "counts", Key: raw, Hooks: agent.AllHooks}}
}

// TestNode deploys to a node in memory, on which board it may be.
func TestNode(t *testing.T) {
	for _, board := range []struct {
		name  string
		class [16]byte
	}{{"lm3s6965", node.ClassLM3S6965}, {"riscv-virt", node.ClassRISCVVirt}} {
		t.Run(board.name, func(t *testing.T) {
			datagram := deployment(t, board.class)
			fixture(t, "counts/deploy-"+board.name+".bin", datagram)

			var memory flash.Memory
			if err := memory.Init(node.ProvisionFlash(node.FlashSize, tenants()), 1024, 4, nil); err != flash.OK {
				t.Fatal(err)
			}
			var answers [][]byte
			var n node.Node
			config := node.Config{Board: board.name, Class: board.class, Flash: &memory,
				Send: func(_ *link.Addr, datagram []byte) { answers = append(answers, bytes.Clone(datagram)) }}
			if err := n.Init(0, &config); err != agent.OK {
				t.Fatal(err)
			}
			n.Deliver(1000, &link.Addr{}, datagram)
			for now := int64(2000); len(answers) == 0 && now < 1e6; now += 1000 {
				n.Poll(now)
			}
			if len(answers) != 1 {
				t.Fatalf("%d answers", len(answers))
			}
			var m coap.Message
			if err := coap.Parse(answers[0], &m); err != 0 || m.Code != coap.Changed {
				t.Errorf("answer %v, error %v, payload %x", m.Code, err, m.Payload)
			}
		})
	}
	raw, _ := author.NewPrivateKey(seed).Public().Device()
	fixture(t, "counts/tenant.pub", raw[:])
}

func TestIdentifiers(t *testing.T) {
	for _, board := range []struct {
		name  string
		class [16]byte
	}{
		{"lm3s6965", node.ClassLM3S6965},
		{"riscv-virt", node.ClassRISCVVirt},
		{"pico", node.ClassPico},
		{"esp32-c3", node.ClassESP32C3},
		{"nrf52840-dk", node.ClassNRF52840DK},
	} {
		if got := author.ClassID(board.name); got != board.class {
			t.Errorf("class of %s is %v", board.name, got)
		}
	}
	vendor, hooks := node.Identifiers()
	if vendor != author.VendorID() {
		t.Errorf("vendor is %x", vendor)
	}
	for name, id := range hooks {
		if id != author.HookID(name) {
			t.Errorf("hook %s is %x", name, id)
		}
	}
}

func TestTrust(t *testing.T) {
	var many []agent.Tenant
	for i := range node.MaxTenants {
		many = append(many, agent.Tenant{Name: strings.Repeat("n", 1+5*i), Key: agent.Key{byte(i)}, Hooks: uint32(i)})
	}
	for n := range len(many) + 1 {
		content := node.ProvisionFlash(node.FlashSize, many[:n])
		got := make([]agent.Tenant, node.MaxTenants)
		if parsed := node.ParseTrust(content[node.TrustAt:], got); parsed != n {
			t.Fatalf("%d tenants came back as %d", n, parsed)
		}
		for i := range many[:n] {
			if got[i].Name != many[i].Name || got[i].Key != many[i].Key || got[i].Hooks != many[i].Hooks {
				t.Errorf("%+v came back as %+v", many[i], got[i])
			}
		}
	}
	if n := node.ParseTrust(bytes.Repeat([]byte{0xff}, node.TrustSize), make([]agent.Tenant, 4)); n != 0 {
		t.Errorf("erased flash holds %d tenants", n)
	}
}
