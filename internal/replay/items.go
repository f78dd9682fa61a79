package replay

import (
	"errors"
	"fmt"
	"io"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/vm"
)

// Items of a recording or a trace, as the device has them.

type layout struct {
	_        struct{} `cbor:",toarray"`
	Kind     uint64
	Stack    uint32
	Writable bool
	Grants   []uint32
}

type begin struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint64
	Time    uint64
	Budget  uint32
	Quantum uint32
	Flags   uint64
	Context []byte
	Saved   []byte
}

// Memory is what memory at an address was like.
type Memory struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint64
	Address uint32
	Content []byte
}

type call struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint64
	Helper  uint8
	R0      uint64
	Charged uint32
	End     int8

	memory []Memory
}

// End is how an activation ended: End is 0, a vm.Fault or 1, for suspended.
type End struct {
	_            struct{} `cbor:",toarray"`
	Kind         uint64
	End          int8
	Value        uint64 // r0, or the address of a vm.FaultMemory
	PC           uint32
	Instructions uint32
	Charged      uint32
}

// Enter is how an activation began, in a trace.
type Enter struct {
	_       struct{} `cbor:",toarray"`
	Kind    uint64
	Time    uint64 // microseconds since the device started
	Flags   uint64
	Length  uint32 // of the context
	Context []byte // the beginning of it
}

// Resumed reports whether a long-running container went on.
func (e *Enter) Resumed() bool { return e.Flags&flagResumed != 0 }

// Call is a call of a helper, in a trace.
type Call struct {
	PC        uint32
	Helper    uint8
	R0        uint64
	End       int8
	Arguments []uint64
}

// Kinds and flags of items (docs/spec/recording.md).
const (
	kindLayout = iota
	kindBegin
	kindMemory
	kindCall
	kindEnd
	kindEnter
	kindTrace

	flagResumed = 1
	flagCleared = 2

	endSuspended = 1
)

// An activation is one of a recording, or one slice of it.
type activation struct {
	begin
	memory []Memory
	calls  []call
	end    End
}

// maxMemory is what the regions of a recording may take together, in bytes.
const maxMemory = 1 << 24

func (l *layout) check() error {
	if len(l.Grants) > vm.Regions-vm.RegionGrant {
		return errors.New("recording: too many regions")
	}
	total := uint64(l.Stack)
	for _, g := range l.Grants {
		total += uint64(g >> 1)
	}
	if total > maxMemory {
		return fmt.Errorf("recording: %d bytes of memory, at most %d are taken", total, maxMemory)
	}
	return nil
}

// ParseItems reads the items in b and returns what is left, which is a part of an
// item or nothing: *layout, *begin, *Memory, *call, *End, *Enter and *Call.
func ParseItems(b []byte) (items []any, rest []byte, err error) {
	for len(b) > 0 {
		var raw cbor.RawMessage
		after, err := cbor.UnmarshalFirst(b, &raw)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return items, b, nil
		}
		if err != nil {
			return items, b, fmt.Errorf("item %d: %w", len(items), err)
		}
		item, err := parseItem(raw)
		if err != nil {
			return items, b, fmt.Errorf("item %d: %w", len(items), err)
		}
		items = append(items, item)
		b = after
	}
	return items, nil, nil
}

func parseItem(raw []byte) (any, error) {
	var fields []cbor.RawMessage
	if err := cbor.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	var kind uint64
	if len(fields) == 0 {
		return nil, errors.New("it is empty")
	}
	if err := cbor.Unmarshal(fields[0], &kind); err != nil {
		return nil, err
	}
	var item any
	switch kind {
	case kindLayout:
		item = &layout{}
	case kindBegin:
		item = &begin{}
	case kindMemory:
		item = &Memory{}
	case kindCall:
		item = &call{}
	case kindEnd:
		item = &End{}
	case kindEnter:
		item = &Enter{}
	case kindTrace:
		return parseTrace(fields)
	default:
		return nil, fmt.Errorf("kind %d is not known", kind)
	}
	return item, cbor.Unmarshal(raw, item)
}

func parseTrace(fields []cbor.RawMessage) (*Call, error) {
	c := &Call{Arguments: []uint64{}}
	into := []any{&c.PC, &c.Helper, &c.R0, &c.End}
	if fields = fields[1:]; len(fields) < len(into) || len(fields) > len(into)+5 {
		return nil, errors.New("it has not the right length")
	}
	for i, field := range fields {
		var argument uint64
		var err error
		if i < len(into) {
			err = cbor.Unmarshal(field, into[i])
		} else {
			err = cbor.Unmarshal(field, &argument)
			c.Arguments = append(c.Arguments, argument)
		}
		if err != nil {
			return nil, err
		}
	}
	return c, nil
}

// An Outcome is how an activation ended.
type Outcome struct {
	Status       vm.Status // Done, Faulted or Suspended
	Value        uint64    // r0, if Done
	Fault        vm.Fault
	Address      uint64 // of a vm.FaultMemory
	PC           int    // slot of the fault, otherwise of the next instruction
	Instructions uint32 // without what helpers charged
	Charged      uint32 // by helpers
}

func (a *activation) outcome() Outcome { return a.end.Outcome() }

// Outcome returns how the activation ended.
func (e *End) Outcome() Outcome {
	o := Outcome{PC: int(e.PC), Instructions: e.Instructions, Charged: e.Charged}
	switch {
	case e.End == 0:
		o.Status, o.Value = vm.Done, e.Value
	case e.End == endSuspended:
		o.Status = vm.Suspended
	default:
		o.Status, o.Fault = vm.Faulted, vm.Fault(e.End)
		if o.Fault == vm.FaultMemory {
			o.Address = e.Value
		}
	}
	return o
}

// String is an outcome for people.
func (o Outcome) String() string {
	spent := fmt.Sprintf("%d instructions", o.Instructions)
	if o.Charged > 0 {
		spent += fmt.Sprintf(" and %d charged by helpers", o.Charged)
	}
	switch o.Status {
	case vm.Done:
		return fmt.Sprintf("returns %d after %s", int64(o.Value), spent)
	case vm.Suspended:
		return fmt.Sprintf("waits at instruction %d after %s", o.PC, spent)
	}
	at := ""
	if o.Fault == vm.FaultMemory {
		at = fmt.Sprintf(" for address %#x", o.Address)
	}
	return fmt.Sprintf("%v at instruction %d%s after %s", o.Fault, o.PC, at, spent)
}
