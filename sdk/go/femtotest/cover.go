package femtotest

import (
	"fmt"
	"io"

	"github.com/femto-containers/femto/internal/build"
	"github.com/femto-containers/femto/internal/cover"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/internal/trace"
	"github.com/femto-containers/femto/vm"
)

// A Coverage notes which lines and branches of a container's source were
// executed.
type Coverage struct {
	tracer trace.Tracer
	cover  *cover.Cover
}

// Cover notes what the container executes from now on. sideFile is the content
// of the image's side file, .femto/DIGEST.debug.json in a project. It sets
// Before, and what was there is called as well.
func (c *Container) Cover(sideFile []byte) (*Coverage, error) {
	debug, err := build.ParseDebug(sideFile, c.raw)
	if err != nil {
		return nil, fmt.Errorf("cover: %w", err)
	}
	program, err := symbols.Open(c.raw, debug, c.config.Hook)
	if err != nil {
		return nil, fmt.Errorf("cover: %w", err)
	}
	v := &Coverage{cover: cover.New(program)}
	v.tracer = trace.Tracer{Program: program, Each: v.cover.Step}
	before := c.Before
	c.Before = func(m *vm.Machine) {
		v.tracer.Before(m)
		if before != nil {
			before(m)
		}
	}
	return v, nil
}

// Lines returns how many lines were executed so far, of those that have code.
func (v *Coverage) Lines() (executed, all int) {
	lines := v.report().Lines
	return lines.Hit, lines.All
}

// WriteLCOV writes a tracefile for lcov and its like. folder is where the
// project is, from where the tracefile is read.
func (v *Coverage) WriteLCOV(w io.Writer, folder string) error {
	return v.report().WriteLCOV(w, folder)
}

func (v *Coverage) report() *cover.Report {
	v.tracer.End()
	return v.cover.Report()
}
