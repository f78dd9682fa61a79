package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/cover"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/internal/testtable"
	"github.com/femto-containers/femto/vm"
)

// testReport is what the tests of a project came to.
type testReport struct {
	Tests    []*testtable.Outcome `json:"tests"`
	Failed   int                  `json:"failed"`
	Most     int                  `json:"most_instructions"` // of one activation, in all tests
	Budget   int                  `json:"budget"`
	Left     []string             `json:"left_out"` // unit tests that could not be compiled here
	Inputs   int                  `json:"fuzz_inputs"`
	Findings []string             `json:"fuzz_findings"` // files
	Cover    *cover.Report        `json:"cover,omitempty"`

	problems diagnose.List
}

func newTestCommand() *cobra.Command {
	var fuzz time.Duration
	var recordings []string
	var cf coverFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Run the tests of this project",
		Long: `Builds the project if its sources have changed and runs tests/*.toml, each test on
a made-up device of its own: what a test gives and expects is in docs/cli.md.
Then tests/*.c are compiled for this computer, with sanitizers where the compiler
has them, and run. The exit status is 5 if a test fails, 4 if one takes more
instructions than femto.toml allows.

With --replay, the activations that a device recorded of this very image are
executed again, and are tests: one that faulted fails here, too.

With --fuzz, contexts and results of helpers are made up for that long. What
stops the container is made as small as possible and kept in tests/.

--cover says which lines and branches of the source were executed by
tests/*.toml, --replay and --fuzz; tests/*.c run on this computer and do not count.`,
		Example: `  femto test
  femto test --cover-html cover.html
  femto test --replay event.recording
  femto test --fuzz 30s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cf.check(cmd, asJSON); err != nil {
				return err
			}
			p, err := openProject()
			if err != nil {
				return err
			}
			b, err := buildProject(cmd, p)
			if err != nil {
				return err
			}
			var watch testtable.Watch
			var c *covering
			if cf.on() {
				if c, err = cf.start(p, b.Built); err != nil {
					return err
				}
				watch = c
			}
			r, err := testProject(cmd.Context(), p, b.Built, true, watch)
			if err != nil {
				return err
			}
			for _, file := range recordings {
				if err := r.replay(cmd, p, b.Built, file, watch); err != nil {
					return err
				}
			}
			if fuzz > 0 {
				if err := r.fuzz(cmd.Context(), p, b.Built, fuzz, watch); err != nil {
					return err
				}
			}
			if c != nil {
				r.Cover = c.cover.Report()
				if err := cf.write(cmd, c, r.Cover, asJSON); err != nil {
					return err
				}
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.test/1", r)
			} else {
				err = r.print(cmd, cf.stdout())
			}
			if err == nil && len(r.problems) > 0 {
				err = r.problems
			}
			return err
		},
	}
	cmd.Flags().DurationVar(&fuzz, "fuzz", 0, "make up contexts and results of helpers for this `TIME`, such as 30s")
	cmd.Flags().StringArrayVar(&recordings, "replay", nil, "execute again what a device recorded in `FILE`, too; repeatable")
	cf.add(cmd)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// testProject runs the tests of a project: tables, which watch, if there is one,
// looks at, and those for this computer if native.
func testProject(ctx context.Context, p *project.Project, b *project.Built, native bool, watch testtable.Watch) (*testReport, error) {
	r := &testReport{Tests: []*testtable.Outcome{}, Left: []string{}, Findings: []string{}, Budget: p.Config.Budget.Instructions}
	files, err := filepath.Glob(filepath.Join(p.Dir, "tests", "*.toml"))
	if err != nil {
		return nil, err
	}
	s := &testtable.Subject{Image: b.Image, Hook: b.Hook, Budget: p.Config.Budget.Instructions, Watch: watch}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, projectError(err)
		}
		tests, err := testtable.Parse(filepath.ToSlash(file), content)
		if err != nil {
			return nil, err
		}
		for i := range tests {
			o, err := tests[i].Run(s)
			if err != nil {
				return nil, err
			}
			r.add(p, b.Debug, o)
		}
	}
	if native {
		if err := r.native(ctx, p); err != nil {
			return nil, err
		}
	}
	// What a test says counts more than what a budget says.
	slices.SortStableFunc(r.problems, func(a, b *diagnose.Diagnostic) int { return rank(a) - rank(b) })
	return r, nil
}

func rank(d *diagnose.Diagnostic) int {
	if d.Code == diagnose.OverBudget {
		return 1
	}
	return 0
}

// add takes in the outcome of a test. A fault is shown at the line of the
// source, too.
func (r *testReport) add(p *project.Project, debug *build.Debug, o *testtable.Outcome) {
	r.Tests = append(r.Tests, o)
	r.Most = max(r.Most, o.Instructions)
	if o.OK {
		return
	}
	r.Failed++
	if res := &o.Result; res.Fault != vm.OK {
		at := faultDiagnostic(p.Dir, debug, res.Fault, res.PC, res.Address, "")[0]
		o.Problems[0].Why = at.Why
		if at.Place.File != "" {
			o.Problems[0].Why = "at " + at.Place.String() + ": " + strings.TrimSpace(at.Place.Text)
		}
	}
	r.problems = append(r.problems, o.Problems...)
}

// replay makes tests of what a device recorded of the project's image.
func (r *testReport) replay(cmd *cobra.Command, p *project.Project, b *project.Built, file string, watch testtable.Watch) error {
	rec, err := (&replayFlags{file: file}).read(cmd)
	if err != nil {
		return err
	}
	s, err := rec.Start(b.Image)
	if errors.Is(err, replay.ErrDigest) {
		return &commandError{exit: exitMismatch, what: file + " is of another image than this project's", where: remote.Digest(rec.Digest).String(),
			why: "the sources have changed since it was recorded", try: []string{command("femto", "run", "--replay", file)}, err: err}
	} else if err != nil {
		return replayError(file, err)
	}
	var before vm.Trace
	if watch != nil {
		before = watch.Before
	}
	for n := 1; n <= rec.Len(); n++ {
		did, err := s.Next(before)
		if err != nil {
			return replayError(file, err)
		}
		if watch != nil {
			watch.End()
		}
		o := &testtable.Outcome{Name: fmt.Sprintf("activation %d of %s", n, rec.Container()), File: filepath.ToSlash(file),
			OK: did.Status != vm.Faulted, Instructions: int(did.Instructions + did.Charged)}
		o.Result.Fault, o.Result.PC, o.Result.Address = did.Fault, did.PC, did.Address
		if !o.OK {
			o.Problems = diagnose.List{{Code: diagnose.TestFailed, What: fmt.Sprintf("%s: the container was stopped: %v", o.Name, did.Fault),
				Place: diagnose.Place{File: o.File}}}
		}
		r.add(p, b.Debug, o)
	}
	return nil
}

// native compiles tests/*.c for this computer and runs them.
func (r *testReport) native(ctx context.Context, p *project.Project) error {
	files, err := filepath.Glob(filepath.Join(p.Dir, "tests", "*.c"))
	if err != nil || len(files) == 0 {
		return err
	}
	cc, sanitizers, err := nativeCompiler()
	if err != nil {
		for _, file := range files {
			r.Left = append(r.Left, filepath.ToSlash(file))
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "femto-test-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	headers := filepath.Join(dir, "include")
	if err := build.WriteHeaders(headers); err != nil {
		return err
	}
	for _, file := range files {
		args := []string{"-std=c11", "-g", "-Wall", "-Wextra", "-Werror", "-I", headers, "-I", filepath.Join(p.Dir, "src")}
		if sanitizers {
			args = append(args, sanitizerFlags...)
		}
		program := filepath.Join(dir, "test")
		o := &testtable.Outcome{Name: filepath.Base(file), File: filepath.ToSlash(file), OK: true}
		out, err := runFor(ctx, cc, append(args, "-o", program, file)...)
		what := "does not compile for this computer"
		if err == nil {
			what = "failed"
			out, err = runFor(ctx, program)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			o.OK = false
			o.Problems = diagnose.List{{Code: diagnose.NativeTest, What: fmt.Sprintf("%s %s: %v", o.Name, what, err), Place: diagnose.Place{File: o.File},
				Why: firstWords(out), Err: err}}
		}
		r.Tests = append(r.Tests, o)
		if !o.OK {
			r.Failed++
			r.problems = append(r.problems, o.Problems...)
		}
	}
	return nil
}

// testTime is how long a unit test may take.
const testTime = 60 * time.Second

func runFor(ctx context.Context, name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, testTime)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		err = fmt.Errorf("exit status %d", exit.ExitCode())
	}
	return string(out), err
}

// firstWords is the line of a program's output that says most.
func firstWords(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		if strings.Contains(line, "ERROR:") || strings.Contains(line, "error:") {
			return strings.TrimSpace(strings.TrimLeft(line, "="))
		}
	}
	return strings.TrimSpace(lines[0])
}

// fuzz makes up inputs for a time and keeps those that stop the container.
func (r *testReport) fuzz(ctx context.Context, p *project.Project, b *project.Built, span time.Duration, watch testtable.Watch) error {
	ctx, cancel := context.WithTimeout(ctx, span)
	defer cancel()
	s := &testtable.Subject{Image: b.Image, Hook: b.Hook, Budget: p.Config.Budget.Instructions, Watch: watch}
	findings, tried, err := testtable.Fuzz(ctx, s, 0)
	if err != nil {
		return err
	}
	r.Inputs = tried
	for i := range findings {
		f := &findings[i]
		file := filepath.Join(p.Dir, "tests", f.File)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return projectError(err)
		}
		if err := os.WriteFile(file, f.Table, 0o644); err != nil {
			return projectError(err)
		}
		name := filepath.ToSlash(file)
		r.Findings = append(r.Findings, name)
		list := diagnose.List{f.Diagnostic(name, project.PlaceOf(b.Debug, f.Result.PC))}
		list.Read(p.Dir)
		r.problems = append(r.problems, list...)
	}
	return nil
}

// print writes a line for each test, and what they came to: to standard error if
// standard output is taken.
func (r *testReport) print(cmd *cobra.Command, taken bool) error {
	out := cmd.OutOrStdout()
	if taken {
		out = cmd.ErrOrStderr()
	}
	t := newTable(out)
	for _, o := range r.Tests {
		state, took := "ok", fmt.Sprintf("%d instructions", o.Instructions)
		if !o.OK {
			state = "FAIL"
		}
		if o.Instructions == 0 { // a unit test
			took = "on this computer"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", state, printable(o.Name), took)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if r.Cover != nil {
		if err := printCover(out, r.Cover); err != nil {
			return err
		}
	}
	w := cmd.ErrOrStderr()
	for _, file := range r.Left {
		fmt.Fprintf(w, "%s is left out: there is no C compiler for this computer\n", file)
	}
	most := fmt.Sprintf("at most %d instructions", r.Most)
	if r.Budget > 0 {
		most += fmt.Sprintf(" of %d", r.Budget)
	}
	fmt.Fprintf(w, "%d tests, %d failed; %s\n", len(r.Tests), r.Failed, most)
	if r.Inputs > 0 {
		fmt.Fprintf(w, "%d made-up inputs, %d findings\n", r.Inputs, len(r.Findings))
	}
	return nil
}
