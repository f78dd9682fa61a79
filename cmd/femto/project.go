package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/deepcheck"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/project"
	"github.com/femto-containers/femto/vm"
)

// openProject finds the project that the command is called in.
func openProject() (*project.Project, error) {
	p, err := project.Find(".")
	return p, projectError(err)
}

// projectIn opens the project that args name, a folder or its femto.toml, or without
// args the one that the command is called in. nil: args are something else.
func projectIn(args []string) (*project.Project, error) {
	if len(args) == 0 {
		return openProject()
	}
	dir := args[0]
	if filepath.Base(dir) == project.File {
		dir = filepath.Dir(dir)
	}
	if info, err := os.Stat(dir); len(args) > 1 || err != nil || !info.IsDir() {
		return nil, nil
	}
	p, err := project.Open(filepath.Clean(dir))
	if errors.Is(err, os.ErrNotExist) {
		return nil, diagnose.List{{Code: diagnose.NoProject, What: "this is no femto project", Where: dir, Why: "the folder has no " + project.File,
			Try: []string{command("femto", "init", filepath.Join(dir, "hello"))}}}
	}
	return p, projectError(err)
}

// projectError puts what goes wrong with files of a project into words.
func projectError(err error) error {
	var list diagnose.List
	var said *commandError
	var path *os.PathError
	if err == nil || errors.As(err, &list) || errors.As(err, &said) || !errors.As(err, &path) {
		return err
	}
	return &commandError{exit: exitUsage, what: "cannot read or write " + path.Path, why: reason(err), err: err}
}

// built is a project's image and what its check found.
type built struct {
	*project.Project
	*project.Built
	report *project.Report
}

// withinBudget refuses an image whose worst case is proven to take more
// instructions than femto.toml allows.
func withinBudget(p *project.Project, b *built) error {
	_, certain := p.Deep(b.Built)
	over := slices.DeleteFunc(certain, func(d *diagnose.Diagnostic) bool { return d.Code != diagnose.OverBudget })
	if len(over) > 0 {
		return over
	}
	return nil
}

// buildProject makes the project's image, if what it is made of has changed,
// and checks it.
func buildProject(cmd *cobra.Command, p *project.Project) (*built, error) {
	b, err := p.Build(cmd.Context())
	if err != nil {
		return nil, projectError(err)
	}
	report, list := p.Check(b)
	if len(list) > 0 {
		return nil, list
	}
	images.Keep(b.Image, b.Debug, p.Dir)
	return &built{p, b, report}, nil
}

// keyFileOf is the project's key, unless a flag or the environment names one.
func keyFileOf(cmd *cobra.Command, p *project.Project, named string) string {
	if cmd.Flags().Changed("key") || os.Getenv("FEMTO_KEY") != "" {
		return named
	}
	return filepath.Join(p.Dir, named)
}

// sideFile finds the side file of an image: beside it, or in a project's
// folder there. nil: there is none.
func sideFile(imageFile string, raw []byte) *build.Debug {
	dir := filepath.Dir(imageFile)
	for _, d := range []string{dir, filepath.Join(dir, project.Folder)} {
		if file, err := os.ReadFile(filepath.Join(d, build.DebugName(raw))); err == nil {
			if debug, err := build.ParseDebug(file, raw); err == nil {
				return debug
			}
		}
	}
	return nil
}

// usesText is a report in one line, for people.
func usesText(r *project.Report) string {
	var parts []string
	for _, u := range r.Uses {
		text := fmt.Sprintf("%s %d %s", u.What, u.Used, u.Unit)
		if u.Limit > 0 {
			text = fmt.Sprintf("%s %d of %d %s", u.What, u.Used, u.Limit, u.Unit)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

// printReport writes a report as a table, and if all is set what is left to run
// time.
func printReport(w io.Writer, p *project.Project, r *project.Report, all bool) error {
	t := newTable(w)
	for _, u := range r.Uses {
		limit := ""
		if u.Limit > 0 {
			limit = fmt.Sprintf("of %d", u.Limit)
		}
		fmt.Fprintf(t, "%s\t%d %s\t%s\n", u.What, u.Used, u.Unit, limit)
	}
	limit := ""
	if n := p.Config.Budget.Instructions; n > 0 {
		limit = fmt.Sprintf("of %d per activation", n)
	}
	deep := r.Deep
	switch {
	case deep.Instructions.Known:
		fmt.Fprintf(t, "instructions\tat most %d\t%s\n", deep.Instructions.Most, limit)
	case limit != "":
		fmt.Fprintf(t, "instructions\tnot bounded\t%s, enforced when it runs: %s\n", limit, deep.Instructions.Why)
	default:
		fmt.Fprintf(t, "instructions\tnot bounded\t%s\n", deep.Instructions.Why)
	}
	open := ""
	if n := deep.Accesses.Total - deep.Accesses.Safe; n > 0 {
		open = fmt.Sprintf("%d left to run time", deep.Accesses.RunTime)
		if deep.Accesses.Fault > 0 {
			open += fmt.Sprintf(", %d certain to fault", deep.Accesses.Fault)
		}
	}
	fmt.Fprintf(t, "memory\t%d of %d accesses safe\t%s\n", deep.Accesses.Safe, deep.Accesses.Total, open)
	granted := "any is granted"
	if r.Granted != nil {
		granted = "granted " + dash(strings.Join(p.Config.Granted(), " "))
	}
	fmt.Fprintf(t, "helpers\t%s\t%s\n", dash(strings.Join(r.Helpers, " ")), granted)
	fmt.Fprintf(t, "stores\tlocal %d, tenant %d, global %d\tentries\n", r.Stores[0], r.Stores[1], r.Stores[2])
	if err := t.Flush(); err != nil || !all {
		return err
	}
	return printFindings(w, deep)
}

// printFindings writes what the deep check could not prove.
func printFindings(w io.Writer, deep *deepcheck.Report) error {
	if used := deep.Stack.Used; used != nil {
		fmt.Fprintf(w, "\nof the stack at most %d B are accessed, by %s\n", *used, strings.Join(deep.Stack.Calls, " → "))
	}
	for i := range deep.Findings {
		f := &deep.Findings[i]
		place := fmt.Sprintf("instruction %d", f.Slot)
		if f.File != "" {
			place = fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column)
		}
		fmt.Fprintf(w, "\n%s: %s\n  left to: %s\n", place, f.What, map[bool]string{true: "run time", false: "nothing: it is certain to fault"}[f.Verdict == deepcheck.Open.String()])
		for _, why := range f.Why {
			fmt.Fprintf(w, "  why: %s\n", why)
		}
		if f.Try != "" {
			fmt.Fprintf(w, "  fix: %s\n", f.Try)
		}
	}
	return nil
}

// faultCodes are the numbers of what stops containers.
var faultCodes = map[vm.Fault]diagnose.Code{
	vm.FaultMemory: diagnose.MemoryFault, vm.FaultBudget: diagnose.BudgetFault,
	vm.FaultArgument: diagnose.ArgumentFault, vm.FaultDepth: diagnose.DepthFault,
}

// faultDiagnostic says what stopped a container, at a line of its source if
// debug has one.
func faultDiagnostic(dir string, debug *build.Debug, fault vm.Fault, slot int, address uint64, where string) diagnose.List {
	code := faultCodes[fault]
	if code == 0 {
		code = diagnose.OtherFault
	}
	d := &diagnose.Diagnostic{Code: code, What: "the container was stopped: " + fault.Error(), Where: where, Err: fault,
		Why: fmt.Sprintf("at instruction %d", slot)}
	if debug != nil {
		d.Place = project.PlaceOf(debug, slot)
		if f, ok := debug.Function(slot); ok {
			d.Why = fmt.Sprintf("at instruction %d, in %s", slot, f.Name)
		}
	}
	if reason := trapReason(debug, fault, slot); reason != "" {
		d.Code, d.What = diagnose.TrapFault, "the container stopped itself: "+reason
	} else if fault == vm.FaultMemory {
		d.Why += ", which is for address " + addressText(address)
	}
	list := diagnose.List{d}
	list.Read(dir)
	return list
}

// trapReason says why a container in Go stopped itself, "" if it did not.
func trapReason(debug *build.Debug, fault vm.Fault, slot int) string {
	if debug == nil || fault != vm.FaultMemory {
		return ""
	}
	return debug.Trap(slot)
}

// addressText says in which region an address lies.
func addressText(address uint64) string {
	names := []string{vm.RegionNull: "null", vm.RegionStack: "the stack", vm.RegionContext: "the context", vm.RegionData: "the variables", vm.RegionRodata: "the constants"}
	region := int(address >> 28)
	if address>>32 != 0 || region >= len(names) {
		return fmt.Sprintf("%#x", address)
	}
	return fmt.Sprintf("%#x, %+d in %s", address, int32(address<<4)>>4, names[region])
}
