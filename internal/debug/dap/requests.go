package dap

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/isa"
)

const (
	thread = 1

	// textBase is where the text is for clients, beyond all that a container
	// can address.
	textBase = 1 << 32

	// listing is the reference of the source that the disassembly is.
	listing = 1

	maxRead   = 1 << 16 // bytes of memory in one answer
	maxListed = 1 << 12 // instructions
)

var (
	errRunning = errors.New("the container is running: pause it first")
	errNothing = errors.New("nothing has been launched")
	errUnknown = errors.New("this request is not supported")
)

// handle answers one request.
func (c *connection) handle(in request) {
	message, ok := in.message.(dap.RequestMessage)
	if !ok {
		return
	}
	to := message.GetRequest()
	if in.err != nil {
		c.refuse(to, fmt.Errorf("%s: %w", to.Command, in.err))
		return
	}
	response, then, err := c.answer(message)
	if err != nil {
		c.refuse(to, err)
		return
	}
	c.respond(to, response)
	if then != nil {
		then()
	}
}

// answer makes the response to a request, and what is to happen after it was
// sent.
func (c *connection) answer(message dap.RequestMessage) (response dap.ResponseMessage, then func(), err error) {
	switch r := message.(type) {
	case *dap.InitializeRequest:
		return &dap.InitializeResponse{Body: capabilities()}, nil, nil
	case *dap.LaunchRequest:
		return &dap.LaunchResponse{}, func() { c.event("initialized", &dap.InitializedEvent{}) }, c.start(r.Arguments)
	case *dap.DisconnectRequest:
		return &dap.DisconnectResponse{}, func() { c.done, c.halt = true, "gone" }, nil
	case *dap.TerminateRequest:
		return &dap.TerminateResponse{}, func() { c.halt = "gone"; c.terminated(nil) }, nil
	case *dap.ThreadsRequest:
		name := "container"
		if c.target != nil {
			name = c.target.Name
		}
		return &dap.ThreadsResponse{Body: dap.ThreadsResponseBody{Threads: []dap.Thread{{Id: thread, Name: name}}}}, nil, nil
	}
	s := c.session.Load()
	if s == nil {
		return nil, nil, errNothing
	}
	switch r := message.(type) {
	case *dap.PauseRequest:
		return &dap.PauseResponse{}, func() { c.halt = "pause" }, nil
	case *dap.SetBreakpointsRequest:
		return &dap.SetBreakpointsResponse{Body: dap.SetBreakpointsResponseBody{Breakpoints: c.setLines(s, &r.Arguments)}}, nil, nil
	case *dap.SetFunctionBreakpointsRequest:
		list := make([]dap.Breakpoint, len(r.Arguments.Breakpoints))
		c.clear(s, &c.functions)
		for i, b := range r.Arguments.Breakpoints {
			set, err := s.BreakFunction(b.Name)
			list[i] = c.set(s, set, err, b.Condition, b.HitCondition, &c.functions)
		}
		return &dap.SetFunctionBreakpointsResponse{Body: dap.SetFunctionBreakpointsResponseBody{Breakpoints: list}}, nil, nil
	case *dap.SetInstructionBreakpointsRequest:
		list := make([]dap.Breakpoint, len(r.Arguments.Breakpoints))
		c.clear(s, &c.instructions)
		for i, b := range r.Arguments.Breakpoints {
			slot, err := slotOf(b.InstructionReference, b.Offset)
			var set *debug.Breakpoint
			if err == nil {
				set, err = s.BreakInstruction(slot)
			}
			list[i] = c.set(s, set, err, b.Condition, b.HitCondition, &c.instructions)
		}
		return &dap.SetInstructionBreakpointsResponse{Body: dap.SetInstructionBreakpointsResponseBody{Breakpoints: list}}, nil, nil
	case *dap.SetDataBreakpointsRequest:
		list := make([]dap.Breakpoint, len(r.Arguments.Breakpoints))
		c.clear(s, &c.data)
		for i, b := range r.Arguments.Breakpoints {
			set, err := c.watch(s, b.DataId)
			list[i] = c.set(s, set, err, b.Condition, b.HitCondition, &c.data)
		}
		return &dap.SetDataBreakpointsResponse{Body: dap.SetDataBreakpointsResponseBody{Breakpoints: list}}, nil, nil
	case *dap.SetExceptionBreakpointsRequest:
		s.PassFaults = true
		for _, filter := range r.Arguments.Filters {
			s.PassFaults = s.PassFaults && filter != faultFilter
		}
		return &dap.SetExceptionBreakpointsResponse{}, nil, nil
	case *dap.BreakpointLocationsRequest:
		return &dap.BreakpointLocationsResponse{Body: dap.BreakpointLocationsResponseBody{Breakpoints: c.locations(s, r.Arguments)}}, nil, nil
	case *dap.SourceRequest:
		return c.source(s, r)
	case *dap.DisassembleRequest:
		list, err := c.disassemble(s, &r.Arguments)
		return &dap.DisassembleResponse{Body: dap.DisassembleResponseBody{Instructions: list}}, nil, err
	}
	if c.running {
		return nil, nil, errRunning
	}
	switch r := message.(type) {
	case *dap.ConfigurationDoneRequest:
		return &dap.ConfigurationDoneResponse{}, c.begin, nil
	case *dap.ContinueRequest:
		return &dap.ContinueResponse{Body: dap.ContinueResponseBody{AllThreadsContinued: true}}, func() { c.run(func() debug.Stop { return s.Continue(false) }) }, nil
	case *dap.ReverseContinueRequest:
		return &dap.ReverseContinueResponse{}, func() { c.run(func() debug.Stop { return s.Continue(true) }) }, nil
	case *dap.NextRequest:
		return &dap.NextResponse{}, c.step(s, debug.Over, r.Arguments.Granularity, false), nil
	case *dap.StepInRequest:
		return &dap.StepInResponse{}, c.step(s, debug.In, r.Arguments.Granularity, false), nil
	case *dap.StepOutRequest:
		return &dap.StepOutResponse{}, c.step(s, debug.Out, "", false), nil
	case *dap.StepBackRequest:
		return &dap.StepBackResponse{}, c.step(s, debug.Over, r.Arguments.Granularity, true), nil
	case *dap.StackTraceRequest:
		frames, total := c.stack(s, &r.Arguments)
		return &dap.StackTraceResponse{Body: dap.StackTraceResponseBody{StackFrames: frames, TotalFrames: total}}, nil, nil
	case *dap.ScopesRequest:
		scopes, err := c.scopes(s, r.Arguments.FrameId)
		return &dap.ScopesResponse{Body: dap.ScopesResponseBody{Scopes: scopes}}, nil, err
	case *dap.VariablesRequest:
		list, err := c.variables(&r.Arguments)
		return &dap.VariablesResponse{Body: dap.VariablesResponseBody{Variables: list}}, nil, err
	case *dap.EvaluateRequest:
		body, err := c.evaluate(s, &r.Arguments)
		return &dap.EvaluateResponse{Body: body}, nil, err
	case *dap.SetVariableRequest:
		i := r.Arguments.VariablesReference - 1
		if i < 0 || i >= len(c.setters) || c.setters[i] == nil {
			return nil, nil, fmt.Errorf("%s cannot be set", r.Arguments.Name)
		}
		v, err := c.setters[i](r.Arguments.Name, r.Arguments.Value)
		return &dap.SetVariableResponse{Body: dap.SetVariableResponseBody{Value: s.Text(v), Type: s.TypeName(v.Type)}}, nil, err
	case *dap.SetExpressionRequest:
		v, err := s.Set(r.Arguments.Expression, r.Arguments.Value, c.frame(r.Arguments.FrameId))
		return &dap.SetExpressionResponse{Body: dap.SetExpressionResponseBody{Value: s.Text(v), Type: s.TypeName(v.Type)}}, nil, err
	case *dap.DataBreakpointInfoRequest:
		return &dap.DataBreakpointInfoResponse{Body: c.dataInfo(s, &r.Arguments)}, nil, nil
	case *dap.ExceptionInfoRequest:
		if c.ended == nil {
			return nil, nil, errors.New("the container was not stopped")
		}
		return &dap.ExceptionInfoResponse{Body: dap.ExceptionInfoResponseBody{
			ExceptionId: c.ended.Fault.Error(), Description: s.EndText(c.ended), BreakMode: "always",
		}}, nil, nil
	case *dap.ReadMemoryRequest:
		body, err := c.readMemory(s, &r.Arguments)
		return &dap.ReadMemoryResponse{Body: body}, nil, err
	}
	return nil, nil, errUnknown
}

const faultFilter = "fault"

func capabilities() dap.Capabilities {
	return dap.Capabilities{
		SupportsConfigurationDoneRequest: true, SupportsFunctionBreakpoints: true, SupportsConditionalBreakpoints: true,
		SupportsHitConditionalBreakpoints: true, SupportsEvaluateForHovers: true, SupportsStepBack: true, SupportsSetVariable: true,
		SupportsSetExpression: true, SupportsTerminateRequest: true, SupportsDataBreakpoints: true, SupportsReadMemoryRequest: true,
		SupportsDisassembleRequest: true, SupportsSteppingGranularity: true, SupportsInstructionBreakpoints: true,
		SupportsExceptionInfoRequest: true, SupportsBreakpointLocationsRequest: true, SupportsClipboardContext: true,
		ExceptionBreakpointFilters: []dap.ExceptionBreakpointsFilter{
			{Filter: faultFilter, Label: "Faults", Description: "Stop where the virtual machine stops the container", Default: true},
		},
	}
}

// start opens what is to be debugged.
func (c *connection) start(arguments json.RawMessage) error {
	if c.session.Load() != nil {
		return errors.New("something has been launched already")
	}
	if err := json.Unmarshal(arguments, &c.launch); err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	target, err := c.open(c.ctx, &c.launch)
	if err != nil {
		return err
	}
	target.Config.Output, target.Config.Attend = c.output, c.attend
	s, err := debug.Open(target.Config)
	if err != nil {
		return err
	}
	c.target = target
	c.session.Store(s)
	return nil
}

// begin is the end of the client's configuration.
func (c *connection) begin() {
	s := c.session.Load()
	if c.launch.StopOnEntry && !c.launch.NoDebug {
		c.event("stopped", &dap.StoppedEvent{Body: dap.StoppedEventBody{Reason: "entry", ThreadId: thread, AllThreadsStopped: true}})
		return
	}
	if c.launch.NoDebug {
		s.PassFaults = true
		for _, b := range append([]*debug.Breakpoint{}, s.Breakpoints()...) {
			s.Remove(b)
		}
	}
	c.run(func() debug.Stop {
		if stop, here := s.Here(); here {
			return stop
		}
		return s.Continue(false)
	})
}

func (c *connection) step(s *debug.Session, how debug.Step, granularity dap.SteppingGranularity, back bool) func() {
	if granularity == "instruction" {
		how = map[debug.Step]debug.Step{debug.In: debug.Instruction, debug.Over: debug.Next}[how]
	}
	return func() { c.run(func() debug.Stop { return s.Step(how, back) }) }
}

func (c *connection) clear(s *debug.Session, list *[]*debug.Breakpoint) {
	for _, b := range *list {
		s.Remove(b)
	}
	*list = nil
}

// set completes a breakpoint and describes it.
func (c *connection) set(s *debug.Session, b *debug.Breakpoint, err error, condition, hits string, list *[]*debug.Breakpoint) dap.Breakpoint {
	if err == nil {
		if err = s.SetCondition(b, condition, hits); err != nil {
			s.Remove(b)
		}
	}
	if err != nil {
		return dap.Breakpoint{Message: err.Error()}
	}
	*list = append(*list, b)
	described := dap.Breakpoint{Id: b.ID, Verified: true}
	if len(b.Slots) > 0 {
		described.InstructionReference = instructionReference(b.Slots[0])
	}
	if b.Place.Line > 0 {
		described.Source, described.Line = c.sourceOf(b.Place), b.Place.Line
	}
	return described
}

func (c *connection) setLines(s *debug.Session, a *dap.SetBreakpointsArguments) []dap.Breakpoint {
	key := a.Source.Path + "\x00" + strconv.Itoa(a.Source.SourceReference)
	before := c.lines[key]
	c.clear(s, &before)
	var set []*debug.Breakpoint
	list := make([]dap.Breakpoint, len(a.Breakpoints))
	for i, want := range a.Breakpoints {
		var b *debug.Breakpoint
		var err error
		switch name := c.fileOf(s, &a.Source); {
		case a.Source.SourceReference == listing:
			if want.Line < 1 || want.Line > len(s.Listing) {
				err = fmt.Errorf("there is no line %d", want.Line)
				break
			}
			b, err = s.BreakInstruction(s.Listing[want.Line-1].Slot)
		default:
			b, err = s.BreakLine(name, want.Line)
		}
		list[i] = c.set(s, b, err, want.Condition, want.HitCondition, &set)
		if err == nil && a.Source.SourceReference == listing {
			list[i].Source, list[i].Line = &a.Source, want.Line
		}
	}
	c.lines[key] = set
	return list
}

// fileOf is what the program calls a client's source.
func (c *connection) fileOf(s *debug.Session, source *dap.Source) string {
	if i := source.SourceReference - listing - 1; source.Path == "" && i >= 0 && i < len(s.Files()) {
		return s.Files()[i]
	}
	if rel, err := filepath.Rel(c.target.Folder, source.Path); c.target.Folder != "" && err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return source.Path
}

// sourceOf is a source as clients know it: a file that is there, or one that
// they can ask for.
func (c *connection) sourceOf(place debug.Place) *dap.Source {
	name := filepath.Base(place.File)
	if path, ok := c.target.Sources.Path(place.File); ok {
		return &dap.Source{Name: name, Path: path}
	}
	for i, file := range c.session.Load().Files() {
		if file == place.File {
			return &dap.Source{Name: name, SourceReference: listing + 1 + i}
		}
	}
	return nil
}

// listingSource is the disassembly as a source.
func (c *connection) listingSource() *dap.Source {
	return &dap.Source{Name: c.target.Name + " (disassembly)", SourceReference: listing, Origin: "disassembly"}
}

func (c *connection) source(s *debug.Session, r *dap.SourceRequest) (dap.ResponseMessage, func(), error) {
	reference := r.Arguments.SourceReference
	if r.Arguments.Source != nil && r.Arguments.Source.SourceReference > 0 {
		reference = r.Arguments.Source.SourceReference
	}
	if reference == listing {
		var text strings.Builder
		for i := range s.Listing {
			fmt.Fprintf(&text, "%5d  %s\n", s.Listing[i].Slot, s.Listing[i].Text)
		}
		return &dap.SourceResponse{Body: dap.SourceResponseBody{Content: text.String()}}, nil, nil
	}
	if i := reference - listing - 1; i >= 0 && i < len(s.Files()) {
		if lines := c.target.Sources.Lines(s.Files()[i]); lines != nil {
			return &dap.SourceResponse{Body: dap.SourceResponseBody{Content: strings.Join(lines, "\n") + "\n"}}, nil, nil
		}
		return nil, nil, fmt.Errorf("%s is not there", s.Files()[i])
	}
	return nil, nil, errors.New("there is no such source")
}

func (c *connection) locations(s *debug.Session, a *dap.BreakpointLocationsArguments) (list []dap.BreakpointLocation) {
	list = []dap.BreakpointLocation{}
	if a == nil {
		return list
	}
	file, ok := s.File(c.fileOf(s, &a.Source))
	if !ok {
		return list
	}
	for line := a.Line; line <= min(max(a.Line, a.EndLine), a.Line+maxListed); line++ {
		if _, actual := s.SlotsOf(file, line); actual == line {
			list = append(list, dap.BreakpointLocation{Line: line})
		}
	}
	return list
}

func instructionReference(slot int) string { return fmt.Sprintf("%#x", textBase+slot*isa.Size) }

// slotOf reads an instruction reference and an offset in bytes.
func slotOf(reference string, offset int) (int, error) {
	address, err := strconv.ParseUint(reference, 0, 63)
	if err != nil || address < textBase || address > textBase+1<<28 {
		return 0, fmt.Errorf("%q is not the address of an instruction", reference)
	}
	at := int(address-textBase) + offset
	if at%isa.Size != 0 {
		return 0, fmt.Errorf("%#x is in the middle of an instruction", address)
	}
	return at / isa.Size, nil
}

func (c *connection) disassemble(s *debug.Session, a *dap.DisassembleArguments) ([]dap.DisassembledInstruction, error) {
	slot, err := slotOf(a.MemoryReference, a.Offset)
	if err != nil {
		return nil, err
	}
	if a.InstructionCount < 0 || a.InstructionCount > maxListed {
		return nil, fmt.Errorf("at most %d instructions at a time", maxListed)
	}
	first := s.Index(slot) + a.InstructionOffset
	list := make([]dap.DisassembledInstruction, a.InstructionCount)
	for i := range list {
		n := first + i
		if n < 0 || n >= len(s.Listing) { // clients want as many as they asked for
			at := textBase + (slot+a.InstructionOffset+i)*isa.Size
			if n >= len(s.Listing) {
				at = textBase + (s.Slots()+n-len(s.Listing))*isa.Size
			}
			list[i] = dap.DisassembledInstruction{Address: fmt.Sprintf("%#x", max(at, 0)), Instruction: "(nothing)"}
			continue
		}
		line := &s.Listing[n]
		list[i] = dap.DisassembledInstruction{
			Address: instructionReference(line.Slot), Instruction: line.Text, InstructionBytes: hex.EncodeToString(s.Bytes(line.Slot*isa.Size, line.Slots()*isa.Size)),
		}
		if line.Comment != "" {
			list[i].Instruction += "    ; " + line.Comment
		}
		if f := s.Function(line.Slot); f.Slot == line.Slot {
			list[i].Symbol = f.Name
		}
		if place, ok := s.PlaceAt(line.Slot); ok {
			list[i].Location, list[i].Line = c.sourceOf(place), place.Line
		}
	}
	return list, nil
}

func (c *connection) stack(s *debug.Session, a *dap.StackTraceArguments) ([]dap.StackFrame, int) {
	c.frames = s.Frames()
	list := []dap.StackFrame{}
	for i, f := range c.frames {
		if i < a.StartFrame || a.Levels > 0 && i >= a.StartFrame+a.Levels {
			continue
		}
		described := dap.StackFrame{Id: i + 1, Name: f.Function, InstructionPointerReference: instructionReference(f.Slot)}
		if f.HasPlace {
			described.Source, described.Line, described.Column = c.sourceOf(f.Place), f.Place.Line, 1
		} else {
			described.Source, described.Line, described.Column = c.listingSource(), s.Index(f.Slot)+1, 1
		}
		list = append(list, described)
	}
	return list, len(c.frames)
}

// frame returns the number of a frame from its ID, of which 0 is the innermost.
func (c *connection) frame(id int) int { return max(id-1, 0) }

func (c *connection) readMemory(s *debug.Session, a *dap.ReadMemoryArguments) (body dap.ReadMemoryResponseBody, err error) {
	address, err := strconv.ParseUint(a.MemoryReference, 0, 63)
	if err != nil {
		return body, fmt.Errorf("%q is no address", a.MemoryReference)
	}
	if a.Count < 0 || a.Count > maxRead {
		return body, fmt.Errorf("at most %d bytes at a time", maxRead)
	}
	at := int64(address) + int64(a.Offset)
	body.Address = fmt.Sprintf("%#x", max(at, 0))
	if at < 0 {
		body.UnreadableBytes = a.Count
		return body, nil
	}
	b := s.Readable(uint64(at), a.Count)
	if at >= textBase {
		b = s.Bytes(int(at-textBase), a.Count)
	}
	body.Data, body.UnreadableBytes = base64.StdEncoding.EncodeToString(b), a.Count-len(b)
	return body, nil
}

// dataID is what a client may watch, in one word.
func dataID(name string, address uint64, size int) string {
	return fmt.Sprintf("%#x/%d/%s", address, size, name)
}

func (c *connection) watch(s *debug.Session, id string) (*debug.Breakpoint, error) {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) == 3 {
		address, err := strconv.ParseUint(parts[0], 0, 32)
		size, err2 := strconv.Atoi(parts[1])
		if err == nil && err2 == nil {
			return s.Watch(parts[2], address, size)
		}
	}
	return nil, fmt.Errorf("%q is nothing that can be watched", id)
}
