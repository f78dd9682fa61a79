package build

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/vm"
)

// longRunning is the only flag there is.
const longRunning = "long-running"

// Promise makes the contract of a program of what its sources say of it
// (FEMTO_META) and of what its text needs, as the load-time check finds it. It
// is nil, and the image one of version 0, if the sources say nothing.
// Promise makes the contract of a program of what its sources say of it
func Promise(meta map[string]string, text []byte) (*image.Contract, error) {
	if len(meta) == 0 {
		return nil, nil
	}
	var every vm.HelperSet
	for n := range 256 {
		every.Add(uint8(n))
	}
	need, refused := vm.Check(text, &every)
	if refused.Fault != vm.OK {
		return nil, fmt.Errorf("no device would load this: %w at slot %d", refused.Fault, refused.PC)
	}
	c := &image.Contract{Keys: 1<<image.KeyHelpers | 1<<image.KeyStack, Helpers: need.Helpers, Stack: uint16(min(need.Stack, 0xffff))}
	for _, key := range slices.Sorted(maps.Keys(meta)) {
		value := meta[key]
		var err error
		switch key {
		case "name":
			if c.Name = []byte(value); value == "" || len(value) > image.MaxName {
				err = fmt.Errorf("want 1 to %d bytes", image.MaxName)
			}
		case "hook":
			id := author.HookID(value)
			c.Hook = id[:]
		case "budget":
			c.Budget = int32(number(value, 1<<31-1, &err))
		case "local":
			c.Entries[0] = uint16(number(value, 0xffff, &err))
		case "tenant":
			c.Entries[1] = uint16(number(value, 0xffff, &err))
		case "global":
			c.Entries[2] = uint16(number(value, 0xffff, &err))
		case "flags":
			for flag := range strings.FieldsSeq(value) {
				if flag != longRunning {
					err = fmt.Errorf("there is the flag %s only", longRunning)
				}
				c.Flags |= image.LongRunning
			}
		default:
			err = fmt.Errorf("want name, hook, budget, local, tenant, global or flags")
		}
		if err != nil {
			return nil, fmt.Errorf("FEMTO_META(%q, %q): %w", key, value, err)
		}
	}
	return c, nil
}

func number(text string, limit uint64, err *error) uint64 {
	n, refused := strconv.ParseUint(text, 0, 64)
	if refused != nil || n > limit {
		*err = fmt.Errorf("want a number up to %d", limit)
	}
	return n
}
