package debug_test

import (
	"strings"
	"testing"

	"github.com/femto-containers/femto/internal/debug"
)

func TestExpressions(t *testing.T) {
	s := walk(t, 3)
	for text, want := range map[string]string{
		"1 + 2 * 3":                  "7",
		"(1 + 2) * 3":                "9",
		"10 - 4 - 3":                 "3",
		"7 / 2 + 7 % 4":              "6",
		"-7 / 2":                     "-3",
		"1 << 4 | 3":                 "19",
		"~0 ^ 0xff":                  "-256",
		"!5 || 'a' == 97":            "1",
		"0 && 1 / 0":                 "0",
		"-1 < 0 && 2 >= 2 && 1 != 2": "1",
		"-8 >> 1":                    "-4",
		"r1":                         "536870912 (0x20000000)",
		"$r2":                        "16",
		"pc":                         "0",
		"depth + time":               "0",
		"u64[r1 + 8]":                "3",
		"u8[r1]":                     "5",
		"s16[&runs]":                 "7",
		"runs":                       "7",
		"runs > 6 && runs<8":         "1",
		"local[4]":                   "0",
		"budget":                     "100000 (0x186a0)",
		"0x10":                       "16",
		"12ul":                       "12",
	} {
		v, err := s.Eval(text, 0)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := s.Text(v); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		"":                        "a value is missing",
		"1 +":                     "a value is missing",
		"(1":                      ") is missing at the end",
		"1 2":                     "2 is not expected",
		"@":                       "not part of an expression",
		"'ab'":                    "no character",
		"nothing":                 "nothing is nothing that is known",
		"1 / 0":                   "division by zero",
		"u32[0]":                  "no 4 bytes",
		"*5":                      "* is for pointers",
		"&5":                      "& is for what is in memory",
		"r1.x":                    "no fields",
		"r1[0]":                   "[ ] is for",
		"r11":                     "known",
		"0x":                      "no number",
		"a.1":                     "name of a field",
		strings.Repeat("(", 500):  "nested too deep",
		strings.Repeat("1", 2000): "longer than",
	} {
		if _, err := s.Eval(text, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"1 + 2", "u32[r1+4] == 'x' && !p->x[3].y", "-(~5) << 2 % 3", "&a", "*p.q", "((", "'", "0x1g"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := debug.Parse(text)
		if err == nil && e.String() != strings.TrimSpace(text) {
			t.Errorf("%q is written as %q", text, e)
		}
	})
}

// Variables are where the side file says, in frames and in what they lead to.
func TestVariables(t *testing.T) {
	s := walk(t, 3)
	b, err := s.BreakLine("walk.c", line(t, "femto_store_global"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SetCondition(b, "i == 2 && sum > 100", ""); err != nil {
		t.Fatal(err)
	}
	if stop := s.Continue(false); stop.Reason != debug.Hit || stop.Err != nil {
		t.Fatalf("%+v", stop)
	}
	texts := func(frame int, global bool) string {
		var parts []string
		for _, v := range s.Variables(s.Frames()[frame], global) {
			parts = append(parts, v.Type+" "+v.Name+" = "+s.VariableText(v))
		}
		return strings.Join(parts, "; ")
	}
	if got, want := texts(0, false), "struct sample * s = <optimised out>; u32 n = <optimised out>; u32 sum = 2269; u32 i = 2"; got != want {
		t.Errorf("weigh has %s, want %s", got, want)
	}
	caller := "femto_timer_context * context = 0x20000000 (context+0); u64 length = <optimised out>; " +
		"struct sample now = {value = -3, raw = {9, 8, 7, 6}, before = 0x30000008 (latest)}; u32 sum = <optimised out>; enum mode mode = <optimised out>"
	if got := texts(1, false); got != caller {
		t.Errorf("tick has %s, want %s", got, caller)
	}
	globals := "u32 runs = 8; struct sample latest = {value = 0, raw = {0, 0, 0, 0}, before = 0x0}; u16[4] weights = {1, 20, 300, 4000}"
	if got := texts(1, true); got != globals {
		t.Errorf("globals are %s, want %s", got, globals)
	}
	for text, want := range map[string]string{
		"now.raw[1] + now.raw[2]": "15", "context->count": "3", "*now.before": "{value = 0, raw = {0, 0, 0, 0}, before = 0x0}",
		"&now.raw": "268435954 (0x100001f2)", "weights[i]": "i is nothing", "weights[3] > FAST": "1", "context": "0x20000000 (context+0)",
		"now.before == &latest": "1", "(context + 1) == 0x20000010": "1", "now.nothing": "it has no field nothing but value, raw, before",
		"weights[4]": "outside of an array of 4", "length": "optimised out", "now + 1": "a struct is no number", "$r6 == context": "1",
	} {
		v, err := s.Eval(text, 1)
		if got := s.Text(v); err == nil && got != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s is %s (%v), want %s", text, got, err, want)
		}
	}
	if v, err := s.Set("sum", "5", 0); err != nil || s.Text(v) != "5" {
		t.Errorf("set sum: %s, %v", s.Text(v), err)
	}
	if v, err := s.Set("now.raw[3]", "77", 1); err != nil || s.Text(v) != "77 'M'" {
		t.Errorf("set now.raw[3]: %s, %v", s.Text(v), err)
	}
	s.Remove(b)
	inlined, err := s.BreakLine("walk.c", line(t, "return twice + 1"))
	if err != nil {
		t.Fatal(err)
	}
	s.Continue(false)
	frames := s.Frames()
	if len(frames) != 2 || frames[0].Function != "doubled" || !frames[0].Inlined || frames[1].Function != "tick" ||
		frames[1].Place.Line != line(t, "doubled((u32)context->count)") {
		t.Fatalf("at %s: %+v", inlined.Name, frames)
	}
	if got := texts(0, false); got != "u32 v = <optimised out>; u32 twice = 6" {
		t.Errorf("doubled has %s", got)
	}
	if s.Step(debug.Out, false); s.Frames()[0].Function != "tick" {
		t.Errorf("out of what is inlined: at %s", at(s))
	}
}
