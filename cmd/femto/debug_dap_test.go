package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	protocol "github.com/google/go-dap"

	"github.com/femto-containers/femto/internal/debug/dap"
	"github.com/femto-containers/femto/internal/project"
)

// launchFile reads the launch file of a project as VS Code does.
func launchFile(t *testing.T, dir string) map[string]any {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ".vscode", "launch.json"))
	if err != nil {
		t.Fatal(err)
	}
	raw = regexp.MustCompile(`(?m)^\s*//.*$`).ReplaceAll(raw, nil)
	var file struct{ Configurations []map[string]any }
	if err := json.Unmarshal(bytes.ReplaceAll(raw, []byte("${workspaceFolder}"), []byte(filepath.ToSlash(dir))), &file); err != nil {
		t.Fatal(err)
	}
	return file.Configurations[0]
}

// Whatever launch files say is understood.
func TestLaunchArgumentsAreKnown(t *testing.T) {
	p, err := project.Init(filepath.Join(t.TempDir(), "hello"), "hello", "timer", "c")
	if err != nil {
		t.Fatal(err)
	}
	known := func(name string) bool {
		content, _ := json.Marshal(map[string]any{name: nil})
		d := json.NewDecoder(bytes.NewReader(content))
		d.DisallowUnknownFields()
		return d.Decode(&dap.Launch{}) == nil
	}
	common := map[string]bool{"type": true, "request": true, "name": true}
	for name := range launchFile(t, p.Dir) {
		if !common[name] && !known(name) {
			t.Errorf("launch.json says %s", name)
		}
	}
	var extension struct {
		Contributes struct {
			Debuggers []struct {
				Type                    string
				ConfigurationAttributes struct {
					Launch struct{ Properties map[string]any }
				}
			}
		}
	}
	raw, err := os.ReadFile("../../editors/vscode/package.json")
	if err == nil {
		err = json.Unmarshal(raw, &extension)
	}
	if err != nil || len(extension.Contributes.Debuggers) != 1 || extension.Contributes.Debuggers[0].Type != "femto" {
		t.Fatalf("%+v, %v", extension, err)
	}
	for name := range extension.Contributes.Debuggers[0].ConfigurationAttributes.Launch.Properties {
		if !known(name) {
			t.Errorf("the extension says %s", name)
		}
	}
	lua, err := os.ReadFile(filepath.Join(p.Dir, ".nvim.lua"))
	if err != nil || !strings.Contains(string(lua), "command = 'femto', args = { 'debug', '--dap' }") {
		t.Errorf("%s, %v", lua, err)
	}
}

// An editor starts femto debug --dap with the launch file of a project.
func TestDebugForEditors(t *testing.T) {
	p, err := project.Init(filepath.Join(t.TempDir(), "hello"), "hello", "timer", "c")
	if err != nil {
		t.Fatal(err)
	}
	toFemto, requests := io.Pipe()
	answers, fromFemto := io.Pipe()
	left := make(chan int, 1)
	var talk bytes.Buffer
	go func() {
		left <- Main(context.Background(), []string{"debug", "--dap"}, toFemto, fromFemto, &talk)
		fromFemto.Close()
	}()
	in := bufio.NewReader(answers)
	seq := 0
	ask := func(command string, arguments any) {
		t.Helper()
		seq++
		content, err := json.Marshal(map[string]any{"seq": seq, "type": "request", "command": command, "arguments": arguments})
		if err == nil {
			err = protocol.WriteBaseMessage(requests, content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	until := func(done func(protocol.Message) bool) {
		t.Helper()
		for {
			m, err := protocol.ReadProtocolMessage(in)
			if err != nil {
				t.Fatalf("%v; %s", err, talk.String())
			}
			if r, ok := m.(*protocol.ErrorResponse); ok {
				t.Fatalf("%s: %s", r.Command, r.Message)
			}
			if done(m) {
				return
			}
		}
	}
	stopped := func(reason string) func(protocol.Message) bool {
		return func(m protocol.Message) bool {
			e, ok := m.(*protocol.StoppedEvent)
			if ok && e.Body.Reason != reason {
				t.Fatalf("stopped: %+v, want %s", e.Body, reason)
			}
			return ok
		}
	}
	ask("initialize", map[string]any{"adapterID": "femto"})
	until(func(m protocol.Message) bool { _, ok := m.(*protocol.InitializeResponse); return ok })
	ask("launch", launchFile(t, p.Dir))
	until(func(m protocol.Message) bool { _, ok := m.(*protocol.InitializedEvent); return ok })
	source := filepath.Join(p.Dir, "src", "hello.c")
	ask("setBreakpoints", map[string]any{"source": map[string]any{"path": source}, "breakpoints": []any{map[string]any{"line": 10}}})
	until(func(m protocol.Message) bool {
		r, ok := m.(*protocol.SetBreakpointsResponse)
		if ok && !r.Body.Breakpoints[0].Verified {
			t.Errorf("%+v", r.Body)
		}
		return ok
	})
	ask("configurationDone", nil)
	until(stopped("entry"))
	ask("continue", map[string]any{"threadId": 1})
	until(stopped("breakpoint"))
	ask("evaluate", map[string]any{"expression": "count", "frameId": 1})
	until(func(m protocol.Message) bool {
		r, ok := m.(*protocol.EvaluateResponse)
		if ok && (r.Body.Result != "1" || r.Body.Type != "u32") {
			t.Errorf("count is %+v", r.Body)
		}
		return ok
	})
	ask("stackTrace", map[string]any{"threadId": 1})
	until(func(m protocol.Message) bool {
		r, ok := m.(*protocol.StackTraceResponse)
		if ok && (r.Body.StackFrames[0].Line != 10 || r.Body.StackFrames[0].Source.Path != source) {
			t.Errorf("%+v", r.Body.StackFrames[0])
		}
		return ok
	})
	ask("continue", map[string]any{"threadId": 1})
	until(stopped("end"))
	ask("stepBack", map[string]any{"threadId": 1})
	until(stopped("step"))
	ask("disconnect", nil)
	until(func(m protocol.Message) bool { _, ok := m.(*protocol.DisconnectResponse); return ok })
	requests.Close()
	if code := <-left; code != exitOK {
		t.Errorf("left with %d; %s", code, talk.String())
	}
}
