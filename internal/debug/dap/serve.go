// Package dap serves a debug.Session to editors, in the Debug Adapter Protocol.
package dap

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/google/go-dap"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/vm"
)

// Launch are the arguments of a launch request, of the editor's launch file.
type Launch struct {
	Project     string `json:"project"` // folder with femto.toml
	Program     string `json:"program"` // an image, instead
	Hook        string `json:"hook"`    // on which it runs; "": what project or image say
	Context     string `json:"context"` // of the activation, in hexadecimal; "": the hook's own
	Count       int    `json:"count"`   // activations, at least 1
	Advance     string `json:"advance"` // time to let pass after them, such as "10s"
	Budget      int32  `json:"budget"`  // instructions
	Replay      string `json:"replay"`  // a recording, instead of contexts
	StopOnEntry bool   `json:"stopOnEntry"`
	StopOnEnd   bool   `json:"stopOnEnd"` // so that one can go back from there
	NoDebug     bool   `json:"noDebug"`
}

// Fill takes from m what l does not say.
func (l *Launch) Fill(m *Launch) {
	if l.Project == "" && l.Program == "" {
		l.Project, l.Program = m.Project, m.Program
	}
	if l.Replay == "" && l.Context == "" {
		l.Replay, l.Context = m.Replay, m.Context
	}
	l.Hook, l.Advance = cmp.Or(l.Hook, m.Hook), cmp.Or(l.Advance, m.Advance)
	l.Count, l.Budget = cmp.Or(l.Count, m.Count), cmp.Or(l.Budget, m.Budget)
}

// A Target is what a launch request has opened.
type Target struct {
	Name    string
	Config  debug.Config
	Folder  string           // in which the sources are
	Sources *symbols.Sources // by their names in the side file
	Hook    string
}

// Open opens what a launch request names. What cannot be is an error that people
// can read.
type Open func(context.Context, *Launch) (*Target, error)

// Serve answers a client until it disconnects. The session belongs to the
// goroutine that calls it.
func Serve(ctx context.Context, r io.Reader, w io.Writer, open Open) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c := &connection{ctx: ctx, w: w, open: open, requests: make(chan request, 64), lines: map[string][]*debug.Breakpoint{}}
	go c.read(r)
	defer func() {
		if s := c.session.Load(); s != nil {
			s.Close()
		}
	}()
	for !c.done {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case in, ok := <-c.requests:
			if !ok {
				return c.readErr
			}
			c.handle(in)
		}
		if c.writeErr != nil {
			return fmt.Errorf("debug adapter: %w", c.writeErr)
		}
	}
	return nil
}

// connection is one client and its session.
type connection struct {
	ctx      context.Context
	w        io.Writer
	open     Open
	requests chan request // closed when the client is gone
	readErr  error
	writeErr error
	sequence int
	done     bool

	launch  Launch
	target  *Target
	session atomic.Pointer[debug.Session]
	running bool
	halt    string     // why a request has stopped what runs
	over    bool       // the client was told that the session is
	ended   *debug.End // that the session has last stopped for

	lines        map[string][]*debug.Breakpoint // by the path that the client gave
	functions    []*debug.Breakpoint
	instructions []*debug.Breakpoint
	data         []*debug.Breakpoint

	frames     []debug.Frame
	containers []func() []dap.Variable // by variablesReference, from 1
	setters    []setter                // beside them
}

// setter sets what a container of variables calls name.
type setter func(name, value string) (debug.Value, error)

// request is what a client has asked, or what is wrong with it.
type request struct {
	message dap.Message
	err     error
}

// read hands requests over, and lets a session that runs attend to them.
func (c *connection) read(r io.Reader) {
	defer c.attention()
	defer close(c.requests)
	in := bufio.NewReader(r)
	for {
		content, err := dap.ReadBaseMessage(in)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.readErr = fmt.Errorf("debug adapter: %w", err)
			}
			return
		}
		message, err := dap.DecodeProtocolMessage(content)
		if err != nil {
			plain := &dap.Request{}
			if json.Unmarshal(content, plain) != nil || plain.Seq == 0 {
				c.readErr = fmt.Errorf("debug adapter: %w", err)
				return
			}
			message = plain
		}
		select {
		case c.requests <- request{message, err}:
		case <-c.ctx.Done():
			return
		}
		c.attention()
	}
}

func (c *connection) attention() {
	if s := c.session.Load(); s != nil {
		s.Pause()
	}
}

// attend answers requests while the container runs.
func (c *connection) attend() (stop bool) {
	for {
		select {
		case in, ok := <-c.requests:
			if !ok {
				c.done, c.halt = true, "gone"
				return true
			}
			c.handle(in)
		default:
			return c.halt != ""
		}
	}
}

// run lets the session go on until something stops it, and tells the client.
func (c *connection) run(step func() debug.Stop) {
	s := c.session.Load()
	c.running, c.halt = true, ""
	stop := step()
	c.running = false
	c.frames, c.containers, c.setters = nil, nil, nil
	body := dap.StoppedEventBody{ThreadId: thread, AllThreadsStopped: true}
	c.ended = nil
	switch stop.Reason {
	case debug.Paused:
		if c.halt == "gone" {
			return
		}
		body.Reason = "pause"
	case debug.Hit:
		b := stop.Breakpoints[0]
		switch {
		case slices.Contains(c.functions, b):
			body.Reason = "function breakpoint"
		case slices.Contains(c.instructions, b):
			body.Reason = "instruction breakpoint"
		case slices.Contains(c.data, b):
			body.Reason = "data breakpoint"
		default:
			body.Reason = "breakpoint"
		}
		for _, b := range stop.Breakpoints {
			body.HitBreakpointIds = append(body.HitBreakpointIds, b.ID)
		}
		body.Description = "Paused at " + b.Name
		if stop.Err != nil {
			body.Text = "its condition: " + stop.Err.Error()
		}
	case debug.Beginning:
		body.Reason, body.Description = "entry", "This is as far back as is kept"
	case debug.Faulted:
		c.ended = stop.End
		body.Reason, body.Description, body.Text = "exception", "The container was stopped", s.EndText(stop.End)
	case debug.Ended:
		if !c.launch.StopOnEnd {
			c.terminated(stop.End)
			return
		}
		c.ended = stop.End
		body.Reason, body.Description = "end", "The last activation has ended"
		if stop.End != nil {
			body.Text = s.EndText(stop.End)
		}
	default:
		body.Reason = "step"
	}
	c.event("stopped", &dap.StoppedEvent{Body: body})
}

// terminated says that there is nothing left to run.
func (c *connection) terminated(end *debug.End) {
	if c.over {
		return
	}
	c.over = true
	code := 0
	if end != nil && end.Fault != vm.OK {
		code = 1
	}
	c.event("exited", &dap.ExitedEvent{Body: dap.ExitedEventBody{ExitCode: code}})
	c.event("terminated", &dap.TerminatedEvent{})
}

// output tells of what happens.
func (c *connection) output(o debug.Output) {
	if o.End == nil {
		c.print("stdout", o.Line+"\n")
		return
	}
	category := "console"
	if o.End.Fault != vm.OK || o.End.Err != nil {
		category = "stderr"
	}
	c.print(category, c.session.Load().EndText(o.End)+"\n")
}

func (c *connection) print(category, text string) {
	c.event("output", &dap.OutputEvent{Body: dap.OutputEventBody{Category: category, Output: text}})
}

func (c *connection) event(name string, message dap.EventMessage) {
	c.sequence++
	e := message.GetEvent()
	e.Seq, e.Type, e.Event = c.sequence, "event", name
	c.write(message)
}

func (c *connection) respond(to *dap.Request, message dap.ResponseMessage) {
	c.sequence++
	r := message.GetResponse()
	r.Seq, r.Type, r.Command, r.RequestSeq, r.Success = c.sequence, "response", to.Command, to.Seq, true
	c.write(message)
}

func (c *connection) refuse(to *dap.Request, err error) {
	c.sequence++
	r := &dap.ErrorResponse{}
	r.Seq, r.Type, r.Command, r.RequestSeq, r.Message = c.sequence, "response", to.Command, to.Seq, err.Error()
	r.Body.Error = &dap.ErrorMessage{Id: 1, Format: strings.NewReplacer("{", "(", "}", ")").Replace(err.Error()), ShowUser: true}
	c.write(r)
}

func (c *connection) write(m dap.Message) {
	if c.writeErr == nil {
		c.writeErr = dap.WriteProtocolMessage(c.w, m)
	}
}
