package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/vm"
)

// traceFlags say what of a run is shown instruction by instruction.
type traceFlags struct {
	kinds     string
	functions []string
	limit     int
}

const everyKind = "all"

func (f *traceFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.kinds, "trace", "", "print what each instruction does; `KINDS` of them, comma-separated: "+strings.Join(trace.Kinds, ", "))
	flags.Lookup("trace").NoOptDefVal = everyKind
	flags.StringArrayVar(&f.functions, "trace-function", nil, "only those of the function `NAME`; may be repeated")
	flags.IntVar(&f.limit, "trace-limit", 10_000, "at most `N` of them; 0 is no limit")
}

// on reports whether a trace is wanted.
func (f *traceFlags) on() bool { return f.kinds != "" }

// filter reads the flags.
func (f *traceFlags) filter(cmd *cobra.Command) (trace.Filter, error) {
	filter := trace.Filter{Functions: f.functions, Limit: f.limit}
	if !f.on() && (cmd.Flags().Changed("trace-function") || cmd.Flags().Changed("trace-limit")) {
		f.kinds = everyKind // which they make no sense without
	}
	if f.limit < 0 {
		return filter, usageError(cmd, fmt.Errorf("--trace-limit %d: must not be below 0", f.limit))
	}
	for _, kind := range strings.Split(f.kinds, ",") {
		switch kind = strings.TrimSpace(kind); {
		case kind == "" || kind == everyKind:
		case !slices.Contains(trace.Kinds, kind):
			return filter, usageError(cmd, fmt.Errorf("--trace=%s: there is no kind %q, but %s, %s", f.kinds, kind, everyKind, strings.Join(trace.Kinds, ", ")))
		default:
			filter.Kinds = append(filter.Kinds, kind)
		}
	}
	return filter, nil
}

// tracing is a trace that is being written. nil is none.
type tracing struct {
	cmd    *cobra.Command
	tracer trace.Tracer
	writer trace.Writer
}

// start prepares to trace an image, whose sources are looked for in folders.
func (f *traceFlags) start(cmd *cobra.Command, raw []byte, debug *build.Debug, hook string, asJSON bool, folders ...string) (*tracing, error) {
	filter, err := f.filter(cmd)
	if err != nil || !f.on() {
		return nil, err
	}
	program, err := symbols.Open(raw, debug, hook)
	if err != nil {
		return nil, err
	}
	for _, name := range filter.Functions {
		if !slices.ContainsFunc(program.Functions, func(f symbols.Function) bool { return f.Name == name }) {
			return nil, usageError(cmd, fmt.Errorf("--trace-function %s: the functions are %s", name, functionNames(program)))
		}
	}
	t := &tracing{cmd: cmd, writer: trace.Writer{W: cmd.OutOrStdout(), JSON: asJSON, Program: program,
		Sources: &symbols.Sources{Folders: folders}, Filter: filter}}
	t.tracer = trace.Tracer{Program: program, Detail: true, Each: t.writer.Step}
	return t, nil
}

func functionNames(p *symbols.Program) string {
	var names []string
	for _, f := range p.Functions {
		names = append(names, printable(f.Name))
	}
	return strings.Join(names, ", ")
}

// before is what the machine calls before each instruction.
func (t *tracing) before() vm.Trace {
	if t == nil {
		return nil
	}
	return t.tracer.Before
}

// end ends the last step, and says what is not shown.
func (t *tracing) end() error {
	if t == nil {
		return nil
	}
	t.tracer.End()
	if err := t.writer.End(); err != nil {
		return err
	}
	if n := t.writer.LeftOut; n > 0 && !t.writer.JSON {
		fmt.Fprintf(t.cmd.ErrOrStderr(), "%d more are left out: --trace-limit is %d\n", n, t.writer.Filter.Limit)
	}
	return nil
}

// tracedRun is the last line of a trace in JSON.
type tracedRun struct {
	Schema string `json:"schema"`
	Type   string `json:"type"`
	*localRun
}

// foldersOf are where the sources of an image may lie: with it, or where the
// project is whose image it is.
func foldersOf(imageFile string) []string {
	dir := filepath.Dir(imageFile)
	return []string{dir, filepath.Dir(dir)}
}

// contractOf is what an image says it needs, nothing if it does not say.
func contractOf(raw []byte) *contract {
	if img, refused := image.Parse(raw); refused == image.OK {
		if c, refused := readContract(&img); c != nil && refused == image.OK {
			return c
		}
	}
	return &contract{}
}
