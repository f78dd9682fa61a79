package engine_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/asm"
	"github.com/femto-containers/femto/vm"
)

// The hooks of the engine under test.
const (
	hookContinue = iota
	hookNegative
	hookPositive
	hookSingle
	hookWritable // its context is
	hookRegions  // grants two regions
	hookTight    // has a budget of 20
	hooks
)

const defaultResult = -77

// bench is an engine with everything small.
type bench struct {
	engine.Engine
	config engine.Config
	grants [2]vm.Region
	log    strings.Builder
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	b := new(bench)
	b.grants = [2]vm.Region{{Bytes: []byte("readable")}, {Bytes: make([]byte, 8), Writable: true}}
	b.config = engine.Config{
		Hooks:      make([]engine.Hook, hooks),
		Containers: make([]engine.Container, 4),
		Tenants:    make([]engine.Tenant, 4),
		Stack:      make([]byte, 512),
		Memory:     make([]byte, 64),
		Entries:    make([]engine.Entry, 16),
		Line:       make([]byte, 32),
		Helpers:    helpers.Standard,
		ImageSize:  1024,
		FaultLimit: 3,
		Log: func(c *engine.Container, line []byte) {
			b.log.Write(c.Name())
			b.log.WriteString(": ")
			b.log.Write(line)
			b.log.WriteByte('\n')
		},
	}
	for i := range b.config.Hooks {
		h := &b.config.Hooks[i]
		h.Default = defaultResult
		h.UUID[15] = byte(i)
		h.ContextMax = 400
	}
	b.config.Hooks[hookNegative].Policy = engine.StopOnNegative
	b.config.Hooks[hookPositive].Policy = engine.StopOnPositive
	b.config.Hooks[hookSingle].Policy = engine.Single
	b.config.Hooks[hookWritable].ContextWritable = true
	b.config.Hooks[hookRegions].Regions = b.grants[:]
	b.config.Hooks[hookTight].Budget = 20
	for i := range b.config.Tenants {
		b.config.Tenants[i].Grant = engine.Everything()
	}
	if err := b.Init(&b.config); err != engine.OK {
		tb.Fatal(err)
	}
	return b
}

// program makes an image of assembly. Without an exit one is added.
func program(tb testing.TB, source string, parts image.Parts) []byte {
	tb.Helper()
	if !strings.Contains(source, "exit") {
		source += "\nexit"
	}
	text, err := asm.Assemble(source)
	if err != nil {
		tb.Fatal(err)
	}
	parts.Text = text
	return image.Append(nil, parts)
}

func code(tb testing.TB, source string) []byte {
	tb.Helper()
	return program(tb, source, image.Parts{})
}

func (b *bench) install(tb testing.TB, i, hook int, img []byte) {
	tb.Helper()
	if err := b.Install(i, &engine.Spec{Hook: hook, Name: []byte{'c', byte('0' + i)}, Image: img}); err.Reason != engine.OK {
		tb.Fatalf("install at %d: %v", i, err)
	}
}

// value fires a hook and wants one container to have given the result.
func (b *bench) value(tb testing.TB, hook int, ctx []byte) int64 {
	tb.Helper()
	r := b.Fire(0, hook, ctx)
	if r.Err != engine.OK || r.Faulted != 0 || r.Ran == 0 {
		for i := range b.Containers() {
			if s := b.Container(i).Stats(); s.Fault != vm.OK {
				tb.Logf("container %d: %v at %d, address %#x", i, s.Fault, s.FaultPC, s.FaultAddress)
			}
		}
		tb.Fatalf("firing hook %d: %+v", hook, r)
	}
	return r.Value
}

// fault runs img alone and wants a fault.
func (b *bench) fault(tb testing.TB, img, ctx []byte) engine.Stats {
	tb.Helper()
	b.Remove(0)
	b.install(tb, 0, hookContinue, img)
	r := b.Fire(0, hookContinue, ctx)
	if r.Faulted != 1 || r.Ran != 0 || r.Value != defaultResult {
		tb.Fatalf("want one fault and no result: %+v", r)
	}
	return b.Container(0).Stats()
}
