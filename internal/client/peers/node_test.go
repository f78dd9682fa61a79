package peers

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/client"
)

// node returns the command that runs node.js with args.
func node(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED, node is not installed")
	}
	if _, err := os.Stat("node_modules/coap"); err != nil {
		t.Skip("SKIPPED, run npm ci in internal/client/peers")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, "node", append([]string{"node.js"}, args...)...)
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

func TestNodeClient(t *testing.T) {
	for _, ours := range []int{64, 1024} {
		for _, theirs := range []string{"64", "1024"} {
			t.Run(fmt.Sprintf("our block %d, theirs %s", ours, theirs), func(t *testing.T) {
				t.Parallel()
				s := &shelf{}
				at := port(serve(t, s, ours))
				for _, n := range []int{10, 64, 5000} {
					for _, verb := range []string{"put", "get", "post"} {
						out, err := node(t, verb, at, fmt.Sprint(n), theirs).CombinedOutput()
						if err != nil {
							t.Errorf("%s of %d bytes: %v, %s", verb, n, err, out)
						}
					}
					s.holds(t, text(n), 1)
				}
			})
		}
	}
}

func TestNodeObservesUs(t *testing.T) {
	s := &shelf{body: []byte("0")}
	address := serve(t, s, 64)
	command := node(t, "observe", port(address), "4")
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	c, err := client.Dial(t.Context(), "coap://"+address, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	lines := bufio.NewScanner(pipe)
	for want := range 4 {
		if !lines.Scan() || lines.Text() != fmt.Sprint(want) {
			t.Fatalf("heard %q, want %d", lines.Text(), want)
		}
		if _, err := c.Do(t.Context(), client.Request{Method: coap.PUT, Path: "/shelf", Body: []byte(fmt.Sprint(want + 1))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestNodeServer(t *testing.T) {
	// Not 16: coap 1.5.0 takes the empty Block2 option that says so for a block
	// size of 0.
	for _, blockSize := range []int{32, 64, 1024} {
		t.Run(fmt.Sprintf("block %d", blockSize), func(t *testing.T) {
			address := freePort(t)
			command := node(t, "serve", fmt.Sprint(address.Port))
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				command.Process.Kill()
				command.Wait()
			})
			c := dial(t, address, blockSize)
			get(t, c, 5000)
			// One block at most, as with go-coap.
			for _, n := range []int{10, 32} {
				put(t, c, n)
				get(t, c, n)
			}
			heard := 0
			err := c.Observe(t.Context(), client.Request{Method: coap.GET, Path: "/shelf"}, func(r client.Response) bool {
				heard++
				if heard < 3 {
					put(t, c, 10+heard)
				}
				return heard < 3
			})
			if err != nil || heard != 3 {
				t.Errorf("heard %d states, %v", heard, err)
			}
		})
	}
}
