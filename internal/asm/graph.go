package asm

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/femto-containers/femto/isa"
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

// WriteDOT writes the graph in the language of Graphviz: a box for each function,
// in it its blocks, with the lines of the source that o.Place knows. Jumps
// backwards are thick, calls dashed.
func WriteDOT(w io.Writer, name string, blocks []Block, o Options) error {
	var b strings.Builder
	fmt.Fprintf(&b, `digraph "%s" {
	graph [fontname="monospace", fontsize=12, ranksep=0.3, nodesep=0.3];
	node [shape=box, style=filled, fillcolor="#fffdf8", color="#776b5d", fontname="monospace", fontsize=10];
	edge [fontname="monospace", fontsize=9, color="#776b5d", arrowsize=0.7];
`, dotText(name))
	functions := o.functionStarts(blocks)
	open := false
	for i, block := range blocks {
		slot := block.Lines[0].Slot
		if function, starts := functions[slot]; starts {
			if open {
				b.WriteString("\t}\n")
			}
			open = true
			fmt.Fprintf(&b, "\tsubgraph cluster%d {\n\tlabel=\"%s\"; style=\"rounded,filled\"; color=\"#f4eee2\"; margin=12;\n", i, dotText(function))
		}
		fmt.Fprintf(&b, "\tb%d [label=\"%s\"];\n", i, o.blockText(&block))
	}
	if open {
		b.WriteString("\t}\n")
	}
	for i, block := range blocks {
		last := block.Lines[len(block.Lines)-1]
		for _, to := range block.Next {
			var style []string
			if len(block.Next) > 1 {
				way := "not taken"
				if blocks[to].Lines[0].Slot == last.Target {
					way = "taken"
				}
				style = append(style, fmt.Sprintf(`label=" %s "`, way))
			}
			if to <= i {
				style = append(style, `penwidth=2, color="#c8552b"`)
			}
			attributes := ""
			if len(style) > 0 {
				attributes = " [" + strings.Join(style, ", ") + "]"
			}
			fmt.Fprintf(&b, "\tb%d -> b%d%s;\n", i, to, attributes)
		}
		for _, to := range block.Calls {
			fmt.Fprintf(&b, "\tb%d -> b%d [style=dashed, color=\"#3f7cac\", label=\" call \"];\n", i, to)
		}
	}
	b.WriteString("}\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// functionStarts are the names of the functions whose first slots blocks begin
// at.
func (o *Options) functionStarts(blocks []Block) map[int]string {
	names := map[int]string{}
	for _, block := range blocks {
		for _, to := range block.Calls {
			first := blocks[to].Lines[0]
			names[first.Slot] = first.Label
		}
	}
	for slot, name := range o.Names {
		names[slot] = name
	}
	for _, f := range o.Functions {
		names[f.Offset/isa.Size] = string(f.Name)
	}
	return names
}

// blockText is a block's label: lines of the source, and instructions.
func (o *Options) blockText(block *Block) string {
	var text strings.Builder
	place := ""
	for _, line := range block.Lines {
		if line.Label != "" {
			fmt.Fprintf(&text, "%s:\\l", dotText(line.Label))
		}
		if o.Place != nil {
			if p := o.Place(line.Slot); p != place {
				place = p
				fmt.Fprintf(&text, "# %s\\l", dotText(p))
			}
		}
		// Pictures have only spaces that do not break.
		slot := strings.ReplaceAll(fmt.Sprintf("%4d  ", line.Slot), " ", "\u00a0")
		text.WriteString(slot + dotText(line.Text))
		if line.Comment != "" {
			fmt.Fprintf(&text, "  # %s", dotText(line.Comment))
		}
		text.WriteString("\\l")
	}
	return text.String()
}

func dotText(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}
