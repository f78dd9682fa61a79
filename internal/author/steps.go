package author

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/suit"
)

// A Sequence is a list of commands in the order in which they run.
type Sequence []Step

// A Step is a command with its argument; in JSON an object of one pair:
//
//	{"fetch": 2}  {"set-component-index": [0, 1]}  {"try-each": [[…], […], null]}
//	{"run-sequence": […]}  {"override-parameters": {"uri": "#app"}}  {"99": "cbor:0f"}
type Step struct {
	Command  string
	Argument any // as encoding/json decodes it
}

func (s *Step) UnmarshalJSON(b []byte) error {
	var pair map[string]json.RawMessage
	if err := json.Unmarshal(b, &pair); err != nil || len(pair) != 1 {
		return fmt.Errorf("%.60s is not one command with its argument", b)
	}
	for name, argument := range pair {
		s.Command = name
		switch name {
		case "run-sequence":
			var inner Sequence
			if json.Unmarshal(argument, &inner) == nil {
				s.Argument = inner
				return nil
			}
		case "try-each":
			var inner []Sequence
			if err := json.Unmarshal(argument, &inner); err == nil {
				s.Argument = inner
				return nil
			} else if argument[0] == '[' {
				return err
			}
		}
		d := json.NewDecoder(bytes.NewReader(argument))
		d.UseNumber()
		if err := d.Decode(&s.Argument); err != nil {
			return err
		}
	}
	return nil
}

func (s Step) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]any{s.Command: s.Argument})
}

var commandCodes = map[string]int32{
	"vendor-id": suit.CommandVendorID, "class-id": suit.CommandClassID, "image-match": suit.CommandImageMatch,
	"component-slot": suit.CommandComponentSlot, "check-content": suit.CommandCheckContent,
	"set-component-index": suit.CommandSetComponentIndex, "abort": suit.CommandAbort, "try-each": suit.CommandTryEach,
	"write": suit.CommandWrite, "override-parameters": suit.CommandOverrideParameters, "fetch": suit.CommandFetch,
	"copy": suit.CommandCopy, "invoke": suit.CommandInvoke, "device-id": suit.CommandDeviceID,
	"image-not-match": suit.CommandImageNotMatch, "swap": 31, "run-sequence": suit.CommandRunSequence,
}

var parameterCodes = map[string]int32{
	"vendor-id": suit.ParameterVendorID, "class-id": suit.ParameterClassID, "image-digest": suit.ParameterImageDigest,
	"component-slot": suit.ParameterComponentSlot, "strict-order": suit.ParameterStrictOrder,
	"soft-failure": suit.ParameterSoftFailure, "image-size": suit.ParameterImageSize, "content": suit.ParameterContent,
	"uri": suit.ParameterURI, "source-component": suit.ParameterSourceComponent, "invoke-args": 23,
	"device-id": suit.ParameterDeviceID,
}

func codeOf(table map[string]int32, name, what string) (int32, error) {
	if code, ok := table[name]; ok {
		return code, nil
	}
	if code, ok := number(name); ok {
		return code, nil
	}
	return 0, fmt.Errorf("no %s is called %q: they are %v, or write its number", what, name, slices.Sorted(maps.Keys(table)))
}

func nameOf(table map[string]int32, code int32) string {
	for name, c := range table {
		if c == code {
			return name
		}
	}
	return fmt.Sprint(code)
}

func (s Sequence) encode(n notation) ([]byte, error) {
	list := []any{}
	for i, step := range s {
		code, err := codeOf(commandCodes, step.Command, "command")
		if err != nil {
			return nil, fmt.Errorf("step %d: %w", i, err)
		}
		argument, err := step.encode(n)
		if err != nil {
			return nil, fmt.Errorf("step %d, %s: %w", i, step.Command, err)
		}
		list = append(list, code, argument)
	}
	return encode(list), nil
}

func (s Step) encode(n notation) (any, error) {
	switch argument := s.Argument.(type) {
	case Sequence:
		return argument.encode(n)
	case []Sequence:
		list := []any{}
		for i, alternative := range argument {
			if alternative == nil {
				list = append(list, nil)
				continue
			}
			b, err := alternative.encode(n)
			if err != nil {
				return nil, fmt.Errorf("alternative %d, %w", i, err)
			}
			list = append(list, b)
		}
		return list, nil
	case map[string]any:
		parameters := map[int32]any{}
		for name, value := range argument {
			code, err := codeOf(parameterCodes, name, "parameter")
			if err != nil {
				return nil, err
			}
			if parameters[code], err = parameter(n, code, value); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		return parameters, nil
	}
	return plain(s.Argument)
}

// plain turns a number, truth value, list of numbers or "cbor:…" into what CBOR
// has of it.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case json.Number:
		if u, err := json.Number(v).Int64(); err == nil {
			return u, nil
		}
	case string:
		if b, ok, err := raw(v); ok {
			return b, err
		}
	case []any:
		list := []any{}
		for _, item := range v {
			p, err := plain(item)
			if err != nil {
				return nil, err
			}
			list = append(list, p)
		}
		return list, nil
	}
	return nil, fmt.Errorf("%v: want a number, true, false, a list or cbor: and hexadecimal digits", v)
}

func parameter(n notation, code int32, v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return plain(v)
	}
	if b, ok, err := raw(text); ok {
		return b, err
	}
	switch code {
	case suit.ParameterURI:
		return text, nil
	case suit.ParameterImageDigest:
		digest, err := n.digest(text)
		return encode(digest), err
	case suit.ParameterImageSize:
		b, err := n.bytes(text)
		return len(b), err
	}
	return n.bytes(text)
}

func decodeSequence(b []byte) (Sequence, error) {
	var items []cbor.RawMessage
	if err := cbor.Unmarshal(b, &items); err != nil || len(items)%2 != 0 {
		return nil, fmt.Errorf("%w: not pairs of commands and arguments", errShape)
	}
	s := Sequence{}
	for i := 0; i < len(items); i += 2 {
		var code int32
		if err := cbor.Unmarshal(items[i], &code); err != nil {
			return nil, fmt.Errorf("command %d: %w", i/2, errShape)
		}
		s = append(s, Step{nameOf(commandCodes, code), decodeArgument(code, items[i+1])})
	}
	return s, nil
}

// decodeArgument gives whatever it does not understand as CBOR.
func decodeArgument(code int32, b cbor.RawMessage) any {
	switch code {
	case suit.CommandRunSequence:
		var inner []byte
		if cbor.Unmarshal(b, &inner) == nil {
			if s, err := decodeSequence(inner); err == nil {
				return s
			}
		}
	case suit.CommandTryEach:
		var alternatives [][]byte
		if cbor.Unmarshal(b, &alternatives) == nil {
			list := []Sequence{}
			for _, inner := range alternatives {
				if inner == nil {
					list = append(list, nil)
				} else if s, err := decodeSequence(inner); err == nil {
					list = append(list, s)
				}
			}
			if len(list) == len(alternatives) {
				return list
			}
		}
	case suit.CommandOverrideParameters:
		var parameters map[int32]cbor.RawMessage
		if cbor.Unmarshal(b, &parameters) == nil {
			named := map[string]any{}
			for key, value := range parameters {
				named[nameOf(parameterCodes, key)] = decodeParameter(key, value)
			}
			return named
		}
	}
	return decodePlain(b)
}

func decodeParameter(key int32, b cbor.RawMessage) any {
	var content []byte
	var text string
	switch {
	case key == suit.ParameterURI && cbor.Unmarshal(b, &text) == nil:
		return text
	case key == suit.ParameterImageDigest && cbor.Unmarshal(b, &content) == nil:
		if digest := content; len(digest) == 36 && bytes.Equal(digest[:4], []byte{0x82, 0x2f, 0x58, 0x20}) {
			return fmt.Sprintf("sha256:%x", digest[4:])
		}
	case parameterName(key) != "" && key != suit.ParameterImageSize && cbor.Unmarshal(b, &content) == nil && content != nil:
		return bytesText(content)
	}
	return decodePlain(b)
}

func decodePlain(b cbor.RawMessage) any {
	var n int64
	var truth bool
	var list []int64
	switch {
	case cbor.Unmarshal(b, &truth) == nil && b[0]>>5 == 7 && b[0] != 0xf6:
		return truth
	case b[0]>>5 < 2 && cbor.Unmarshal(b, &n) == nil:
		return json.Number(fmt.Sprint(n))
	case b[0]>>5 == 4 && cbor.Unmarshal(b, &list) == nil && bytes.Equal(encode(list), b):
		items := []any{}
		for _, n := range list {
			items = append(items, json.Number(fmt.Sprint(n)))
		}
		return items
	}
	return rawText(b)
}

// digestOfElement is what the manifest has in place of a severable element.
func digestOfElement(content []byte) []any { return digestOf(sha256.Sum256(encode(content))) }
