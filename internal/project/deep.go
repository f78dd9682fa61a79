package project

import (
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/deepcheck"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/vm"
)

var deepCodes = map[deepcheck.Kind]diagnose.Code{
	deepcheck.Nowhere: diagnose.NoRegion, deepcheck.OutsideStack: diagnose.OutsideStack, deepcheck.OutsideContext: diagnose.OutsideContext,
	deepcheck.OutsideData: diagnose.OutsideData, deepcheck.ReadOnly: diagnose.WriteToReadOnly,
}

// Deep follows all paths through an image that Check has accepted. What it is
// certain of, a fault or that the budget can be exceeded, is in the list.
func (p *Project) Deep(b *Built) (*deepcheck.Report, diagnose.List) {
	img, bad := image.Parse(b.Image)
	if bad != image.OK {
		return nil, nil
	}
	need, refused := vm.Check(img.Text(), everyHelper())
	if refused.Fault != vm.OK {
		return nil, nil
	}
	contract := deepcheck.ContractOf(&img)
	hook := author.HookID(b.Hook)
	if contract.Hook != nil {
		hook = uuid.UUID(contract.Hook)
	}
	env := deepcheck.ForImage(&img, need, hook)
	r := deepcheck.Analyze(env).Report(env, b.Debug)
	list := deepProblems(r)
	if limit := p.Config.Budget.Instructions; limit > 0 && r.Instructions.Known && r.Instructions.Most > uint64(limit) && !p.Config.Container.LongRunning {
		why := "this is the most that all contexts of the hook and all results of helpers allow"
		if r.Instructions.Why != "" {
			why = r.Instructions.Why + "; that is for all contexts of the hook and all results of helpers"
		}
		list = append(list, &diagnose.Diagnostic{
			Code: diagnose.OverBudget, What: fmt.Sprintf("an activation can take %d instructions, over the budget of %d", r.Instructions.Most, limit),
			Place: p.place("budget", "instructions"), Why: why,
			Fix: "make the work of an activation smaller, or the budget larger", Try: []string{"femto check --deep"},
		})
	}
	list.Read(p.Dir)
	return r, list
}

// Endless says that nothing bounds what an activation executes, and which loop it
// is; nil if something does, or if the container is long-running: then it waits. It
// is no error: devices stop an activation when its budget is spent.
func (p *Project) Endless(r *deepcheck.Report) *diagnose.Diagnostic {
	if r.Instructions.Known || r.GaveUp || p.Config.Container.LongRunning {
		return nil
	}
	d := &diagnose.Diagnostic{What: r.Instructions.Why, Where: "instructions", Fix: "compare what the loop counts with a constant, or with length"}
	d.Place = diagnose.Place{File: r.Instructions.File, Line: r.Instructions.Line, Column: r.Instructions.Column}
	d.Why = "devices stop an activation when the hook's budget is spent"
	if n := p.Config.Budget.Instructions; n > 0 {
		d.Why = fmt.Sprintf("devices stop an activation after %d instructions, by budget.instructions", n)
	}
	diagnose.List{d}.Read(p.Dir)
	return d
}

// deepProblems are the certain faults of a report.
func deepProblems(r *deepcheck.Report) (list diagnose.List) {
	for i := range r.Findings {
		f := &r.Findings[i]
		if f.Verdict != deepcheck.Fatal.String() {
			continue
		}
		d := &diagnose.Diagnostic{
			Code: deepCodes[f.Kind], What: "certain to fault: " + f.What, Where: fmt.Sprintf("instruction %d", f.Slot),
			Why: strings.Join(f.Why, "; "), Fix: f.Try, Err: vm.FaultMemory,
		}
		if f.File != "" {
			d.Place = diagnose.Place{File: f.File, Line: f.Line, Column: f.Column}
		}
		list = append(list, d)
	}
	return list
}
