package asm

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Block is a run of lines that is entered at its first and left at its last
// one only.
type Block struct {
	Lines []Line
	Next  []int // blocks that may follow, by index: the next one, then a target
	Calls []int // blocks that its local calls enter
}

// Graph divides the lines of one program into blocks.
func Graph(lines []Line) []Block {
	leader := map[int]bool{}
	for i, line := range lines {
		if line.Target >= 0 {
			leader[line.Target] = true
		}
		if ends(line) && i+1 < len(lines) {
			leader[lines[i+1].Slot] = true
		}
	}
	var blocks []Block
	at := map[int]int{} // block by its first slot
	for i, line := range lines {
		if i == 0 || leader[line.Slot] || line.Label != "" {
			at[line.Slot] = len(blocks)
			blocks = append(blocks, Block{})
		}
		b := &blocks[len(blocks)-1]
		b.Lines = append(b.Lines, line)
	}
	for i := range blocks {
		b := &blocks[i]
		last := b.Lines[len(b.Lines)-1]
		if i+1 < len(blocks) && falls(last) {
			b.Next = append(b.Next, i+1)
		}
		for _, line := range b.Lines {
			to, known := at[line.Target]
			switch {
			case !known || line.Target < 0:
			case isCallLine(line):
				b.Calls = append(b.Calls, to)
			case !slices.Contains(b.Next, to):
				b.Next = append(b.Next, to)
			}
		}
	}
	return blocks
}

func isCallLine(l Line) bool { return strings.HasPrefix(l.Text, "call") }

// ends reports whether a block ends with the line.
func ends(l Line) bool { return l.Text == "exit" || l.Target >= 0 && !isCallLine(l) }

// falls reports whether the line may be followed by the next one.
func falls(l Line) bool {
	for _, jump := range []string{"exit", "ja ", "ja32 ", "goto ", "gotol "} {
		if strings.HasPrefix(l.Text, jump) {
			return false
		}
	}
	return true
}

// WriteDOT writes the graph in the language of Graphviz. Calls are dashed.
func WriteDOT(w io.Writer, name string, blocks []Block) error {
	var b strings.Builder
	fmt.Fprintf(&b, "digraph %q {\n\tnode [shape=box, fontname=\"monospace\"];\n", name)
	for i, block := range blocks {
		var text strings.Builder
		for _, line := range block.Lines {
			if line.Label != "" {
				fmt.Fprintf(&text, "%s:\\l", dotText(line.Label))
			}
			fmt.Fprintf(&text, "%4d  %s\\l", line.Slot, dotText(line.Text))
		}
		fmt.Fprintf(&b, "\tb%d [label=\"%s\"];\n", i, text.String())
	}
	for i, block := range blocks {
		last := block.Lines[len(block.Lines)-1]
		for _, to := range block.Next {
			style := ""
			if len(block.Next) > 1 && blocks[to].Lines[0].Slot == last.Target {
				style = ` [label="taken"]`
			}
			fmt.Fprintf(&b, "\tb%d -> b%d%s;\n", i, to, style)
		}
		for _, to := range block.Calls {
			fmt.Fprintf(&b, "\tb%d -> b%d [style=dashed, label=\"call\"];\n", i, to)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func dotText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
