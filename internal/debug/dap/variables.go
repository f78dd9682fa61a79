package dap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-dap"

	"github.com/femto-containers/femto/internal/debug"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/internal/symbols"
	"github.com/femto-containers/femto/isa"
	"github.com/femto-containers/femto/vm"
)

// maxCalls bounds how many calls of helpers are listed, the last ones.
const maxCalls = 200

// reference keeps a container of variables until the session moves.
func (c *connection) reference(list func() []dap.Variable, set setter) int {
	c.containers = append(c.containers, list)
	c.setters = append(c.setters, set)
	return len(c.containers)
}

// scopes lists what there is to see in a frame.
func (c *connection) scopes(s *debug.Session, id int) ([]dap.Scope, error) {
	if c.frames == nil {
		c.frames = s.Frames()
	}
	n := c.frame(id)
	if n >= len(c.frames) {
		return nil, errors.New("there is no such frame")
	}
	frame := c.frames[n]
	setExpression := func(name, value string) (debug.Value, error) { return s.Set(name, value, n) }
	list := []dap.Scope{}
	add := func(scope dap.Scope, list_ func() []dap.Variable, set setter) {
		scope.VariablesReference = c.reference(list_, set)
		list = append(list, scope)
	}
	if s.HasVariables() {
		add(dap.Scope{Name: "Locals", PresentationHint: "locals"}, func() []dap.Variable { return c.describeAll(s, s.Variables(frame, false), n) }, setExpression)
		add(dap.Scope{Name: "Globals"}, func() []dap.Variable { return c.describeAll(s, s.Variables(frame, true), n) }, setExpression)
	}
	if fields := c.contextFields(); fields != nil {
		add(dap.Scope{Name: "Context"}, func() []dap.Variable { return c.describeContext(s, fields) }, nil)
	}
	add(dap.Scope{Name: "Registers", PresentationHint: "registers"}, func() []dap.Variable { return registers(s, &frame) }, setExpression)
	add(dap.Scope{Name: "Stores"}, func() []dap.Variable { return c.stores(s) }, nil)
	add(dap.Scope{Name: "Memory", Expensive: true}, func() []dap.Variable { return memory(s) }, nil)
	add(dap.Scope{Name: "Helper calls", Expensive: true}, func() []dap.Variable { return calls(s) }, nil)
	add(dap.Scope{Name: "Machine"}, func() []dap.Variable { return machine(s) }, nil)
	return list, nil
}

func (c *connection) variables(a *dap.VariablesArguments) ([]dap.Variable, error) {
	if i := a.VariablesReference - 1; i >= 0 && i < len(c.containers) {
		list := c.containers[i]()
		if a.Count > 0 && a.Start >= 0 && a.Start <= len(list) {
			list = list[a.Start:min(a.Start+a.Count, len(list))]
		}
		return list, nil
	}
	return nil, errors.New("these variables were of another moment")
}

func (c *connection) describeAll(s *debug.Session, list []debug.Variable, frame int) []dap.Variable {
	out := make([]dap.Variable, len(list))
	for i, v := range list {
		out[i] = c.describe(s, v, v.Name, frame)
	}
	return out
}

// describe is a variable, and what is in it on demand. name is the expression
// that stands for it.
func (c *connection) describe(s *debug.Session, v debug.Variable, name string, frame int) dap.Variable {
	d := dap.Variable{Name: v.Name, Value: s.VariableText(v), Type: v.Type, EvaluateName: name}
	if v.Err != nil {
		return d
	}
	if v.Value.InMemory {
		d.MemoryReference = fmt.Sprintf("%#x", v.Value.Address)
	}
	if s.HasChildren(v.Value) {
		expression := func(child string) string {
			switch {
			case child == "*":
				return "*" + name
			case strings.HasPrefix(child, "["):
				return name + child
			}
			return name + "." + child
		}
		d.VariablesReference = c.reference(func() []dap.Variable {
			var out []dap.Variable
			for _, child := range s.Children(v.Value) {
				out = append(out, c.describe(s, child, expression(child.Name), frame))
			}
			return out
		}, func(child, value string) (debug.Value, error) { return s.Set(expression(child), value, frame) })
	}
	return d
}

func registers(s *debug.Session, frame *debug.Frame) (list []dap.Variable) {
	for n := range isa.Registers {
		d := dap.Variable{Name: fmt.Sprintf("r%d", n), EvaluateName: fmt.Sprintf("$r%d", n), Value: "not kept by the call"}
		if v, ok := frame.Register(n); ok {
			d.Value = s.RegisterText(v)
			if v>>32 == 0 && s.State().Memory(v, 0) != nil {
				d.MemoryReference = fmt.Sprintf("%#x", v)
			}
		}
		list = append(list, d)
	}
	return append(list, dap.Variable{Name: "pc", EvaluateName: "$pc", Value: strconv.Itoa(frame.Slot), MemoryReference: instructionReference(frame.Slot)})
}

func (c *connection) stores(s *debug.Session) (list []dap.Variable) {
	for i, name := range []string{"local", "tenant", "global"} {
		pairs := maps.Clone(s.State().Stores[i])
		d := dap.Variable{Name: name, Value: fmt.Sprintf("%d entries", len(pairs))}
		if len(pairs) == 1 {
			d.Value = "1 entry"
		}
		if len(pairs) > 0 {
			d.VariablesReference = c.reference(func() (list []dap.Variable) {
				for _, key := range slices.Sorted(maps.Keys(pairs)) {
					list = append(list, dap.Variable{Name: fmt.Sprintf("[%d]", key), Value: strconv.Itoa(int(pairs[key])), EvaluateName: fmt.Sprintf("$%s[%d]", name, key)})
				}
				return list
			}, nil)
		}
		list = append(list, d)
	}
	return list
}

func memory(s *debug.Session) (list []dap.Variable) {
	for i, region := range s.State().Region {
		if len(region.Bytes) == 0 {
			continue
		}
		access := "read"
		if region.Writable {
			access = "read, write"
		}
		address := vm.Address(i, 0)
		list = append(list, dap.Variable{
			Name: symbols.RegionName(i), Value: fmt.Sprintf("%s at %#x, %s", debug.Count(len(region.Bytes), "byte"), address, access), MemoryReference: fmt.Sprintf("%#x", address),
		})
	}
	return list
}

func calls(s *debug.Session) (list []dap.Variable) {
	all := s.Calls()
	for i := max(0, len(all)-maxCalls); i < len(all); i++ {
		list = append(list, dap.Variable{Name: fmt.Sprintf("%d", i+1), Value: s.CallText(&all[i])})
	}
	return list
}

func machine(s *debug.Session) []dap.Variable {
	at, begin, front := s.At()
	activation, since := s.Activation()
	return []dap.Variable{
		{Name: "budget", Value: fmt.Sprintf("%d left", s.State().Budget), EvaluateName: "$budget"},
		{Name: "activation", Value: strconv.Itoa(activation)},
		{Name: "instruction", Value: fmt.Sprintf("%d of this activation", at-since)},
		{Name: "time", Value: fmt.Sprintf("%d, of %d to %d", at, begin, front), EvaluateName: "$time"},
	}
}

// contextFields are those of the hook, nil if they are not known.
func (c *connection) contextFields() []sdkgen.Field {
	for i := range sdkgen.Hooks {
		if sdkgen.Hooks[i].Name == c.target.Hook {
			return sdkgen.Hooks[i].Fields
		}
	}
	return nil
}

func (c *connection) describeContext(s *debug.Session, fields []sdkgen.Field) (list []dap.Variable) {
	hook := sdkgen.Hook{Fields: fields}
	offsets, _ := hook.Offsets()
	for i := range fields {
		f := &fields[i]
		count := max(f.Count, 1)
		width := f.Size() / count
		var values []string
		for n := range count {
			address := vm.Address(vm.RegionContext, uint32(offsets[i]+n*width))
			b := s.State().Memory(address, width)
			if b == nil {
				values = append(values, "missing")
				continue
			}
			var all [8]byte
			copy(all[:], b)
			v := binary.LittleEndian.Uint64(all[:])
			if strings.HasPrefix(f.Type, "s") {
				shift := 64 - 8*width
				values = append(values, strconv.FormatInt(int64(v<<shift)>>shift, 10))
				continue
			}
			values = append(values, s.RegisterText(v))
		}
		d := dap.Variable{Name: f.Name, Value: strings.Join(values, ", "), Type: f.Type, MemoryReference: fmt.Sprintf("%#x", vm.Address(vm.RegionContext, uint32(offsets[i])))}
		list = append(list, d)
	}
	return list
}

func (c *connection) evaluate(s *debug.Session, a *dap.EvaluateArguments) (body dap.EvaluateResponseBody, err error) {
	frame := c.frame(a.FrameId)
	v, err := s.Eval(a.Expression, frame)
	if err != nil {
		return body, err
	}
	d := c.describe(s, debug.Variable{Value: v, Type: s.TypeName(v.Type)}, "("+a.Expression+")", frame)
	if v.InReg && v.Type.Kind == "" {
		d.Value = s.RegisterText(v.Bits)
	}
	return dap.EvaluateResponseBody{Result: d.Value, Type: d.Type, VariablesReference: d.VariablesReference, MemoryReference: d.MemoryReference}, nil
}

// dataInfo says whether something can be watched: what is in memory.
func (c *connection) dataInfo(s *debug.Session, a *dap.DataBreakpointInfoArguments) dap.DataBreakpointInfoResponseBody {
	expression := a.Name
	if i := a.VariablesReference - 1; i >= 0 && i < len(c.containers) {
		for _, d := range c.containers[i]() {
			if d.Name == a.Name && d.EvaluateName != "" {
				expression = d.EvaluateName
			}
		}
	}
	v, err := s.Eval(expression, c.frame(a.FrameId))
	if err != nil || !v.InMemory || v.Size < 1 {
		return dap.DataBreakpointInfoResponseBody{Description: expression + " is not in memory"}
	}
	return dap.DataBreakpointInfoResponseBody{
		DataId: dataID(expression, v.Address, v.Size), Description: fmt.Sprintf("%s, %s at %#x", expression, debug.Count(v.Size, "byte"), v.Address),
		AccessTypes: []dap.DataBreakpointAccessType{"write"},
	}
}
