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
