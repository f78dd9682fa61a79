package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/internal/client"
)

// means are what sensor_average has after one reading, two, and so on.
var means = []string{"2100", "2101", "2103", "2106", "2110", "2115", "2121", "2128", "2136", "2145"}

// TestDemonstration types what examples/three-containers/README.md says, on a
// simulated device, and waits until the mean has moved.
func TestDemonstration(t *testing.T) {
	t.Parallel()
	readme, err := examples.ThreeContainers.ReadFile("three-containers/README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "examples"), examples.ThreeContainers); err != nil {
		t.Fatal(err)
	}
	const written = "coap://127.0.0.1:5683"
	var device *running
	environ := os.Environ()
	var typed []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllSubmatch(readme, -1) {
		for line := range strings.Lines(string(block[1])) {
			args := strings.Fields(line)
			switch {
			case slices.Contains(args, "--board"):
				continue // a test of the boards types these
			case args[0] == "export":
				if args[1] != "FEMTO_DEVICE="+written {
					t.Errorf("%s", line)
				}
				environ = append(environ, "FEMTO_DEVICE="+device.uri)
			case args[0] == "femto" && args[1] == "device":
				if device, err = startDevice(dir, environ, "femto", append(args[1:], "--listen", "127.0.0.1:0")...); err != nil {
					t.Fatal(err)
				}
				defer device.end(os.Kill)
			case args[0] == "femto":
				out, err := typeCommand(t, dir, environ, args...)
				if err != nil {
					t.Fatalf("%s%v\n%s", line, err, out)
				}
				typed = append(typed, line)
			case args[0] == "coap-client":
				answeredTo(t, device.uri, args[1:], written)
			default:
				t.Errorf("nothing runs %q", line)
			}
		}
	}
	if len(typed) != 7 {
		t.Errorf("typed %d commands: %q", len(typed), typed)
	}
	showsThree(t, dir, environ)
	if !strings.Contains(string(readme), "\n"+means[len(means)-1]+"\n") {
		t.Error("the README shows another answer")
	}
}

func typeCommand(t *testing.T, dir string, environ []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Dir, cmd.Env = dir, environ
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// answeredTo asks with our client until the mean has moved, and with libcoap's.
func answeredTo(t *testing.T, uri string, args []string, written string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := client.Dial(ctx, uri, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	last := -1
	for last < 1 {
		response, err := c.Do(ctx, client.Request{Method: coap.GET, Path: "/c/coap_formatter"})
		if err != nil {
			t.Fatal(err)
		}
		at := slices.Index(means, string(response.Body))
		// Before the first reading there is nothing.
		if response.Code != coap.Content || response.ContentFormat != 0 || at < last && string(response.Body) != "0" {
			t.Fatalf("after %d readings: %v, format %d, %q", last+1, response.Code, response.ContentFormat, response.Body)
		}
		last = at
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
	name := findLibcoap()
	if name == "" {
		t.Log("SKIPPED: no coap-client of libcoap here")
		return
	}
	for i := range args {
		args[i] = strings.Replace(args[i], written, uri, 1)
	}
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if at := slices.Index(means, string(bytes.TrimSpace(out))); err != nil || at < last {
		t.Errorf("coap-client got %q (%v) after %s", out, err, means[last])
	}
}

// findLibcoap returns libcoap's client, under the names that it is installed by.
func findLibcoap() string {
	for _, name := range []string{"coap-client", "coap-client-notls", "coap-client-openssl", "coap-client-gnutls"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// showsThree reads what femto ps has of the three containers.
func showsThree(t *testing.T, dir string, environ []string) {
	t.Helper()
	out, err := typeCommand(t, dir, environ, "femto", "ps", "--json")
	var list struct {
		Containers []struct {
			Name, Hook, Tenant, State string
			Activations, Faults       int
			Instructions              int
		}
	}
	if err != nil || json.Unmarshal([]byte(out), &list) != nil || len(list.Containers) != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
	for i, want := range []struct {
		name, hook, tenant, state string
		activations               int
	}{
		{"thread_counter", "thread", "a", "running", 4},
		{"sensor_average", "timer", "b", "suspended", 1},
		{"coap_formatter", "coap", "b", "running", 2},
	} {
		c := list.Containers[i]
		if c.Name != want.name || c.Hook != want.hook || c.Tenant != want.tenant || c.State != want.state ||
			c.Activations < want.activations || c.Instructions < 10*want.activations || c.Faults != 0 {
			t.Errorf("%+v, want %+v", c, want)
		}
	}
}
