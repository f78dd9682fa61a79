package agent

import (
	"testing"
	"unsafe"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/flash"
	"github.com/femto-containers/femto/suit"
	"github.com/femto-containers/femto/vm"
)

// TestSizes prints what a device pays in RAM, and bounds what grows with its
// capacities. For the layout of a 32-bit device:
//
//	GOARCH=386 go test -run Sizes -v ./agent
func TestSizes(t *testing.T) {
	t.Logf("pointers of %d bytes", unsafe.Sizeof(uintptr(0)))
	for _, s := range []struct {
		name string
		size uintptr
		most uintptr // bytes with pointers of 4 bytes; 0: any
	}{
		{"agent.Agent, all but tables", unsafe.Sizeof(Agent{}), 2720},
		{"  of it: suit.Processor", unsafe.Sizeof(suit.Processor{}), 0},
		{"  of it: coap.Endpoint", unsafe.Sizeof(coap.Endpoint{}), 0},
		{"  of it: flash.Log", unsafe.Sizeof(flash.Log{}), 0},
		{"  of it: update", unsafe.Sizeof(update{}), 0},
		{"agent.Config", unsafe.Sizeof(Config{}), 0},
		{"agent.Tenant, each", unsafe.Sizeof(Tenant{}), 148},
		{"agent.Several", unsafe.Sizeof(Several{}), 0},
		{"agent.Container, each", unsafe.Sizeof(Container{}), 4},
		{"agent.Counter, each", unsafe.Sizeof(Counter{}), 24},
		{"engine.Engine", unsafe.Sizeof(engine.Engine{}), 0},
		{"  of it: vm.Machine", unsafe.Sizeof(vm.Machine{}), 0},
		{"engine.Container, each", unsafe.Sizeof(engine.Container{}), 0},
		{"engine.Hook, each", unsafe.Sizeof(engine.Hook{}), 0},
		{"engine.Outcome, each", unsafe.Sizeof(engine.Outcome{}), 0},
		{"coap.Exchange, each, without its datagram", unsafe.Sizeof(coap.Exchange{}), 0},
		{"coap.Transfer, each, without its body", unsafe.Sizeof(coap.Transfer{}), 0},
		{"coap.Call, each, without its datagram", unsafe.Sizeof(coap.Call{}), 0},
	} {
		t.Logf("%5d  %s", s.size, s.name)
		if unsafe.Sizeof(uintptr(0)) == 4 && s.most > 0 && s.size > s.most {
			t.Errorf("%s: %d bytes, at most %d", s.name, s.size, s.most)
		}
	}
}
