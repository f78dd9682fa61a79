//go:build boards

package firmware_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/emulator"
)

// Firmware with the build tag p256 trusts tenants with keys of P-256 beside
// those with Ed25519; firmware without refuses what they sign.
func TestP256(t *testing.T) {
	const board = "lm3s6965"
	for _, tc := range []struct {
		name     string
		firmware string
		trusts   bool
	}{
		{"with", build(t, board, "./firmware/"+board, "-tags=p256"), true},
		{"without", firmware(t, board), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := &rig{t: t, folder: t.TempDir()}
			r.config = emulator.Config{Board: board, Firmware: tc.firmware, Folder: r.folder, Listen: "127.0.0.1:0", Console: &r.console}
			for name, generate := range map[string]func() (author.PrivateKey, error){"holder": author.GenerateP256, "alice": author.GenerateKey} {
				r.config.Tenants = append(r.config.Tenants, agent.Tenant{Name: name, Key: r.key(name, generate), Hooks: agent.AllHooks})
			}
			r.key("stranger", author.GenerateP256)
			r.boot()
			args := []string{"deploy", fletcher32, "--hook", "event", "--name", "b", "--timeout", "90s", "--key"}
			for key, trusted := range map[string]bool{"holder": tc.trusts, "stranger": false} {
				if _, said, exit := r.run(append(args, r.path(key+".key"))...); (exit == 0) != trusted || !trusted && !strings.Contains(said, "not authorised") {
					t.Errorf("%s: exit status %d, %s", key, exit, said)
				}
			}
			r.deploy(fletcher32)
			r.fire()
		})
	}
	bound, path := stackBound(t, build(t, board, "./firmware/"+board, "-tags=p256"))
	t.Logf("with p256: at most %d B of stack\n%s", bound, path)
	if bound > stackSize {
		t.Errorf("takes up to %d B of stack, and has %d", bound, stackSize)
	}
}
