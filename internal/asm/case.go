package asm

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// A Case is one file of the bpf_conformance suite.
type Case struct {
	Program   []byte
	Memory    []byte
	Result    uint64 // expected r0
	HasResult bool
	Error     string // expected refusal, "" if none
}

// ParseCase reads the suite's file format: sections opened by a line that
// holds "--" and a word.
func ParseCase(file string) (Case, error) {
	var c Case
	var program strings.Builder
	section := ""
	for i, line := range strings.Split(file, "\n") {
		number := i + 1
		line, _, _ = strings.Cut(line, "#")
		if before, word, found := strings.Cut(line, "--"); found && strings.TrimSpace(before) == "" {
			section = strings.TrimSpace(word)
			line = ""
		}
		var err error
		line = strings.TrimSpace(line)
		switch {
		case section == "asm":
			program.WriteString(line)
		case line == "":
		case section == "raw":
			err = c.raw(line)
		case section == "mem":
			var b []byte
			b, err = hex.DecodeString(strings.Join(strings.Fields(line), ""))
			c.Memory = append(c.Memory, b...)
		case section == "result":
			c.Result, err = strconv.ParseUint(line, 0, 64)
			c.HasResult = true
		case section == "error":
			c.Error = line
		}
		if err != nil {
			return c, fmt.Errorf("line %d: %w", number, err)
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
