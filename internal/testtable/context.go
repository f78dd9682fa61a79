package testtable

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sdkgen"
)

func hookOf(name string) *sdkgen.Hook {
	for i := range sdkgen.Hooks {
		if sdkgen.Hooks[i].Name == name {
			return &sdkgen.Hooks[i]
		}
	}
	return nil
}

// encode makes the context that given describes: hex or text, which follow the
// fields of the hook, and fields by name. base is what is not said.
func encode(hook string, base []byte, given map[string]any) ([]byte, error) {
	out := append([]byte{}, base...)
	h := hookOf(hook)
	for key, value := range given {
		switch text, isText := value.(string); {
		case key == "hex" && isText:
			b, err := unhex(text)
			if err != nil {
				return nil, err
			}
			out = append(out, b...)
			continue
		case key == "text" && isText:
			out = append(out, text...)
			continue
		}
		if h == nil {
			return nil, fmt.Errorf("the hook %s has no fields that are known here: say hex or text", hook)
		}
		field, at := fieldOf(h, key)
		if field == nil {
			return nil, fmt.Errorf("the context of the hook %s has no %s%s", hook, key, meant(h, key))
		}
		values := []any{value}
		if list, ok := value.([]any); ok {
			values = list
		}
		if len(values) > max(field.Count, 1) {
			return nil, fmt.Errorf("%s has %d values", key, max(field.Count, 1))
		}
		width := field.Size() / max(field.Count, 1)
		for i, v := range values {
			n, ok := v.(int64)
			if !ok || !fits(n, field.Type) {
				return nil, fmt.Errorf("%s: %v is no %s", key, v, field.Type)
			}
			put(out[at+i*width:], width, n)
		}
	}
	return out, nil
}

func meant(h *sdkgen.Hook, key string) string {
	var names []string
	for i := range h.Fields {
		names = append(names, h.Fields[i].Name)
	}
	if near := diagnose.Nearest(key, names); near != "" {
		return ": did you mean " + near + "?"
	}
	if len(names) == 0 {
		return ": say hex or text"
	}
	return ": it has " + strings.Join(names, ", ")
}

func fieldOf(h *sdkgen.Hook, name string) (*sdkgen.Field, int) {
	offsets, _ := h.Offsets()
	for i := range h.Fields {
		if h.Fields[i].Name == name {
			return &h.Fields[i], offsets[i]
		}
	}
	return nil, 0
}

// fits reports whether n is a value of the type, u8 to s64. What a u64 holds
// beyond that of an s64 is said as a negative number.
func fits(n int64, kind string) bool {
	bits := map[string]uint{"8": 8, "16": 16, "32": 32, "64": 64}[kind[1:]]
	switch {
	case bits == 64:
		return true
	case kind[0] == 'u':
		return n >= 0 && n < 1<<bits
	}
	return n >= -1<<(bits-1) && n <= math.MaxInt64>>(64-bits)
}

func put(b []byte, width int, n int64) {
	var all [8]byte
	binary.LittleEndian.PutUint64(all[:], uint64(n))
	copy(b, all[:width])
}

// get reads a value as its type says.
func get(b []byte, kind string, width int) int64 {
	var all [8]byte
	copy(all[:], b[:width])
	n := int64(binary.LittleEndian.Uint64(all[:]))
	if kind[0] == 's' {
		shift := 64 - 8*width
		n = n << shift >> shift
	}
	return n
}

// differs compares a context with what is expected of some fields; "" if all
// are as expected.
func differs(hook string, context []byte, want map[string]any) (string, error) {
	h := hookOf(hook)
	for key, value := range want {
		if text, isText := value.(string); isText && (key == "hex" || key == "text") {
			b := []byte(text)
			if key == "hex" {
				var err error
				if b, err = unhex(text); err != nil {
					return "", err
				}
			}
			if string(context) != string(b) {
				return fmt.Sprintf("the context is % x, want % x", context, b), nil
			}
			continue
		}
		if h == nil {
			return "", fmt.Errorf("the hook %s has no fields that are known here: say hex or text", hook)
		}
		field, at := fieldOf(h, key)
		if field == nil {
			return "", fmt.Errorf("the context of the hook %s has no %s%s", hook, key, meant(h, key))
		}
		values := []any{value}
		if list, ok := value.([]any); ok {
			values = list
		}
		width := field.Size() / max(field.Count, 1)
		for i, v := range values {
			n, ok := v.(int64)
			if !ok || i >= max(field.Count, 1) {
				return "", fmt.Errorf("%s: %v is no %s", key, v, field.Type)
			}
			if at+(i+1)*width > len(context) {
				return "the context is not known afterwards", nil
			}
			if got := get(context[at+i*width:], field.Type, width); got != n {
				return fmt.Sprintf("%s is %d afterwards, want %d", key, got, n), nil
			}
		}
	}
	return "", nil
}
