package asm

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/femto-containers/femto/image"
)

// ImageSource writes an image as a Source that assembles to the same bytes.
// The comments count slots and, if withBytes is set, show each instruction's
// bytes. Options' Functions, Data and Rodata are taken from the image.
func ImageSource(img *image.Image, o Options, withBytes bool) string {
	o.Functions, o.Data, o.Rodata = FunctionsOf(img), img.Data(), img.Rodata()
	lines := List(img.Text(), o)
	labels := map[int]string{}
	for _, line := range lines {
		labels[line.Slot] = line.Label
	}
	var b strings.Builder
	writeBytes(&b, ".data", img.Data())
	writeBytes(&b, ".rodata", ownRodata(img))
	writeBytes(&b, ".section .contract", img.Contract())
	b.WriteString("\t.text\n")
	for _, f := range o.Functions {
		switch label := labels[f.Offset/8]; {
		case label == "":
			fmt.Fprintf(&b, "# function %q begins within an instruction\n", f.Name)
		case label == string(f.Name):
			fmt.Fprintf(&b, "\t.globl %s\n", label)
		default:
			fmt.Fprintf(&b, "\t.function %q, %s\n", f.Name, label)
		}
	}
	place := ""
	for _, line := range lines {
		if line.Label != "" {
			fmt.Fprintf(&b, "%s:\n", line.Label)
		}
		if o.Place != nil {
			if before := place; o.Place(line.Slot) != before {
				place = o.Place(line.Slot)
				fmt.Fprintf(&b, "# %s\n", place)
			}
		}
		fmt.Fprintf(&b, "\t%-36s # %4d", line.Text, line.Slot)
		if withBytes {
			at := line.Slot * 8
			fmt.Fprintf(&b, "  % x", img.Text()[at:min(at+8*line.Slots(), len(img.Text()))])
		}
		if line.Comment != "" {
			fmt.Fprintf(&b, "  %s", line.Comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// FunctionsOf copies the function table of an image.
func FunctionsOf(img *image.Image) []image.Function {
	var list []image.Function
	for i := range img.Functions() {
		f, _ := img.Function(i)
		list = append(list, f)
	}
	return list
}

// ownRodata is .rodata without the names at its end, where they are as Append
// puts them; otherwise it is all of it.
func ownRodata(img *image.Image) []byte {
	functions := FunctionsOf(img)
	names := 0
	for _, f := range functions {
		names += len(f.Name) + 1
	}
	all := img.Rodata()
	bare := bytes.Clone(img.Bytes()[:len(img.Bytes())-len(img.Contract())])
	clear(bare[4:8]) // as an image of version 0
	for padding := range image.Align {
		own := len(all) - names - padding
		if own < 0 {
			break
		}
		parts := image.Parts{Data: img.Data(), Rodata: all[:own], Text: img.Text(), Functions: functions}
		if bytes.Equal(image.Append(nil, parts), bare) {
			return all[:own]
		}
	}
	return all
}

// writeBytes writes a section in rows of eight bytes.
func writeBytes(b *strings.Builder, name string, content []byte) {
	if len(content) == 0 {
		return
	}
	fmt.Fprintf(b, "\t%s\n", name)
	for at := 0; at < len(content); at += 8 {
		row := content[at:min(at+8, len(content))]
		plain := bytes.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '.'
			}
			return r
		}, asRunes(row))
		fmt.Fprintf(b, "\t%-52s # %4d  %s\n", byteText(row), at, plain)
	}
}

// asRunes keeps bytes above 127 from being taken for UTF-8.
func asRunes(b []byte) []byte {
	out := bytes.Clone(b)
	for i, c := range out {
		if c > '~' {
			out[i] = 0
		}
	}
	return out
}
