package dap_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	protocol "github.com/google/go-dap"

	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/debug/dap"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// openWalk opens ../testdata/walk.c; the context is the timer's count, in
// decimal.
func openWalk(_ context.Context, l *dap.Launch) (*dap.Target, error) {
	object, err := os.ReadFile("../testdata/walk.o")
	if err != nil {
		return nil, err
	}
	program, err := build.LinkObjects(build.Object{Name: "walk.o", Bytes: object})
	if err != nil {
		return nil, err
	}
	raw, err := program.Image()
	if err != nil {
		return nil, err
	}
	side, err := program.Debug(raw)
	if err != nil {
		return nil, err
	}
	lines, err := build.ParseDebug(side, raw)
	if err != nil {
		return nil, err
	}
	folder, err := filepath.Abs("../testdata")
	if err != nil {
		return nil, err
	}
	var count uint64
	if _, err := fmt.Sscan(l.Context, &count); err != nil {
		return nil, errors.New("a count is missing: say {context}")
	}
	return target("walk", raw, lines, folder, "timer", femtotest.Context(&hooks.Timer{Now: 5, Count: count}), l.Budget)
}

func target(name string, raw []byte, side *build.Debug, folder, hook string, context []byte, budget int32) (*dap.Target, error) {
	c, err := femtotest.Open(raw, femtotest.Config{Hook: hook, Budget: budget})
	if err != nil {
		return nil, err
	}
	p, err := symbols.Open(raw, side, "")
	if err != nil {
		return nil, err
	}
	return &dap.Target{
		Name: name, Folder: folder, Sources: &symbols.Sources{Folders: []string{folder}}, Hook: hook,
		Config: debug.Config{Target: debug.Container(c, [][]byte{context}, 0), Program: p},
	}, nil
}

// openForever opens a container that counts until its budget is spent.
func openForever(ctx context.Context, l *dap.Launch) (*dap.Target, error) {
	file := filepath.Join(l.Project, "forever.s")
	if err := os.WriteFile(file, []byte("r0 = 0\nagain:\nr0 += 1\ngoto again\nexit\n"), 0o644); err != nil {
		return nil, err
	}
	raw, err := build.Image(ctx, file)
	if err != nil {
		return nil, err
	}
	return target("forever", raw, nil, "", "event", nil, vm.MaxBudget)
}

// client is an editor.
type client struct {
	t      *testing.T
	conn   net.Conn
	in     *bufio.Reader
	seq    int
	events []protocol.Message
	served chan error
}

func connect(t *testing.T, open dap.Open) *client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() {
		conn, err := listener.Accept()
		if err == nil {
			err = dap.Serve(context.Background(), conn, conn, open)
			conn.Close()
		}
		served <- err
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	t.Cleanup(func() { conn.Close(); listener.Close() })
	return &client{t: t, conn: conn, in: bufio.NewReader(conn), served: served}
}

func (c *client) read() protocol.Message {
	c.t.Helper()
	m, err := protocol.ReadProtocolMessage(c.in)
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return m
}

// send sends a request without waiting.
func (c *client) send(command string, arguments any) int {
	c.t.Helper()
	c.seq++
	content, err := json.Marshal(map[string]any{"seq": c.seq, "type": "request", "command": command, "arguments": arguments})
	if err != nil {
		c.t.Fatal(err)
	}
	if err := protocol.WriteBaseMessage(c.conn, content); err != nil {
		c.t.Fatal(err)
	}
	return c.seq
}

// ask sends a request and decodes the body of its response. Events that come
// before are kept.
func (c *client) ask(command string, arguments, body any) {
	c.t.Helper()
	if why := c.try(command, arguments, body); why != "" {
		c.t.Fatalf("%s: %s", command, why)
	}
}

func (c *client) try(command string, arguments, body any) (refused string) {
	c.t.Helper()
	seq := c.send(command, arguments)
	for {
		m := c.read()
		r, ok := m.(protocol.ResponseMessage)
		if !ok {
			c.events = append(c.events, m)
			continue
		}
		if r.GetResponse().RequestSeq != seq {
			continue
		}
		if !r.GetResponse().Success {
			return r.GetResponse().Message
		}
		content, err := json.Marshal(m)
		if err == nil && body != nil {
			err = json.Unmarshal(content, &struct{ Body any }{body})
		}
		if err != nil {
			c.t.Fatal(err)
		}
		return ""
	}
}

// event waits for an event of a type.
func event[E protocol.Message](c *client) E {
	c.t.Helper()
	for {
		for i, m := range c.events {
			if e, ok := m.(E); ok {
				c.events = c.events[i+1:]
				return e
			}
		}
		m := c.read()
		c.events = append(c.events, m)
	}
}

func (c *client) stopped(reason string) protocol.StoppedEventBody {
	c.t.Helper()
	e := event[*protocol.StoppedEvent](c)
	if e.Body.Reason != reason {
		c.t.Fatalf("stopped: %+v, want %s", e.Body, reason)
	}
	return e.Body
}

func (c *client) launch(arguments map[string]any) {
	c.t.Helper()
	var can protocol.Capabilities
	c.ask("initialize", map[string]any{"adapterID": "femto", "linesStartAt1": true}, &can)
	if !can.SupportsStepBack || !can.SupportsInstructionBreakpoints || len(can.ExceptionBreakpointFilters) != 1 {
		c.t.Errorf("capabilities %+v", can)
	}
	c.ask("launch", arguments, nil)
	event[*protocol.InitializedEvent](c)
}

func (c *client) frames() []protocol.StackFrame {
	c.t.Helper()
	var body protocol.StackTraceResponseBody
	c.ask("stackTrace", map[string]any{"threadId": 1}, &body)
	return body.StackFrames
}

// scope lists the variables of a scope, name to value.
func (c *client) scope(frame int, name string) map[string]protocol.Variable {
	c.t.Helper()
	var scopes protocol.ScopesResponseBody
	c.ask("scopes", map[string]any{"frameId": frame}, &scopes)
	for _, s := range scopes.Scopes {
		if s.Name == name {
			return c.variables(s.VariablesReference)
		}
	}
	c.t.Fatalf("no scope %s in %+v", name, scopes)
	return nil
}

func (c *client) variables(reference int) map[string]protocol.Variable {
	c.t.Helper()
	var body protocol.VariablesResponseBody
	c.ask("variables", map[string]any{"variablesReference": reference}, &body)
	found := map[string]protocol.Variable{}
	for _, v := range body.Variables {
		found[v.Name] = v
	}
	return found
}

func (c *client) evaluate(expression string) string {
	c.t.Helper()
	var body protocol.EvaluateResponseBody
	c.ask("evaluate", map[string]any{"expression": expression, "frameId": 1, "context": "watch"}, &body)
	return body.Result
}

// line is the line of ../testdata/walk.c in which text stands.
func line(t *testing.T, text string) int {
	t.Helper()
	b, err := os.ReadFile("../testdata/walk.c")
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(b), text)
	if !found {
		t.Fatalf("no line with %q", text)
	}
	return strings.Count(before, "\n") + 1
}

var oneThread = map[string]any{"threadId": 1}

// An editor sets a breakpoint, runs, looks around, goes back and on.
func TestSession(t *testing.T) {
	c := connect(t, openWalk)
	c.launch(map[string]any{"context": "3", "stopOnEnd": true})
	path, err := filepath.Abs("../testdata/walk.c")
	if err != nil {
		t.Fatal(err)
	}
	store := line(t, "femto_store_global")
	var set protocol.SetBreakpointsResponseBody
	c.ask("setBreakpoints", map[string]any{"source": map[string]any{"path": path}, "breakpoints": []any{
		map[string]any{"line": store, "condition": "global[1] != 0"}, map[string]any{"line": 4000},
		map[string]any{"line": store, "condition": "1 +"}, map[string]any{"line": line(t, "now.value") + 2},
	}}, &set)
	b := set.Breakpoints
	if len(b) != 4 || !b[0].Verified || b[0].Line != store || b[1].Verified || b[1].Message == "" || b[2].Verified || !b[3].Verified {
		t.Fatalf("breakpoints %+v", b)
	}
	c.ask("setExceptionBreakpoints", map[string]any{"filters": []string{"fault"}}, nil)
	c.ask("configurationDone", nil, nil)
	if stop := c.stopped("breakpoint"); len(stop.HitBreakpointIds) != 1 || stop.HitBreakpointIds[0] != b[0].Id {
		t.Errorf("%+v", stop)
	}

	var threads protocol.ThreadsResponseBody
	c.ask("threads", nil, &threads)
	if len(threads.Threads) != 1 || threads.Threads[0].Name != "walk" {
		t.Errorf("threads %+v", threads)
	}
	frames := c.frames()
	if len(frames) != 2 || frames[0].Name != "weigh" || frames[0].Line != store || frames[0].Source.Path != path ||
		frames[1].Name != "tick" || frames[1].Line != line(t, "sum = weigh(&now") {
		t.Fatalf("frames %+v", frames)
	}
	registers := c.scope(1, "Registers")
	if registers["r10"].Value != "0x100001f0 (stack end-16)" || registers["pc"].Value == "" {
		t.Errorf("registers %+v", registers)
	}
	if got := c.scope(2, "Registers")["r0"].Value; got != "not kept by the call" {
		t.Errorf("r0 of the caller is %q", got)
	}
	if got := c.scope(1, "Context")["count"].Value; got != "3" {
		t.Errorf("count is %q", got)
	}
	stores := c.scope(1, "Stores")
	if pairs := c.variables(stores["global"].VariablesReference); pairs["[0]"].Value != "9" || pairs["[1]"].Value != "169" || len(pairs) != 2 {
		t.Errorf("global store %+v", pairs)
	}
	if got := c.evaluate("global[1] + 1"); got != "170" {
		t.Errorf("evaluated %q", got)
	}
	var memory protocol.ReadMemoryResponseBody
	c.ask("readMemory", map[string]any{"memoryReference": "0x20000000", "offset": 8, "count": 100}, &memory)
	if raw, err := base64.StdEncoding.DecodeString(memory.Data); err != nil || !bytes.Equal(raw, []byte{3, 0, 0, 0, 0, 0, 0, 0}) || memory.UnreadableBytes != 92 {
		t.Errorf("memory %+v, %v", memory, err)
	}
	if calls := c.scope(1, "Helper calls"); calls["1"].Value != "store_local(4, 8) = 0" {
		t.Errorf("calls %+v", calls)
	}

	c.ask("reverseContinue", oneThread, nil)
	c.stopped("entry")
	if got := c.evaluate("global[1]"); got != "0" {
		t.Errorf("at the beginning the store has %q", got)
	}
	c.ask("continue", oneThread, nil)
	c.stopped("breakpoint")
	c.ask("next", map[string]any{"threadId": 1}, nil)
	c.stopped("step")
	after := c.frames()[0]
	c.ask("stepBack", map[string]any{"threadId": 1}, nil)
	c.stopped("breakpoint")
	if now := c.frames()[0]; now.Line != store || after.Line == store {
		t.Errorf("back at %+v from %+v", now, after)
	}
	for _, command := range []string{"stepIn", "stepBack"} {
		c.ask(command, map[string]any{"threadId": 1, "granularity": "instruction"}, nil)
		event[*protocol.StoppedEvent](c)
	}
	c.ask("setBreakpoints", map[string]any{"source": map[string]any{"path": path}, "breakpoints": []any{}}, &set)
	c.ask("stepOut", oneThread, nil)
	c.stopped("step")
	if now := c.frames(); len(now) != 1 || now[0].Name != "tick" {
		t.Errorf("out at %+v", now)
	}
	c.ask("continue", oneThread, nil)
	if out := event[*protocol.OutputEvent](c); out.Body.Output != "sum 26276\n" || out.Body.Category != "stdout" {
		t.Errorf("output %+v", out.Body)
	}
	if stop := c.stopped("end"); !strings.HasPrefix(stop.Text, "returns 26281 after") {
		t.Errorf("the end: %+v", stop)
	}
	c.ask("stepBack", map[string]any{"threadId": 1}, nil)
	c.stopped("step")
	c.ask("disconnect", nil, nil)
	if err := <-c.served; err != nil {
		t.Errorf("served: %v", err)
	}
}

// Faults stop it with the reason in words; breakpoints are at functions,
// helpers, instructions and data.
func TestFaultAndOtherBreakpoints(t *testing.T) {
	c := connect(t, openWalk)
	c.launch(map[string]any{"context": "900", "stopOnEntry": true})
	c.ask("configurationDone", nil, nil)
	c.stopped("entry")
	var set struct{ Breakpoints []protocol.Breakpoint }
	c.ask("setFunctionBreakpoints", map[string]any{"breakpoints": []any{map[string]any{"name": "store_local"}, map[string]any{"name": "weigh"}, map[string]any{"name": "nobody"}}}, &set)
	if len(set.Breakpoints) != 3 || !set.Breakpoints[0].Verified || set.Breakpoints[1].Line != line(t, "u32 n)\n{")+1 || set.Breakpoints[2].Verified {
		t.Errorf("%+v", set)
	}
	c.frames()
	var info protocol.DataBreakpointInfoResponseBody
	c.ask("dataBreakpointInfo", map[string]any{"name": "runs", "frameId": 1}, &info)
	id, _ := info.DataId.(string)
	if id == "" {
		t.Fatalf("%+v", info)
	}
	c.ask("setDataBreakpoints", map[string]any{"breakpoints": []any{map[string]any{"dataId": id, "accessType": "write"}, map[string]any{"dataId": "x"}}}, &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified {
		t.Errorf("%+v", set)
	}
	c.ask("dataBreakpointInfo", map[string]any{"name": "r1", "frameId": 1}, &info)
	if info.DataId != nil {
		t.Errorf("a register can be watched: %+v", info)
	}
	c.ask("continue", oneThread, nil)
	c.stopped("data breakpoint")
	if got := c.evaluate("runs"); got != "8" {
		t.Errorf("runs is %q", got)
	}
	c.ask("continue", oneThread, nil)
	c.stopped("function breakpoint")
	frame := c.frames()[0]
	var listed protocol.DisassembleResponseBody
	c.ask("disassemble", map[string]any{"memoryReference": frame.InstructionPointerReference, "instructionOffset": -200, "instructionCount": 400}, &listed)
	if len(listed.Instructions) != 400 {
		t.Fatalf("%d instructions", len(listed.Instructions))
	}
	here := listed.Instructions[200]
	if here.Address != frame.InstructionPointerReference || here.Instruction != "call store_local" || here.InstructionBytes != "8500000010000000" || here.Line != frame.Line {
		t.Errorf("here is %+v", here)
	}
	c.ask("setInstructionBreakpoints", map[string]any{"breakpoints": []any{
		map[string]any{"instructionReference": listed.Instructions[201].Address}, map[string]any{"instructionReference": "0x5"}, map[string]any{"instructionReference": here.Address, "offset": 4},
	}}, &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified || set.Breakpoints[2].Verified {
		t.Errorf("%+v", set)
	}
	c.ask("continue", oneThread, nil)
	c.stopped("instruction breakpoint")
	c.ask("setVariable", map[string]any{"variablesReference": c.registersReference(), "name": "r3", "value": "77"}, nil)
	if got := c.evaluate("r3"); got != "77" {
		t.Errorf("r3 is %q", got)
	}
	c.ask("continue", oneThread, nil)
	c.stopped("function breakpoint")
	c.ask("continue", oneThread, nil)
	stop := c.stopped("exception")
	if !strings.Contains(stop.Text, "illegal memory access: it writes 4 bytes at 0xe100") {
		t.Errorf("%+v", stop)
	}
	var why protocol.ExceptionInfoResponseBody
	c.ask("exceptionInfo", oneThread, &why)
	if why.ExceptionId != "illegal memory access" {
		t.Errorf("%+v", why)
	}
	if now := c.frames()[0]; now.Line != line(t, "context->count * 64") {
		t.Errorf("stopped at %+v", now)
	}
	c.ask("reverseContinue", oneThread, nil)
	c.stopped("function breakpoint")
	c.ask("continue", oneThread, nil)
	c.stopped("exception")
	c.ask("continue", oneThread, nil)
	if e := event[*protocol.ExitedEvent](c); e.Body.ExitCode != 1 {
		t.Errorf("exited with %d", e.Body.ExitCode)
	}
	event[*protocol.TerminatedEvent](c)
	c.ask("disconnect", nil, nil)
}

func (c *client) registersReference() int {
	var scopes protocol.ScopesResponseBody
	c.ask("scopes", map[string]any{"frameId": 1}, &scopes)
	for _, s := range scopes.Scopes {
		if s.Name == "Registers" {
			return s.VariablesReference
		}
	}
	return 0
}

// A container without a side file is debugged by its disassembly, and one that
// runs is paused.
func TestPauseAndListing(t *testing.T) {
	c := connect(t, openForever)
	c.launch(map[string]any{"project": t.TempDir()})
	c.ask("configurationDone", nil, nil)
	if why := c.try("stackTrace", oneThread, nil); !strings.Contains(why, "running") {
		t.Errorf("while it runs: %q", why)
	}
	c.ask("pause", oneThread, nil)
	c.stopped("pause")
	frame := c.frames()[0]
	var source protocol.SourceResponseBody
	c.ask("source", map[string]any{"sourceReference": frame.Source.SourceReference, "source": frame.Source}, &source)
	lines := strings.Split(source.Content, "\n")
	if len(lines) != 5 || !strings.Contains(lines[1], "r0 += 1") {
		t.Errorf("listing %q", lines)
	}
	c.ask("continue", oneThread, nil)
	var set protocol.SetBreakpointsResponseBody
	c.ask("setBreakpoints", map[string]any{"source": frame.Source, "breakpoints": []any{map[string]any{"line": 3, "hitCondition": "== 5"}, map[string]any{"line": 30}}}, &set)
	if !set.Breakpoints[0].Verified || set.Breakpoints[1].Verified {
		t.Errorf("%+v", set)
	}
	c.stopped("breakpoint")
	if now := c.frames()[0]; now.Line != 3 {
		t.Errorf("at %+v", now)
	}
	c.ask("continue", oneThread, nil)
	c.ask("terminate", nil, nil)
	event[*protocol.TerminatedEvent](c)
	c.ask("disconnect", nil, nil)
	if err := <-c.served; err != nil {
		t.Errorf("served: %v", err)
	}
}

// A client that goes away leaves nothing running.
func TestClientGoesAway(t *testing.T) {
	c := connect(t, openForever)
	c.launch(map[string]any{"project": t.TempDir()})
	c.ask("configurationDone", nil, nil)
	c.conn.Close()
	select {
	case <-c.served:
	case <-time.After(30 * time.Second):
		t.Fatal("it still runs")
	}
}

func TestRefusals(t *testing.T) {
	c := connect(t, openWalk)
	if why := c.try("continue", oneThread, nil); !strings.Contains(why, "nothing has been launched") {
		t.Errorf("before launch: %q", why)
	}
	if why := c.try("launch", map[string]any{"context": ""}, nil); !strings.Contains(why, "a count is missing") {
		t.Errorf("launch: %q", why)
	}
	c.launch(map[string]any{"context": "1", "stopOnEntry": true})
	c.ask("configurationDone", nil, nil)
	for command, arguments := range map[string]any{
		"launch": map[string]any{"context": "1"}, "attach": nil, "somethingElse": nil,
		"scopes":      map[string]any{"frameId": 9},
		"variables":   map[string]any{"variablesReference": 99},
		"evaluate":    map[string]any{"expression": "1 +"},
		"setVariable": map[string]any{"variablesReference": 99, "name": "r1", "value": "1"},
		"disassemble": map[string]any{"memoryReference": "0x100000000", "instructionCount": 1 << 30},
		"readMemory":  map[string]any{"memoryReference": "nowhere"},
		"source":      map[string]any{"sourceReference": 77}, "exceptionInfo": oneThread,
		"setBreakpoints": "no object",
	} {
		if why := c.try(command, arguments, nil); why == "" {
			t.Errorf("%s was not refused", command)
		}
	}
	c.ask("threads", nil, nil)
}

// FuzzServe sends bytes to a server that has nothing to debug.
func FuzzServe(f *testing.F) {
	f.Add([]byte("Content-Length: 2\r\n\r\n{}"))
	f.Add([]byte("Content-Length: 61\r\n\r\n{\"seq\":1,\"type\":\"request\",\"command\":\"initialize\",\"arguments\":{}}"))
	f.Add([]byte("Content-Length: -1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		var out bytes.Buffer
		_ = dap.Serve(context.Background(), bytes.NewReader(in), &out, func(context.Context, *dap.Launch) (*dap.Target, error) {
			return nil, errors.New("nothing there")
		})
	})
}
