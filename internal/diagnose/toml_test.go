package diagnose

import (
	"errors"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
)

type described struct {
	Name        string
	Count       int
	On          bool
	List        []string
	Table       map[string]entry
	Deep        map[string]map[string]int64
	Results     map[string][]any
	LongRunning bool `toml:"long_running"`
}

type entry struct {
	Name  string
	Count int
}

// TestTOMLReason: no word of Go is left in what the reader says.
func TestTOMLReason(t *testing.T) {
	for text, want := range map[string]string{
		`name = 3`:                        `this is a whole number, and text in quotes, "so", is wanted`,
		`count = "3"`:                     "this is text, and a whole number is wanted",
		`count = 1.5`:                     "this is a float, and a whole number is wanted",
		`count = 99999999999999999999`:    "the number is too large",
		`count = big`:                     `this is no number; text stands in quotes, "so"`,
		`on = "yes"`:                      "this is text, and true or false is wanted",
		`list = "a"`:                      `this is text, and a list of texts, ["so"], is wanted`,
		`table = "a"`:                     "this is text, which does not fit here",
		`deep = "a"`:                      "this is text, which does not fit here",
		`deep.local = "a"`:                "this is text, which does not fit here",
		`deep.local = { 1 = "a" }`:        "this is text, which does not fit here",
		`results.random = "a"`:            "this is text, which does not fit here",
		"long_running = 3":                "this is a whole number, and true or false is wanted",
		"table = { a = { name = true } }": "this is true or false, which does not fit here",
	} {
		t.Run(text, func(t *testing.T) {
			var into described
			var wrong *toml.DecodeError
			if err := toml.Unmarshal([]byte(text), &into); !errors.As(err, &wrong) {
				t.Fatalf("%v", err)
			}
			got := TOMLReason(wrong)
			if got != want || strings.Contains(got, "struct") {
				t.Errorf("%q, want %q; the reader says %v", got, want, wrong)
			}
		})
	}
}
