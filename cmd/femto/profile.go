package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/profile"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// profileReport is where a container's budget goes.
type profileReport struct {
	Container    string        `json:"container"`
	Activations  int64         `json:"activations"`
	Instructions int64         `json:"instructions"` // executed
	Cost         int64         `json:"cost"`         // charged by helpers
	Most         int64         `json:"most"`         // of budget, by one activation
	Faults       int           `json:"faults"`
	Functions    []profile.Row `json:"functions"`
	Lines        []profile.Row `json:"lines"`
	Helpers      []profile.Row `json:"helpers"`
}

// profileFlags are what femto profile is asked for.
type profileFlags struct {
	context contextFlags
	budget  int32
	count   int
	tests   bool
	replay  replayFlags
	device  connection
	pprof   string
	folded  string
	svg     string
	rows    int
	asJSON  bool
}

func newProfileCommand() *cobra.Command {
	var f profileFlags
	cmd := &cobra.Command{
		Use:   "profile [IMAGE]",
		Short: "Show where a container spends its budget",
		Long: `Runs the container of this project, or IMAGE, as femto run does, and counts the
instructions that it executes and what helpers charge, by function, line of the
source and helper. With --tests the tests of the project are what runs; with
--count the same activation is repeated, on a made-up device that keeps its stores;
with --replay all that a device recorded is executed again. The counts are exact:
each run of the same gives the same.

With --device it asks a device what its containers have spent so far, which it
counts by container only.

The files are for go tool pprof, for tools that read folded stacks, and for a
browser.`,
		Example: `  femto profile
  femto profile --tests -o profile.pb.gz
  femto profile fletcher32.bin --ctx-file input.txt --svg flames.svg
  femto profile --replay event.recording
  femto profile -d ` + exampleURI,
		Args: optionalArg("the IMAGE file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd, args); err != nil {
				return err
			}
			if cmd.Flags().Changed("device") {
				return f.runDevice(cmd)
			}
			r, err := f.run(cmd, args)
			if err != nil {
				return err
			}
			return f.write(cmd, r)
		},
	}
	f.context.add(cmd)
	flags := cmd.Flags()
	flags.Int32Var(&f.budget, "budget", 10_000_000, "`INSTRUCTIONS` that one activation may execute; of a project, those of femto.toml")
	flags.IntVar(&f.count, "count", 1, "run it `N` times")
	flags.BoolVar(&f.tests, "tests", false, "run tests/*.toml of the project")
	flags.StringVar(&f.replay.file, "replay", "", "execute again what a device recorded in `FILE`: see femto container record")
	f.device.addFlags(cmd)
	flags.StringVarP(&f.pprof, "output", "o", "", "write a profile for go tool pprof to `FILE`; - is standard output")
	flags.StringVar(&f.folded, "folded", "", "write folded stacks to `FILE`; - is standard output")
	flags.StringVar(&f.svg, "svg", "", "write a flame graph to `FILE`; - is standard output")
	flags.IntVar(&f.rows, "top", 10, "show `N` lines of each table; 0 is all")
	addJSONFlag(cmd, &f.asJSON)
	return cmd
}

func (f *profileFlags) check(cmd *cobra.Command, args []string) error {
	given := f.context.hex != "" || f.context.file != ""
	toStdout := 0
	for _, file := range []string{f.pprof, f.folded, f.svg} {
		if file == "-" {
			toStdout++
		}
	}
	switch {
	case f.budget < 1 || f.budget > vm.MaxBudget:
		return usageError(cmd, fmt.Errorf("--budget must be 1 to %d", vm.MaxBudget))
	case f.count < 1:
		return usageError(cmd, errors.New("--count must be at least 1"))
	case f.rows < 0:
		return usageError(cmd, errors.New("--top must not be below 0"))
	case cmd.Flags().Changed("device") && (len(args) > 0 || f.tests || f.replay.file != "" || given || cmd.Flags().Changed("count")):
		return usageError(cmd, errors.New("--device asks a device what it has counted: nothing is run here"))
	case f.replay.file != "" && (f.tests || given || cmd.Flags().Changed("count") || cmd.Flags().Changed("budget")):
		return usageError(cmd, errors.New("--replay has its own contexts and budget: it excludes --tests, --ctx, --ctx-file, --count and --budget"))
	case f.tests && (len(args) > 0 || given || cmd.Flags().Changed("count")):
		return usageError(cmd, errors.New("--tests runs the tests of a project: it excludes IMAGE, --ctx, --ctx-file and --count"))
	case toStdout > 1 || toStdout == 1 && f.asJSON:
		return usageError(cmd, errors.New("only one thing can go to standard output"))
	}
	return nil
}

// A profiled is what was run, and where its budget went.
type profiled struct {
	*profile.Profile
	sources symbols.Sources
	most    int64
	faults  []string
}

// profiling prepares to profile an image.
func profiling(name string, raw []byte, debug *build.Debug, hook string, folders ...string) (*profiled, *trace.Tracer, error) {
	program, err := symbols.Open(raw, debug, hook)
	if err != nil {
		return nil, nil, err
	}
	r := &profiled{Profile: profile.New(name, program), sources: symbols.Sources{Folders: folders}}
	return r, &trace.Tracer{Program: program, Each: r.Step}, nil
}

// took takes in what an activation came to.
func (r *profiled) took(res femtotest.Result, name string) {
	r.most = max(r.most, int64(res.Instructions))
	if res.Fault != vm.OK {
		r.faults = append(r.faults, fmt.Sprintf("%s: the container was stopped: %v at slot %d (%s)", name, res.Fault, res.PC, r.Program.Where(res.PC)))
	}
}

func (f *profileFlags) run(cmd *cobra.Command, args []string) (*profiled, error) {
	if f.replay.file != "" {
		return f.runReplay(cmd, args)
	}
	context, err := f.context.read(cmd)
	if err != nil {
		return nil, err
	}
	if f.context.hex == "" && f.context.file == "" {
		context = nil
	}
	config := femtotest.Config{Budget: f.budget}
	var raw []byte
	var debug *build.Debug
	var name string
	var folders []string
	if len(args) == 0 {
		p, err := openProject()
		if err != nil {
			return nil, err
		}
		b, err := p.Build(cmd.Context())
		if err != nil {
			return nil, projectError(err)
		}
		if f.tests {
			return profileTests(cmd, p, b)
		}
		if config.Hook = b.Hook; !cmd.Flags().Changed("budget") {
			config.Budget = 0
		}
		raw, debug, name, folders = b.Image, b.Debug, p.Config.Container.Name, []string{p.Dir}
	} else {
		opened, _, err := readProgram(cmd, args[0])
		if err != nil {
			return nil, err
		}
		raw, debug = opened.Bytes, opened.Debug
		name, folders = containerName(args[0], raw), foldersOf(args[0])
	}
	c, err := femtotest.Open(raw, config)
	if err != nil {
		return nil, &commandError{exit: exitRejected, what: name + " cannot be run", why: err.Error(), err: err}
	}
	c.Sensors = femtotest.SomeSensors()
	r, tracer, err := profiling(name, raw, debug, c.Hook(), folders...)
	if err != nil {
		return nil, err
	}
	c.Before = tracer.Before
	var res femtotest.Result
	for i := range f.count {
		if cmd.Context().Err() != nil {
			return nil, cmd.Context().Err()
		}
		if res.Waiting {
			res = c.Advance(time.Second)
		} else {
			res = c.Fire(context)
			c.Clock += time.Second
		}
		tracer.End()
		r.took(res, fmt.Sprintf("activation %d", i+1))
	}
	return r, nil
}

// runReplay executes all activations of a recording again.
func (f *profileFlags) runReplay(cmd *cobra.Command, args []string) (*profiled, error) {
	rec, err := f.replay.open(cmd, args)
	if err != nil {
		return nil, err
	}
	r, tracer, err := profiling(rec.Container(), rec.image.Bytes, rec.image.Debug, rec.Hook, rec.folders()...)
	if err != nil {
		return nil, err
	}
	s, err := rec.Start(rec.image.Bytes)
	if err != nil {
		return nil, replayError(f.replay.file, err)
	}
	for n := 1; n <= rec.Len(); n++ {
		o, err := s.Next(tracer.Before)
		if err != nil {
			return nil, replayError(f.replay.file, err)
		}
		tracer.End()
		r.took(femtotest.Result{Fault: o.Fault, PC: o.PC, Instructions: int(o.Instructions + o.Charged)}, fmt.Sprintf("activation %d", n))
	}
	return r, nil
}

// profileTests runs the tests of a project, whatever they come to.
func profileTests(cmd *cobra.Command, p *project.Project, b *project.Built) (*profiled, error) {
	r, tracer, err := profiling(p.Config.Container.Name, b.Image, b.Debug, b.Hook, p.Dir)
	if err != nil {
		return nil, err
	}
	tests, err := testProject(cmd.Context(), p, b, false, tracer)
	if err != nil {
		return nil, err
	}
	for _, test := range tests.Tests {
		r.took(test.Result, test.Name)
	}
	r.most = int64(tests.Most)
	return r, nil
}

// containerName is what an image calls itself, or else its file.
func containerName(file string, raw []byte) string {
	if name := contractOf(raw).Name; name != "" {
		return name
	}
	return file
}

func (f *profileFlags) write(cmd *cobra.Command, r *profiled) error {
	for _, fault := range r.faults {
		fmt.Fprintln(cmd.ErrOrStderr(), printable(fault))
	}
	frames := r.Frames(&r.sources)
	table, err := f.files(cmd, r.WritePprof, frames.WriteFolded, frames.WriteSVG)
	if err != nil {
		return err
	}
	if f.asJSON {
		return writeJSON(cmd.OutOrStdout(), "femto.profile/1", &profileReport{
			Container: r.Name, Activations: r.Total.Calls, Instructions: r.Total.Instructions, Cost: r.Total.Cost, Most: r.most,
			Faults: len(r.faults), Functions: r.Functions(), Lines: r.Lines(), Helpers: r.Helpers(),
		})
	}
	if !table {
		return nil
	}
	return f.print(cmd, r)
}

// files writes the files that were asked for, and reports whether standard output
// is left for a table.
func (f *profileFlags) files(cmd *cobra.Command, pprof, folded, svg func(io.Writer) error) (table bool, err error) {
	table = true
	for _, out := range []struct {
		file  string
		write func(w io.Writer) error
	}{{f.pprof, pprof}, {f.folded, folded}, {f.svg, svg}} {
		switch out.file {
		case "":
			continue
		case "-":
			table = false
			if err := out.write(cmd.OutOrStdout()); err != nil {
				return false, err
			}
			continue
		}
		if err := writeFile(out.file, out.write); err != nil {
			return false, err
		}
		if !f.asJSON {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s is written\n", printable(out.file))
		}
	}
	return table, nil
}

// writeFile makes a file of what write writes.
func writeFile(file string, write func(w io.Writer) error) error {
	out, err := os.Create(file)
	if errors.Is(err, fs.ErrNotExist) {
		return &commandError{exit: exitUsage, what: "cannot write " + file, why: "there is no such folder", err: err}
	}
	if err != nil {
		return &commandError{exit: exitUsage, what: "cannot write " + file, why: reason(err), err: err}
	}
	err = errors.Join(write(out), out.Close())
	if err != nil {
		return &commandError{exit: exitFailure, what: "cannot write " + file, why: reason(err), err: err}
	}
	return nil
}

func (f *profileFlags) print(cmd *cobra.Command, r *profiled) error {
	total := r.Total.Budget()
	percent := func(n int64) string {
		if total == 0 {
			return "0 %"
		}
		return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total))
	}
	t := newTable(cmd.OutOrStdout())
	functions, lines, helpers := f.top(r.Functions()), f.top(r.Lines()), f.top(r.Helpers())
	fmt.Fprintf(t, "BUDGET\tSHARE\tWITH CALLED\tINSTRUCTIONS\tHELPERS\tCALLS\tFUNCTION\n")
	for _, row := range functions {
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t%d\t%d\t%s\n", row.Budget(), percent(row.Budget()), row.Sum, row.Instructions, row.Cost, row.Counts.Calls, printable(row.Name))
	}
	if len(lines) > 0 {
		fmt.Fprintf(t, "\nBUDGET\tSHARE\tINSTRUCTIONS\tHELPERS\tLINE\n")
	}
	for _, row := range lines {
		text := strings.TrimSpace(r.sources.Line(row.File, row.Line))
		fmt.Fprintf(t, "%d\t%s\t%d\t%d\t%s\n", row.Budget(), percent(row.Budget()), row.Instructions, row.Cost, printable(strings.TrimSpace(row.Name+"  "+text)))
	}
	if len(helpers) > 0 {
		fmt.Fprintf(t, "\nBUDGET\tSHARE\tCALLS\tHELPER\n")
	}
	for _, row := range helpers {
		fmt.Fprintf(t, "%d\t%s\t%d\t%s\n", row.Cost, percent(row.Cost), row.Counts.Calls, printable(row.Name))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	activations := "1 activation"
	if r.Total.Calls != 1 {
		activations = fmt.Sprintf("%d activations", r.Total.Calls)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s, at most %d of budget: %d instructions and %d for helpers in all\n", activations, r.most, r.Total.Instructions, r.Total.Cost)
	return nil
}

func (f *profileFlags) top(rows []profile.Row) []profile.Row {
	if f.rows > 0 && len(rows) > f.rows {
		return rows[:f.rows]
	}
	return rows
}
