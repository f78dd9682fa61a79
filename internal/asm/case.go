package asm

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A Case is one file of the bpf_conformance suite, or one with this project's
// additional sections (vm/testdata/vectors/README.md).
type Case struct {
	Reason    string // the first line, if it is a comment
	Program   []byte
	Memory    []byte // the context
	Result    uint64 // expected r0
	HasResult bool
	Error     string // expected refusal or fault, "" if none

	// What follows is this project's own.
	ReadOnly        bool // the context
	Data, Rodata    []byte
	Granted         []byte // region 5
	GrantedWritable bool
	Stack           int    // bytes
	Budget          int64  // instructions
	Executed        int64  // expected; -1 if not said
	Address         uint64 // expected, that faulted
	HasAddress      bool
	After           []byte // expected of the context; nil if not said
}

// DefaultStack is the stack of a Case that does not say, in bytes.
const DefaultStack = 512

// DefaultBudget is the budget of a Case that does not say, in instructions.
const DefaultBudget = 10000

// ParseCase reads the suite's file format: sections opened by a line that
// holds "--" and a word.
func ParseCase(file string) (Case, error) {
	c := Case{Stack: DefaultStack, Budget: DefaultBudget, Executed: -1}
	if first, _, _ := strings.Cut(file, "\n"); strings.HasPrefix(first, "#") {
		c.Reason = strings.TrimSpace(first[1:])
	}
	var program strings.Builder
	section := ""
	for i, line := range strings.Split(file, "\n") {
		line, _, _ = strings.Cut(line, "#")
		if before, word, found := strings.Cut(line, "--"); found && strings.TrimSpace(before) == "" {
			section = strings.Join(strings.Fields(word), " ")
			line = ""
			c.open(section)
		}
		if section == "asm" {
			program.WriteString(line)
		} else if line = strings.TrimSpace(line); line != "" {
			if err := c.content(section, line); err != nil {
				return c, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
		program.WriteByte('\n')
	}
	if c.Program != nil {
		return c, nil
	}
	var err error
	c.Program, err = Assemble(program.String())
	return c, err
}

// open notes what a section says by being there.
func (c *Case) open(section string) {
	switch section {
	case "mem readonly":
		c.ReadOnly = true
	case "granted writable":
		c.GrantedWritable = true
	case "after":
		c.After = []byte{}
	}
}

func (c *Case) content(section, line string) (err error) {
	switch section {
	case "raw":
		err = c.raw(line)
	case "mem", "mem readonly":
		c.Memory, err = appendHex(c.Memory, line)
	case "data":
		c.Data, err = appendHex(c.Data, line)
	case "rodata":
		c.Rodata, err = appendHex(c.Rodata, line)
	case "granted", "granted writable":
		c.Granted, err = appendHex(c.Granted, line)
	case "after":
		c.After, err = appendHex(c.After, line)
	case "result":
		c.Result, err = strconv.ParseUint(line, 0, 64)
		c.HasResult = true
	case "error":
		c.Error = line
	case "stack":
		c.Stack, err = strconv.Atoi(line)
	case "budget":
		c.Budget, err = strconv.ParseInt(line, 0, 32)
	case "executed":
		c.Executed, err = strconv.ParseInt(line, 0, 64)
	case "address":
		c.Address, err = strconv.ParseUint(line, 0, 64)
		c.HasAddress = true
	}
	return err
}

func appendHex(dst []byte, line string) ([]byte, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(line), ""))
	return append(dst, b...), err
}

// raw appends 64-bit words, whose lowest byte is the opcode.
func (c *Case) raw(line string) error {
	for _, word := range strings.Fields(line) {
		w, err := strconv.ParseUint(word, 0, 64)
		if err != nil {
			return err
		}
		for range 8 {
			c.Program = append(c.Program, byte(w))
			w >>= 8
		}
	}
	return nil
}
