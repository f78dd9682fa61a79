package testtable

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/femto-containers/femto/internal/diagnose"
	"github.com/femto-containers/femto/sdk/go/femtotest"
	"github.com/femto-containers/femto/vm"
)

// An input is what a container is given when it is fuzzed: a context and what
// its calls of helpers do, in their order. Calls beyond them do their own work.
type input struct {
	context []byte
	answers []answer
	names   []string // of the helpers that were called, for the table
}

// A Finding is the smallest input that was found to stop a container.
type Finding struct {
	File   string // it may be kept under this name in the folder of tests
	Table  []byte
	Result femtotest.Result
}

// Fuzz makes up contexts and results of helpers until ctx is done or limit
// inputs were tried (0: no limit), and returns what stopped the container, one
// finding for each fault at each instruction, and how many inputs were tried.
// The same subject and limit give the same findings.
func Fuzz(ctx context.Context, s *Subject, limit int) ([]Finding, int, error) {
	budget := int32(s.Budget)
	c, err := femtotest.Open(s.Image, femtotest.Config{Hook: s.Hook, Budget: budget})
	if err != nil {
		return nil, 0, err
	}
	f := &fuzzer{c: c, end: s.watched(c), random: rand.New(rand.NewPCG(1, 2)), seen: map[string]bool{}}
	if h := hookOf(c.Hook()); h != nil {
		_, f.fixed = h.Offsets()
		if f.tail = h.Tail != ""; f.tail {
			f.max = h.Max - f.fixed
		}
	} else {
		f.tail, f.max = true, 256
	}
	for name := range helperSet() {
		c.Fake(name, func(call *vm.Call) uint64 { return f.helper(name, call) })
	}
	corpus := []input{{context: c.DefaultContext()}}
	var findings []Finding
	tried := 0
	for ctx.Err() == nil && (limit == 0 || tried < limit) {
		in := f.mutate(corpus[f.random.IntN(len(corpus))])
		r, signature := f.try(&in, true)
		tried++
		if r.Fault == vm.OK {
			if !f.seen[signature] && len(corpus) < 4096 {
				f.seen[signature] = true
				corpus = append(corpus, in)
			}
			continue
		}
		at := fmt.Sprint("fault ", r.Fault, r.PC)
		if f.seen[at] {
			continue
		}
		f.seen[at] = true
		in, r = f.minimise(in, r)
		findings = append(findings, f.finding(&in, r))
	}
	return findings, tried, nil
}

// helperSet has the names of the standard helpers.
func helperSet() map[string]bool {
	names := map[string]bool{}
	for _, name := range allHelpers() {
		names[name] = true
	}
	return names
}

type fuzzer struct {
	c      *femtotest.Container
	end    func() // of each activation
	random *rand.Rand
	seen   map[string]bool
	fixed  int  // bytes of the context's fields
	tail   bool // bytes may follow them
	max    int  // so many

	in      *input // the one that is being tried
	call    int
	invents bool
}

// interesting are values at which programs tend to break.
var interesting = []int64{0, 1, -1, 2, 7, 8, 16, 31, 32, 63, 64, 100, 127, 128, 255, 256, 1000, 1024, 32767, 32768, 65535, 1 << 31, 1<<31 - 1, 1<<32 - 1, -1 << 63}

// helper does what the input says for the next call, or makes something up.
func (f *fuzzer) helper(name string, call *vm.Call) uint64 {
	i := f.call
	f.call++
	if i >= len(f.in.answers) {
		if !f.invents || i >= 64 {
			return f.c.Play(name, call, true, 0, nil)
		}
		f.in.answers = append(f.in.answers, f.invent(name))
	}
	f.in.names = append(f.in.names[:min(i, len(f.in.names))], name)
	a := &f.in.answers[i]
	return f.c.Play(name, call, a.real, a.returns, a.writes)
}

// outside are the helpers whose results come from outside the container, with
// what each may return (docs/spec/helpers.md); nil: any 32 bits. The others
// compute something of their arguments, and always do.
var outside = map[string][]int64{
	"random": nil, "now_ms": nil, "ztimer_now": nil,
	"store_local": {0, -1}, "store_tenant": {0, -1}, "store_global": {0, -1}, "store_delete": {0, -1}, "store_entry": {0, -1},
	"fetch_local": {0}, "fetch_tenant": {0}, "fetch_global": {0},
	"saul_reg_find_nth": {0, 1, 2}, "saul_reg_find_type": {0, 1, 2}, "saul_reg_read": {1, 2, 3, -1, -19}, "saul_reg_write": {1, 2, 3, -1, -19},
	"gcoap_resp_init": {-1}, "coap_opt_finish": {-1}, "coap_add_format": {-1}, "event_send": {0, -1}, "timer_set": {0, -1},
}

func (f *fuzzer) invent(name string) answer {
	results, known := outside[name]
	if !known || f.random.IntN(3) == 0 {
		return answer{real: true}
	}
	a := answer{writes: f.bytes(8)}
	switch {
	case results != nil:
		a.returns = results[f.random.IntN(len(results))]
	case f.random.IntN(2) == 0:
		a.returns = int64(uint32(interesting[f.random.IntN(len(interesting))]))
	default:
		a.returns = int64(f.random.Uint32())
	}
	if f.random.IntN(2) == 0 {
		put(a.writes, 4, interesting[f.random.IntN(len(interesting))])
	}
	return a
}

func (f *fuzzer) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(f.random.Uint32())
	}
	return b
}

// try runs an input. The signature tells runs apart that took different ways.
func (f *fuzzer) try(in *input, inventing bool) (femtotest.Result, string) {
	f.in, f.call, f.invents = in, 0, inventing
	f.c.Reset()
	given := in.context
	if f.c.Hook() == "coap" {
		given = nil
	}
	r := f.c.Fire(given)
	f.end()
	for range 4 {
		if !r.Waiting || r.Fault != vm.OK {
			break
		}
		r = f.c.Advance(time.Minute)
		f.end()
	}
	in.answers = in.answers[:min(len(in.answers), f.call)]
	return r, fmt.Sprint(r.Instructions, len(r.Calls), len(r.Log), r.Value < 0)
}

// mutate makes another input of one.
func (f *fuzzer) mutate(from input) input {
	in := input{context: bytes.Clone(from.context), answers: slices.Clone(from.answers)}
	for range 1 + f.random.IntN(3) {
		switch n := len(in.context); {
		case f.tail && f.random.IntN(3) == 0:
			size := f.fixed + f.random.IntN(1+min(f.max, 1<<f.random.IntN(9)))
			in.context = append(in.context[:min(n, size)], f.bytes(max(0, size-n))...)
		case n > 0 && f.random.IntN(2) == 0:
			in.context[f.random.IntN(n)] = byte(f.random.Uint32())
		case n > 0:
			var value [8]byte
			put(value[:], 8, interesting[f.random.IntN(len(interesting))])
			at := f.random.IntN(n)
			copy(in.context[at:], value[:1<<f.random.IntN(4)])
		}
	}
	if n := len(in.answers); n > 0 && f.random.IntN(2) == 0 {
		in.answers = in.answers[:f.random.IntN(n)] // and make up the others anew
	}
	return in
}

// minimise makes an input smaller as long as the same fault comes of it.
func (f *fuzzer) minimise(in input, r femtotest.Result) (input, femtotest.Result) {
	same := func(candidate input) bool {
		got, _ := f.try(&candidate, false)
		if got.Fault != r.Fault || got.PC != r.PC {
			return false
		}
		in, r = candidate, got
		return true
	}
	copied := func() input {
		return input{context: bytes.Clone(in.context), answers: slices.Clone(in.answers), names: slices.Clone(in.names)}
	}
	for f.tail && len(in.context) > f.fixed {
		shorter, shortest := copied(), copied()
		shorter.context = shorter.context[:f.fixed+(len(in.context)-f.fixed)/2]
		shortest.context = shortest.context[:len(in.context)-1]
		if !same(shorter) && !same(shortest) {
			break
		}
	}
	for i := range in.context {
		smallest(int64(in.context[i]), nil, func(v int64) bool {
			c := copied()
			c.context[i] = byte(v)
			return same(c)
		})
	}
	for i := 0; i < len(in.answers); i++ {
		a, name := in.answers[i], in.names[i]
		with := func(simpler answer) bool {
			c := copied()
			if i >= len(c.answers) { // it is not asked any more
				return false
			}
			c.answers[i] = simpler
			if !same(c) {
				return false
			}
			a = simpler
			return true
		}
		if a.real || with(answer{real: true}) {
			continue
		}
		smallest(a.returns, outside[name], func(v int64) bool { return with(answer{returns: v, writes: a.writes}) })
		if with(answer{returns: a.returns}) {
			continue
		}
		for n := len(a.writes); n > 1 && with(answer{returns: a.returns, writes: a.writes[:n-1]}); n-- {
		}
		for k := range a.writes {
			smallest(int64(a.writes[k]), nil, func(v int64) bool {
				writes := bytes.Clone(a.writes)
				writes[k] = byte(v)
				return with(answer{returns: a.returns, writes: writes})
			})
		}
	}
	f.try(&in, false) // so that names are those of this input
	return in, r
}

// smallest looks for the value nearest to 0 that does the same as v, which does;
// of the values in of, unless that is nil. Of all values it may miss some: it looks
// where those that do and those that do not are apart.
func smallest(v int64, of []int64, does func(int64) bool) {
	if of != nil {
		for _, w := range of {
			if magnitude(w) < magnitude(v) && does(w) {
				v = w
			}
		}
		return
	}
	if v == 0 || does(0) {
		return
	}
	not := int64(0)
	for {
		between := not + (v-not)/2
		if between == not {
			return
		}
		if does(between) {
			v = between
		} else {
			not = between
		}
	}
}

func magnitude(v int64) uint64 { return uint64(max(v, -v)) }

// finding writes an input as a table that fails as long as the fault is there.
func (f *fuzzer) finding(in *input, r femtotest.Result) Finding {
	var b strings.Builder
	fmt.Fprintf(&b, "# Found by femto test --fuzz: %v at instruction %d.\n# Keep it when the container is mended: then it tests that.\n\n", r.Fault, r.PC)
	fmt.Fprintf(&b, "[[test]]\nname = \"fuzz: %v\"\n", r.Fault)
	if f.c.Hook() != "coap" && !bytes.Equal(in.context, f.c.DefaultContext()) {
		fmt.Fprintf(&b, "context = { %s }\n", f.contextText(in.context))
	}
	var names []string
	lists := map[string][]string{}
	for i, a := range in.answers {
		if i >= len(in.names) {
			break
		}
		name := in.names[i]
		if lists[name] == nil {
			names = append(names, name)
		}
		lists[name] = append(lists[name], a.text())
	}
	for _, name := range names {
		list := lists[name]
		for len(list) > 0 && list[len(list)-1] == `"real"` {
			list = list[:len(list)-1]
		}
		if len(list) > 0 {
			fmt.Fprintf(&b, "helpers.%s = [%s, \"real\"]\n", name, strings.Join(list, ", "))
		}
	}
	b.WriteString("[test.expect]\nfault = \"none\"\n")
	table := []byte(b.String())
	return Finding{File: fmt.Sprintf("fuzz-%x.toml", sha256.Sum256(table))[:17] + ".toml", Table: table, Result: r}
}

func (a *answer) text() string {
	switch {
	case a.real:
		return `"real"`
	case len(a.writes) == 0:
		return fmt.Sprint(a.returns)
	}
	return fmt.Sprintf("{ returns = %d, writes = \"% x\" }", a.returns, a.writes)
}

// contextText is a context as a table says it: fields, then the bytes after
// them.
func (f *fuzzer) contextText(context []byte) string {
	var parts []string
	h := hookOf(f.c.Hook())
	if h != nil {
		offsets, _ := h.Offsets()
		for i := range h.Fields {
			field := &h.Fields[i]
			n := max(field.Count, 1)
			width := field.Size() / n
			var values []string
			some := false
			for k := range n {
				v := get(context[offsets[i]+k*width:], field.Type, width)
				values, some = append(values, fmt.Sprint(v)), some || v != 0
			}
			switch {
			case !some:
			case field.Count > 0:
				parts = append(parts, fmt.Sprintf("%s = [%s]", field.Name, strings.Join(values, ", ")))
			default:
				parts = append(parts, fmt.Sprintf("%s = %s", field.Name, values[0]))
			}
		}
	}
	if rest := context[f.fixed:]; len(rest) > 0 {
		parts = append(parts, fmt.Sprintf("hex = \"% x\"", rest))
	}
	return strings.Join(parts, ", ")
}

// Diagnostic says what a finding is, at a place in the source.
func (f *Finding) Diagnostic(file string, place diagnose.Place) *diagnose.Diagnostic {
	return &diagnose.Diagnostic{Code: diagnose.FuzzFinding, What: fmt.Sprintf("made-up input stops the container: %v", f.Result.Fault), Place: place,
		Where: fmt.Sprintf("instruction %d", f.Result.PC), Why: "the smallest such input is kept in " + file, Fix: "mend the container; femto test tries this input from now on"}
}
