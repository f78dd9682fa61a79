// Package testtable runs the tests that authors write without Go: tables in
// TOML that say what a container is given and what it shall do.
package testtable

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/vm"
)

// A Table is a file of tests.
type Table struct {
	Tests []Test `toml:"test"`
}

// A Test fires the container's hook once.
type Test struct {
	Name    string                      `toml:"name"`
	At      string                      `toml:"at"`      // the clock, such as "3s"
	Advance string                      `toml:"advance"` // how much time passes afterwards, for containers that wait
	Context map[string]any              `toml:"context"` // fields of the hook's context; or hex, or text
	Store   map[string]map[string]int64 `toml:"store"`   // local, tenant, global: what is there before
	Helpers map[string][]any            `toml:"helpers"` // results, one after the other; the last one repeats
	Sensors []Sensor                    `toml:"sensors"`
	Expect  Expect                      `toml:"expect"`

	file  string
	lines []string
	line  int // of [[test]], from 1
}

// A Sensor is one of the device's, by position.
type Sensor struct {
	Type  string  `toml:"type"` // temperature, humidity, light, button, switch, or a number
	Value []int64 `toml:"value"`
	Scale int64   `toml:"scale"`
	Unit  int64   `toml:"unit"`
}

// Expect is what shall come of it; what is not said may be anything, but
// without a word about a fault there shall be none.
type Expect struct {
	Result       *int64                      `toml:"result"`
	Fault        string                      `toml:"fault"` // memory, budget, argument, depth, any, none
	Log          []string                    `toml:"log"`
	Store        map[string]map[string]int64 `toml:"store"`
	Context      map[string]any              `toml:"context"`      // afterwards
	Instructions int                         `toml:"instructions"` // at most
	Code         string                      `toml:"code"`         // of the hook coap: "2.05"
	Payload      *string                     `toml:"payload"`
	Waiting      *bool                       `toml:"waiting"` // a long-running container that waits
}

// Parse reads a table. What is wrong is a diagnose.List.
func Parse(file string, content []byte) ([]Test, error) {
	lines := strings.Split(string(content), "\n")
	var table Table
	if err := toml.NewDecoder(bytes.NewReader(content)).DisallowUnknownFields().Decode(&table); err != nil {
		return nil, unreadable(file, lines, err)
	}
	headers := headersOf(lines)
	var list diagnose.List
	for i := range table.Tests {
		t := &table.Tests[i]
		t.file, t.lines = file, lines
		if i < len(headers) {
			t.line = headers[i]
		}
		if t.Name == "" {
			list = append(list, t.wrong("name", "the test has no name", ""))
		}
		for _, d := range []struct{ key, value string }{{"at", t.At}, {"advance", t.Advance}} {
			if _, err := duration(d.value); err != nil {
				list = append(list, t.wrong(d.key, fmt.Sprintf("%q is no time", d.value), `a time is a number with a unit, such as "3s" or "250ms"`))
			}
		}
		list = append(list, t.checkWords()...)
	}
	if len(list) > 0 {
		return nil, list
	}
	return table.Tests, nil
}

// headersOf finds the lines that begin a test, from 1.
func headersOf(lines []string) (at []int) {
	for i, line := range lines {
		if strings.HasPrefix(strings.ReplaceAll(strings.TrimSpace(line), " ", ""), "[[test]]") {
			at = append(at, i+1)
		}
	}
	return at
}

// wrong is about a key of a test.
func (t *Test) wrong(key, what, why string) *diagnose.Diagnostic {
	return &diagnose.Diagnostic{Code: diagnose.BadTest, What: what, Place: t.place(key), Why: why}
}

// place finds a key of the test; the test itself if it is not there.
func (t *Test) place(key string) diagnose.Place {
	p := diagnose.Place{File: t.file, Line: t.line, Column: 1}
	for n := t.line; n < len(t.lines); n++ {
		line := strings.TrimSpace(t.lines[n])
		if strings.HasPrefix(line, "[[") {
			break
		}
		name, _, assigned := strings.Cut(line, "=")
		if name = strings.TrimSpace(name); assigned && (name == key || strings.HasPrefix(name, key+".")) {
			p.Line, p.Column = n+1, 1+strings.Index(t.lines[n], line)
		}
	}
	if p.Line > 0 && p.Line <= len(t.lines) {
		p.Text = t.lines[p.Line-1]
	}
	return p
}

func duration(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err == nil && d < 0 {
		err = errors.New("below zero")
	}
	return d, err
}

var (
	scopes = []string{"local", "tenant", "global"}
	faults = map[string]vm.Fault{"memory": vm.FaultMemory, "budget": vm.FaultBudget, "argument": vm.FaultArgument, "depth": vm.FaultDepth}
)

// checkWords finds names that mean nothing.
func (t *Test) checkWords() (list diagnose.List) {
	known := func(key, kind, word string, words []string) {
		if slices.Contains(words, word) {
			return
		}
		d := t.wrong(key, fmt.Sprintf("there is no %s %q", kind, word), "there are "+strings.Join(words, ", "))
		if near := diagnose.Nearest(word, words); near != "" {
			d.Why, d.Fix = "", "did you mean "+near+"?"
		} else if len(words) > 12 {
			d.Why = ""
		}
		list = append(list, d)
	}
	for _, stores := range []map[string]map[string]int64{t.Store, t.Expect.Store} {
		for scope, pairs := range stores {
			known("store."+scope, "store", scope, scopes)
			if _, err := pairsOf(pairs); err != nil {
				list = append(list, t.wrong("store."+scope, err.Error(), "keys and values are 32 bits"))
			}
		}
	}
	helperNames := allHelpers()
	for name, results := range t.Helpers {
		known("helpers", "helper", name, helperNames)
		if _, err := answersOf(results); err != nil {
			list = append(list, t.wrong("helpers", fmt.Sprintf("%s: %v", name, err), `a result is a number, "real", or { returns = 1, writes = "00 ff" }`))
		}
	}
	for _, s := range t.Sensors {
		if _, err := s.kind(); err != nil {
			known("sensors", "sensor", s.Type, sensorNames())
		}
		if len(s.Value) == 0 || len(s.Value) > 3 {
			list = append(list, t.wrong("sensors", "a sensor has one to three values", ""))
		}
	}
	if f := t.Expect.Fault; f != "" {
		known("fault", "fault", f, []string{"memory", "budget", "argument", "depth", "any", "none"})
	}
	return list
}

func allHelpers() (names []string) {
	for i := range sdkgen.Helpers {
		names = append(names, sdkgen.Helpers[i].Name)
	}
	return names
}

// unreadable says what is wrong with a file that is no table.
func unreadable(file string, lines []string, err error) diagnose.List {
	at := func(line, column int) diagnose.Place {
		p := diagnose.Place{File: file, Line: line, Column: column}
		if line > 0 && line <= len(lines) {
			p.Text = lines[line-1]
		}
		return p
	}
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	switch {
	case errors.As(err, &unknown):
		var list diagnose.List
		for i := range unknown.Errors {
			e := &unknown.Errors[i]
			line, column := e.Position()
			key := e.Key()
			d := &diagnose.Diagnostic{Code: diagnose.UnknownKey, What: "a test has no key " + strings.Join(key[1:], "."), Place: at(line, column)}
			if key[0] != "test" {
				d.What = "a table has no key " + strings.Join(key, ".")
			}
			known := []string{"test"}
			switch {
			case key[0] != "test":
			case len(key) > 2 && key[1] == "expect":
				known = keysOf(reflect.TypeFor[Expect]())
			case len(key) > 2 && key[1] == "sensors":
				known = keysOf(reflect.TypeFor[Sensor]())
			default:
				known = keysOf(reflect.TypeFor[Test]())
			}
			d.Why = "the keys here are " + strings.Join(known, ", ")
			if near := diagnose.Nearest(key[len(key)-1], known); near != "" {
				d.Why, d.Fix = "", "did you mean "+near+"?"
			}
			list = append(list, d)
		}
		return list
	case errors.As(err, &wrong):
		line, column := wrong.Position()
		return diagnose.List{{Code: diagnose.BadTOML, What: "cannot read " + file, Place: at(line, column), Why: diagnose.TOMLReason(wrong), Err: err}}
	}
	return diagnose.List{{Code: diagnose.BadTOML, What: "cannot read " + file, Where: file, Why: strings.TrimPrefix(err.Error(), "toml: "), Err: err}}
}

func keysOf(shape reflect.Type) (keys []string) {
	for i := range shape.NumField() {
		if key := shape.Field(i).Tag.Get("toml"); key != "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// pairsOf reads what a store holds.
func pairsOf(given map[string]int64) (map[uint32]uint32, error) {
	pairs := map[uint32]uint32{}
	for key, value := range given {
		k, err := strconv.ParseUint(key, 0, 32)
		if err != nil || value < -1<<31 || value > 1<<32-1 {
			return nil, fmt.Errorf("%s = %d does not fit a store", key, value)
		}
		pairs[uint32(k)] = uint32(value)
	}
	return pairs, nil
}

// An answer is what a helper does instead of its own work.
type answer struct {
	real    bool // its own work after all
	returns int64
	writes  []byte // to what its arguments point at
}

func answersOf(results []any) (list []answer, err error) {
	if len(results) == 0 {
		return nil, errors.New("no result")
	}
	for _, r := range results {
		switch r := r.(type) {
		case int64:
			list = append(list, answer{returns: r})
		case string:
			if r != "real" {
				return nil, fmt.Errorf("%q is no result", r)
			}
			list = append(list, answer{real: true})
		case map[string]any:
			a := answer{}
			for key, value := range r {
				number, isNumber := value.(int64)
				text, isText := value.(string)
				switch {
				case key == "returns" && isNumber:
					a.returns = number
				case key == "writes" && isText:
					if a.writes, err = unhex(text); err != nil {
						return nil, err
					}
				default:
					return nil, fmt.Errorf("%s = %v means nothing", key, value)
				}
			}
			list = append(list, a)
		default:
			return nil, fmt.Errorf("%v is no result", r)
		}
	}
	return list, nil
}

func unhex(text string) ([]byte, error) {
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("%q is not hexadecimal", text)
	}
	return b, nil
}

var sensorTypes = map[string]uint8{"switch": 0x45, "button": 0x81, "temperature": 0x82, "humidity": 0x83, "light": 0x84}

func sensorNames() []string {
	return []string{"temperature", "humidity", "light", "button", "switch"}
}

func (s *Sensor) kind() (uint8, error) {
	if kind, ok := sensorTypes[s.Type]; ok {
		return kind, nil
	}
	n, err := strconv.ParseUint(s.Type, 0, 8)
	return uint8(n), err
}
