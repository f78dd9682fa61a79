package project

import (
	"fmt"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/deepcheck"
	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// A Use is how much of something an image takes, and what femto.toml allows.
type Use struct {
	What  string `json:"what"`
	Unit  string `json:"unit"`
	Used  int    `json:"used"`
	Limit int    `json:"limit"` // 0: none
}

// A Report is what the check of a project found.
type Report struct {
	Uses    []Use    `json:"uses"`
	Helpers []string `json:"helpers"` // that it calls
	Granted []string `json:"granted"` // that femto.toml grants; null: any
	Stores  []int    `json:"stores"`  // entries: local, tenant, global
	Slots   int      `json:"slots"`

	// Deep is what following all ways through it found.
	Deep *deepcheck.Report `json:"deep"`
}

// Check compares an image with what every device demands and with what
// femto.toml allows. What it refuses is in the list.
func (p *Project) Check(b *Built) (*Report, diagnose.List) {
	img, bad := image.Parse(b.Image)
	if bad != image.OK {
		return nil, diagnose.List{{Code: diagnose.NotLoadable, What: "this is no image", Where: b.File, Why: bad.Error(), Err: bad}}
	}
	need, refused := vm.Check(img.Text(), everyHelper())
	if refused.Fault != vm.OK {
		list := diagnose.List{notLoadable(b.Debug, refused)}
		list.Read(p.Dir)
		return nil, list
	}
	c := p.Config
	r := &Report{
		Uses: []Use{
			{"flash", "B", len(b.Image), c.Budget.Flash},
			{"ram", "B", len(img.Data()), c.Budget.RAM},
			{"stack", "B", int(need.Stack), c.Budget.Stack},
		},
		Helpers: HelperNames(&need.Helpers), Stores: []int{c.Stores.Local, c.Stores.Tenant, c.Stores.Global}, Slots: len(img.Text()) / isa.Size,
	}
	if c.Grants.Helpers != nil {
		r.Granted = HelperNames(c.granted())
	}
	list := p.ungranted(b.Debug, img.Text())
	list = append(list, p.over(r, b)...)
	list.Read(p.Dir)
	return r, list
}

// over names the budgets that are exceeded.
func (p *Project) over(r *Report, b *Built) (list diagnose.List) {
	codes := map[string]diagnose.Code{"flash": diagnose.OverFlash, "ram": diagnose.OverRAM, "stack": diagnose.OverStack}
	for _, u := range r.Uses {
		if u.Limit > 0 && u.Used > u.Limit {
			list = append(list, &diagnose.Diagnostic{
				Code: codes[u.What], What: fmt.Sprintf("%s %d %s is over the budget of %d", u.What, u.Used, u.Unit, u.Limit),
				Place: p.place("budget", u.What), Try: []string{"femto image size " + b.File},
			})
		}
	}
	return list
}

// ungranted names the helpers that are called without grants.helpers having
// them, each where it is called first.
func (p *Project) ungranted(debug *build.Debug, text []byte) (list diagnose.List) {
	granted := p.Config.granted()
	for slot := 0; slot < len(text)/isa.Size; slot++ {
		in := isa.Decode(text[slot*isa.Size:])
		if in.Opcode != isa.ClassJMP|isa.CALL || in.Src != isa.CallHelper || granted.Has(uint8(in.Imm)) {
			continue
		}
		granted.Add(uint8(in.Imm))
		name := HelperName(uint8(in.Imm))
		list = append(list, &diagnose.Diagnostic{
			Code: diagnose.NotGranted, What: "the container calls " + name + ", which femto.toml does not grant", Place: PlaceOf(debug, slot),
			Where: fmt.Sprintf("slot %d", slot), Why: "grants.helpers does not list it", Fix: fmt.Sprintf("add %q to grants.helpers in %s, or do without", name, File),
		})
	}
	return list
}

// PlaceOf is where in the source the instruction at a slot comes from; empty if
// that is not known.
func PlaceOf(debug *build.Debug, slot int) diagnose.Place {
	if debug == nil {
		return diagnose.Place{}
	}
	line, ok := debug.Place(slot)
	if !ok {
		return diagnose.Place{}
	}
	return diagnose.Place{File: line.File, Line: line.Line, Column: line.Column}
}

func notLoadable(debug *build.Debug, refused vm.CheckError) *diagnose.Diagnostic {
	return &diagnose.Diagnostic{
		Code: diagnose.NotLoadable, What: "no device would load this: " + refused.Fault.Error(), Place: PlaceOf(debug, refused.PC),
		Where: fmt.Sprintf("slot %d of the text", refused.PC), Why: "every device makes this check before a container runs", Err: refused.Fault,
	}
}
