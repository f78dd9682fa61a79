package profile

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// The flame graph's measures, in its own units.
const (
	svgWidth   = 1200
	svgMargin  = 12
	svgRow     = 22
	svgHead    = 64
	svgFoot    = 40
	svgLetter  = 7.3 // of the monospaced font at 12
	svgMinimum = 0.2 // narrower frames are not drawn
)

// colours by kind: the frame and its letters.
var colours = map[Kind]string{Root: "#d9d4c8", Function: "#f2a65a", Line: "#fbe3c0", Helper: "#8fb8de"}

// WriteSVG writes the flame graph as a file that stands alone: root above, what
// is called below, widths by budget. Each frame has a title that is shown when
// the pointer rests on it; a click makes a frame as wide as the picture.
func (f *Frame) WriteSVG(w io.Writer) error {
	depth := f.depth()
	height := svgHead + depth*svgRow + svgFoot
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="12">
<style>
text { fill: #2b2118; pointer-events: none }
g.f rect { stroke: #fffdf8; stroke-width: 1 }
g.f { cursor: pointer }
g.f:hover rect { stroke: #2b2118 }
.dim { fill: #776b5d }
</style>
<rect width="100%%" height="100%%" fill="#fffdf8"/>
<text x="%d" y="26" font-size="17">%s</text>
<text x="%d" y="46" class="dim">%s</text>
<g id="frames">
`, svgWidth, height, svgWidth, height, svgMargin, escape(f.Name), svgMargin, escape(f.heading()))
	if total := f.Budget(); total > 0 {
		f.draw(&b, f, float64(svgMargin), float64(svgWidth-2*svgMargin)/float64(total), 0)
	}
	b.WriteString("</g>\n")
	x := svgMargin
	for _, kind := range []struct {
		kind Kind
		name string
	}{{Function, "function"}, {Line, "line of the source"}, {Helper, "helper"}} {
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="12" height="12" fill="%s"/><text x="%d" y="%d" class="dim">%s</text>`+"\n",
			x, height-26, colours[kind.kind], x+18, height-16, kind.name)
		x += 40 + int(svgLetter*float64(len(kind.name)))
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" class="dim" text-anchor="end">width: budget spent; click a frame to widen it, the top one to go back</text>`+"\n", svgWidth-svgMargin, height-16)
	fmt.Fprintf(&b, "<script><![CDATA[\n%s]]></script>\n</svg>\n", strings.NewReplacer(
		"MARGIN", fmt.Sprint(svgMargin), "WIDTH", fmt.Sprint(svgWidth-2*svgMargin), "LETTER", fmt.Sprint(svgLetter)).Replace(zoomScript))
	_, err := io.WriteString(w, b.String())
	return err
}

// heading is what the profile is of, in a line.
func (f *Frame) heading() string {
	return fmt.Sprintf("%s: %s of budget, %s executed and %s charged by helpers", count(f.Calls, "activation"),
		count(f.Budget(), "instruction"), fmt.Sprint(f.Instructions), fmt.Sprint(f.Cost))
}

func count(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (f *Frame) depth() int {
	most := 0
	for _, c := range f.Children {
		most = max(most, c.depth())
	}
	return most + 1
}

// draw writes a frame that begins at x, and those below it; a unit of the
// budget is scale wide.
func (f *Frame) draw(b *strings.Builder, root *Frame, x, scale float64, level int) {
	width := float64(f.Budget()) * scale
	if width < svgMinimum {
		return
	}
	y := svgHead + level*svgRow
	label := f.label()
	fmt.Fprintf(b, `<g class="f" data-x="%.2f" data-w="%.2f" data-t="%s"><title>%s</title><rect x="%.2f" y="%d" width="%.2f" height="%d" rx="2" fill="%s"/><text x="%.2f" y="%d">%s</text></g>`+"\n",
		x, width, escape(label), escape(f.title(root)), x, y, width, svgRow, colours[f.Kind], x+4, y+15, escape(shorten(label, width)))
	for _, c := range f.Children {
		c.draw(b, root, x, scale, level+1)
		x += float64(c.Budget()) * scale
	}
}

func (f *Frame) label() string {
	if f.Kind == Line && f.Text != "" {
		_, line, _ := strings.Cut(f.Name, ":")
		return line + "  " + f.Text
	}
	return f.Name
}

// title is what is shown when the pointer rests on a frame.
func (f *Frame) title(root *Frame) string {
	var b strings.Builder
	b.WriteString(f.Name)
	if f.Text != "" {
		b.WriteString("  " + f.Text)
	}
	fmt.Fprintf(&b, "\n%s of budget, %s", count(f.Budget(), "instruction"), share(f.Budget(), root.Budget()))
	if f.Kind != Helper {
		fmt.Fprintf(&b, "\n%d executed, %d charged by helpers", f.Instructions, f.Cost)
		if n := f.self(); n != f.Budget() && f.Kind != Root {
			fmt.Fprintf(&b, ", %d by itself", n)
		}
	}
	if f.Calls > 0 && f.Kind != Root {
		fmt.Fprintf(&b, "\n%s", count(f.Calls, "call"))
	}
	return b.String()
}

func share(n, total int64) string {
	if total == 0 {
		return "0 %"
	}
	return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(total))
}

// shorten cuts a label to what fits into a width.
func shorten(label string, width float64) string {
	fits := int((width - 8) / svgLetter)
	r := []rune(label)
	switch {
	case len(r) <= fits:
		return label
	case fits < 3:
		return ""
	}
	return string(r[:fits-1]) + "…"
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // writing to a Builder does not fail
	return b.String()
}

const zoomScript = `
const frames = [...document.querySelectorAll("g.f")];
function place(g, x, w) {
  const rect = g.querySelector("rect"), text = g.querySelector("text");
  g.style.display = w < 0.2 ? "none" : "";
  rect.setAttribute("x", x);
  rect.setAttribute("width", Math.max(w, 0));
  text.setAttribute("x", x + 4);
  const fits = Math.floor((w - 8) / LETTER), t = [...g.dataset.t];
  text.textContent = t.length <= fits ? g.dataset.t : fits < 3 ? "" : t.slice(0, fits - 1).join("") + "…";
}
for (const g of frames) g.addEventListener("click", () => {
  const from = +g.dataset.x, wide = +g.dataset.w, to = from + wide;
  for (const f of frames) {
    const a = Math.max(+f.dataset.x, from), b = Math.min(+f.dataset.x + +f.dataset.w, to);
    place(f, MARGIN + (a - from) / wide * WIDTH, (b - a) / wide * WIDTH);
  }
});
`
