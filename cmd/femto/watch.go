package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/client"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/sim"
)

// watchInterval is how often files are looked at.
const watchInterval = 30 * time.Millisecond

// A turn is one time around: what watch did after a change, as a JSON line.
type turn struct {
	Type         string  `json:"type"` // result or error
	Seconds      float64 `json:"seconds"`
	Digest       string  `json:"digest,omitempty"`
	Place        string  `json:"place,omitempty"`
	Device       string  `json:"device,omitempty"`
	Unchanged    bool    `json:"unchanged,omitempty"`
	Tests        int     `json:"tests"`
	Instructions int     `json:"most_instructions"`
	What         string  `json:"what,omitempty"`
}

func newWatchCommand() *cobra.Command {
	var c connection
	var key string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "Build, check, test and deploy this project at every change",
		Long: `Looks at the sources, tests and femto.toml of this project. At every change it
builds, checks, runs tests/*.toml, and deploys to the device; what is wrong is
said, and the next change waited for. It ends with Ctrl-C.

Without --device it starts a simulated one, which trusts the project's key, and
prints its address on standard output; what containers print there goes to
standard error. Its flash is .femto/watch.flash.`,
		Example: `  femto watch
  femto watch -d ` + exampleURI,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := openProject()
			if err != nil {
				return err
			}
			key = keyFileOf(cmd, p, key)
			w := &watcher{cmd: cmd, dir: p.Dir, connection: &c, keyFile: key, asJSON: asJSON}
			if c.uri != "" {
				return w.run(cmd.Context())
			}
			device, err := w.simulate()
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			ended := make(chan error, 1)
			go func() { ended <- device.Run(ctx) }()
			err = w.run(ctx)
			cancel()
			return errors.Join(err, <-ended, device.Close())
		},
	}
	c.addFlags(cmd)
	addKeyFlag(cmd, &key)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON line for each change")
	return cmd
}

// A watcher goes around at every change.
type watcher struct {
	cmd        *cobra.Command
	dir        string
	connection *connection
	keyFile    string
	asJSON     bool
}

// simulate starts a device of its own.
func (w *watcher) simulate() (*sim.Device, error) {
	signer, err := loadSigningKey(w.keyFile)
	if err != nil {
		return nil, err
	}
	raw, _ := signer.Public().Device()
	flash := filepath.Join(w.dir, project.Folder, "watch.flash")
	if err := os.MkdirAll(filepath.Dir(flash), 0o755); err != nil {
		return nil, projectError(err)
	}
	stderr := w.cmd.ErrOrStderr()
	device, err := sim.Open(sim.Config{
		Listen: "127.0.0.1:0", Flash: flash, Version: version,
		Tenants: []agent.Tenant{{Name: tenantName(w.keyFile), Key: raw, Hooks: agent.AllHooks}},
		Log: func(container, line string) {
			if !w.asJSON {
				fmt.Fprintf(stderr, "[%s] %s\n", container, printable(line))
			}
		},
	})
	if err != nil {
		return nil, startError("127.0.0.1:0", flash, err)
	}
	w.connection.uri = device.URI()
	if !w.asJSON {
		fmt.Fprintln(w.cmd.OutOrStdout(), device.URI())
	}
	return device, nil
}

// run goes around until ctx is done.
func (w *watcher) run(ctx context.Context) error {
	done, last := "", ""
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		// Twice the same: editors write in several steps.
		now := w.stamp()
		if now != done && (now == last || done == "") {
			done = now
			if err := w.around(); err != nil {
				return err
			}
		}
		last = now
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// stamp changes when a file does that counts.
func (w *watcher) stamp() string {
	files := []string{project.File}
	if p, err := project.Open(w.dir); err == nil {
		files, _ = p.Watched()
	}
	stamp := ""
	for _, name := range files {
		info, err := os.Stat(filepath.Join(w.dir, filepath.FromSlash(name)))
		if err != nil {
			stamp += name + " gone\n"
			continue
		}
		stamp += fmt.Sprintln(name, info.Size(), info.ModTime().UnixNano())
	}
	return stamp
}

// around does everything once and says how it ended. The error is one that ends
// the watch.
func (w *watcher) around() error {
	start := time.Now()
	t := &turn{Type: "result", Device: w.connection.uri}
	err := w.once(t)
	t.Seconds = time.Since(start).Seconds()
	switch {
	case w.cmd.Context().Err() != nil:
		return nil
	case err != nil && w.asJSON:
		t.Type, t.What = "error", err.Error()
		printError(w.cmd.ErrOrStderr(), err, true)
	case err != nil:
		printError(w.cmd.ErrOrStderr(), err, false)
		fmt.Fprintln(w.cmd.ErrOrStderr(), "waiting for a change")
		return nil
	}
	if w.asJSON {
		line, err := json.Marshal(struct {
			Schema string `json:"schema"`
			*turn
		}{"femto.watch/1", t})
		if err != nil {
			return err
		}
		fmt.Fprintf(w.cmd.OutOrStdout(), "%s\n", line)
		return nil
	}
	how := "running"
	if t.Unchanged {
		how = "already running"
	}
	fmt.Fprintf(w.cmd.ErrOrStderr(), "%s on %s, %d tests, at most %d instructions: %.2f s\n", how, t.Place, t.Tests, t.Instructions, t.Seconds)
	return nil
}

// once builds, checks, tests and deploys.
func (w *watcher) once(t *turn) error {
	p, err := project.Open(w.dir)
	if err != nil {
		return projectError(err)
	}
	b, err := buildProject(w.cmd, p)
	if err != nil {
		return err
	}
	tests, err := testProject(w.cmd.Context(), p, b.Built, false, nil)
	if err != nil {
		return err
	}
	t.Tests, t.Instructions = len(tests.Tests), tests.Most
	if len(tests.problems) > 0 {
		return tests.problems
	}
	if b.Hook == "" {
		return diagnose.List{{Code: diagnose.BadValue, What: "nothing says on which hook the container runs", Where: project.File,
			Fix: "say FEMTO_HOOK(timer, ...) in the source, or [hooks] in femto.toml"}}
	}
	d := &deployment{image: b.Image, helpers: b.report.Helpers}
	d.fill(b)
	if err := d.heed(b.File, b.Image); err != nil {
		return err
	}
	if d.key, err = loadSigningKey(w.keyFile); err != nil {
		return err
	}
	return w.connection.with(w.cmd, client.Options{}, func(ctx context.Context, device *remote.Device) error {
		p, err := d.plan(ctx, device)
		if err == nil {
			err = p.carryOut(ctx, device)
		}
		if err == nil {
			p.note()
			t.Digest, t.Place, t.Unchanged = p.result.Digest.String(), p.result.place(), p.result.Unchanged
		}
		return err
	})
}
