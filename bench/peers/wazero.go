package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/femto-containers/femto/bench"
)

// wasm is wazero: its interpreter, or its compiler.
type wasm struct {
	title   string
	runtime wazero.Runtime
	modules map[string]api.Module
}

func newWazero(compiled bool) *wasm {
	ctx := context.Background()
	w := &wasm{title: "wazero interpreter", modules: map[string]api.Module{}}
	config := wazero.NewRuntimeConfigInterpreter()
	if compiled {
		w.title, config = "wazero compiler", wazero.NewRuntimeConfigCompiler()
	}
	w.runtime = wazero.NewRuntimeWithConfig(ctx, config)
	_, err := w.runtime.NewHostModuleBuilder("env").NewFunctionBuilder().
		WithGoFunction(api.GoFunc(func(_ context.Context, stack []uint64) { stack[0]++ }),
			[]api.ValueType{api.ValueTypeI64}, []api.ValueType{api.ValueTypeI64}).
		Export("host").Instantiate(ctx)
	if err != nil {
		panic(err)
	}
	return w
}

func (w *wasm) name() string { return w.title }

func (w *wasm) module(program string) (api.Module, error) {
	if m := w.modules[program]; m != nil {
		return m, nil
	}
	code, err := os.ReadFile("../wasm/" + program + ".wasm")
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	m, err := w.runtime.InstantiateWithConfig(ctx, code, wazero.NewModuleConfig().WithName(program))
	w.modules[program] = m
	return m, err
}

func (w *wasm) time(k *bench.Kernel, repetitions int) (time.Duration, uint64, error) {
	m, err := w.module(k.Program)
	if err != nil {
		return 0, 0, err
	}
	heap := m.ExportedGlobal("__heap_base").Get()
	args := uint32(heap+15) &^ 15
	data := args + 16
	b, ok := m.Memory().Read(data, bench.MemorySize)
	if !ok {
		return 0, 0, fmt.Errorf("no room for %d bytes", bench.MemorySize)
	}
	bench.Fill(b)
	m.Memory().WriteUint64Le(args, uint64(data))
	m.Memory().WriteUint64Le(args+8, uint64(k.N))
	run := m.ExportedFunction("run")
	ctx := context.Background()
	var stack [1]uint64
	start := now()
	for range repetitions {
		stack[0] = uint64(args)
		if err := run.CallWithStack(ctx, stack[:]); err != nil {
			return 0, 0, err
		}
	}
	return now() - start, stack[0], nil
}
