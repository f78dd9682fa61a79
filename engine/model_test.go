package engine_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/vm"
)

// The model knows what kinds of containers do, and nothing of how.
type kind int

const (
	kindValue kind = iota // returns 7
	kindCount             // counts in .data
	kindFault             // faults
	kindSpin              // never waits
	kindNap               // waits a millisecond, for ever
	kindOnce              // long-running, but ends
	kindCrash             // long-running, and faults
	kinds
)

const (
	helperNap  = 0xf1
	napTime    = 1000
	modelData  = 16
	modelStack = 16
	faultLimit = 3
)

func (k kind) long() bool { return k >= kindSpin }

func (k kind) memory() int {
	switch {
	case k == kindCount:
		return modelData
	case k.long():
		return modelStack + vm.SavedSize(0)
	}
	return 0
}

// modelled is what a place is, according to the model.
type modelled struct {
	state    engine.State
	hook     int
	tenant   int
	kind     kind
	count    int64
	stored   uint32
	streak   int
	wake     int64
	memory   int
	trial    bool
	old      kind
	deadline int64 // 0: not known
}

type model struct {
	t      *testing.T
	b      *bench
	random *rand.Rand
	images [kinds][]byte
	places []modelled
	order  [][]int // of each hook
	now    int64
	what   string
}

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 5)), now: 1}
	b := newBench(t)
	m.b = b
	b.config.Hooks = b.config.Hooks[:3]
	for i := range b.config.Hooks {
		b.config.Hooks[i].Policy = engine.Continue
	}
	b.config.Containers = make([]engine.Container, 6)
	b.config.Memory = make([]byte, 6*(modelStack+vm.SavedSize(0)))
	b.config.Trials = make([]engine.Trial, 2)
	b.config.FaultLimit = faultLimit
	b.config.Quantum = 20
	b.config.Helpers = []vm.Helper{{Number: helperNap, Call: func(c *vm.Call) uint64 { return uint64(b.Sleep(c, b.Now()+napTime)) }}}
	b.config.Tenants[1].Grant.Trial = 1
	b.config.Tenants[2].Grant.Trial = 1
	b.config.Tenants[2].Grant.Confirm = true
	b.config.Tenants[3].Grant.Containers = 2
	if err := b.Init(&b.config); err != engine.OK {
		t.Fatal(err)
	}
	for k, source := range [kinds]string{
		kindValue: "mov r0, 7",
		kindCount: "lddwd r1, 0\nldxdw r0, [r1]\nadd r0, 1\nstxdw [r1], r0",
		kindFault: "mov r1, 0\nldxb r0, [r1]",
		kindSpin:  "loop: ja loop\nexit",
		kindNap:   fmt.Sprintf("loop: call %d\nja loop\nexit", helperNap),
		kindOnce:  "mov r0, 7",
		kindCrash: "mov r1, 0\nldxb r0, [r1]",
	} {
		var parts image.Parts
		if kind(k) == kindCount {
			parts.Data = make([]byte, modelData)
		}
		if kind(k).long() {
			parts.Contract = long(modelStack)
		}
		m.images[k] = program(t, source, parts)
	}
	m.places = make([]modelled, len(b.config.Containers))
	m.order = make([][]int, len(b.config.Hooks))
	return m
}

func (m *model) fail(format string, args ...any) {
	m.t.Helper()
	m.t.Fatalf("%s: %s", m.what, fmt.Sprintf(format, args...))
}

func (m *model) expect(got, want engine.Error) bool {
	if got != want {
		m.fail("%v, want %v", got, want)
	}
	return got == engine.OK
}

func (m *model) trials() (n int) {
	for _, p := range m.places {
		if p.trial {
			n++
		}
	}
	return n
}

// version makes place i run k, keeping its store.
func (m *model) version(i int, k kind) {
	p := &m.places[i]
	p.kind, p.state, p.count, p.streak, p.wake = k, engine.Attached, 0, 0, 0
	if !slices.Contains(m.order[p.hook], i) {
		m.order[p.hook] = append(m.order[p.hook], i)
	}
}

func (m *model) unlink(i int) {
	p := &m.places[i]
	m.order[p.hook] = slices.DeleteFunc(m.order[p.hook], func(n int) bool { return n == i })
}

func (m *model) revert(i int) {
	p := &m.places[i]
	was := p.state
	p.trial, p.memory = false, p.old.memory()
	m.version(i, p.old)
	switch was {
	case engine.Stopped:
		p.state = was
	case engine.Installed:
		p.state = was
		m.unlink(i)
	}
}

// faulted counts a fault of place i.
func (m *model) faulted(i int) {
	p := &m.places[i]
	p.wake = m.now + second
	if p.streak++; p.streak >= faultLimit {
		if p.trial {
			m.revert(i)
		} else {
			p.state = engine.Faulted
		}
	}
}

func (m *model) install(i int) {
	p := &m.places[i]
	hook, tenant, k := m.random.IntN(len(m.order)), m.random.IntN(5)-1, kind(m.random.IntN(int(kinds)))
	if p.state != engine.Removed && m.random.IntN(8) > 0 {
		hook = p.hook
		if m.random.IntN(4) > 0 {
			tenant = p.tenant
		}
	}
	m.what += fmt.Sprintf(" hook %d tenant %d kind %d", hook, tenant, k)
	same := p.state != engine.Removed && p.tenant == tenant
	tried := same && (tenant == 1 || tenant == 2)
	others := 0
	for n, other := range m.places {
		if n != i && other.state != engine.Removed && other.tenant == tenant {
			others++
		}
	}
	want := engine.OK
	switch {
	case p.state != engine.Removed && hook != p.hook:
		want = engine.ErrHook
	case tried && !p.trial && m.trials() == len(m.b.config.Trials):
		want = engine.ErrTrial
	case tenant == 3 && others == 2:
		want = engine.ErrUnmet
	}
	spec := engine.Spec{Hook: hook, Tenant: tenant, Name: []byte{byte('a' + i)}, Image: m.images[k]}
	if !m.expect(m.b.Install(i, &spec).Reason, want) {
		return
	}
	switch {
	case tried:
		if !p.trial {
			p.old = p.kind
		}
		p.trial, p.deadline, p.memory = true, 0, max(p.memory, k.memory())
	case same:
		p.memory = k.memory()
	default:
		p.trial, p.stored, p.memory = false, 0, k.memory()
	}
	p.hook, p.tenant = hook, tenant
	m.version(i, k)
}

func (m *model) fire() {
	hook := m.random.IntN(len(m.order))
	m.what += fmt.Sprintf(" hook %d", hook)
	want := engine.Result{Value: defaultResult}
	for _, i := range m.order[hook] {
		p := &m.places[i]
		switch {
		case p.kind.long():
			if p.wake == never {
				p.wake = m.now
			}
		case p.state != engine.Attached:
		case p.kind == kindFault:
			want.Faulted++
			m.faulted(i)
		default:
			want.Ran++
			p.streak = 0
			want.Value = 7
			if p.kind == kindCount {
				p.count++
				want.Value = p.count
			}
		}
	}
	got := m.b.Fire(m.now, hook, nil)
	got.Instructions = 0
	if got != want {
		m.fail("%+v, want %+v", got, want)
	}
}

func (m *model) poll() {
	if m.random.IntN(20) == 0 {
		m.now += m.random.Int64N(2 * second)
	}
	before := make([]engine.Stats, len(m.places))
	for i := range m.places {
		before[i] = m.b.Container(i).Stats()
	}
	for i := range m.places {
		p := &m.places[i]
		if !p.trial {
			continue
		}
		if p.deadline == 0 {
			p.deadline = m.now + second
		}
		if m.now < p.deadline {
			continue
		}
		if p.tenant == 2 {
			m.revert(i)
			before[i] = engine.Stats{} // what comes back starts at zero
		} else {
			p.trial, p.memory = false, p.kind.memory()
		}
	}
	due := func(i int) bool {
		p := &m.places[i]
		return p.kind.long() && (p.state == engine.Attached || p.state == engine.Suspended) && p.wake <= m.now
	}
	var candidates []int
	for i := range m.places {
		if due(i) {
			candidates = append(candidates, i)
		}
	}
	next := m.b.Poll(m.now)
	ran := -1
	for _, i := range candidates {
		// A fault may end the trial: then what comes back has not run.
		if s := m.b.Container(i).Stats(); s != before[i] && s.Activations > 0 || m.places[i].trial && m.b.Trial(i) == nil {
			if ran >= 0 {
				m.fail("%d and %d ran", ran, i)
			}
			ran = i
		}
	}
	if (ran >= 0) != (len(candidates) > 0) {
		m.fail("ran %d of %v", ran, candidates)
	}
	if ran >= 0 {
		p := &m.places[ran]
		switch p.kind {
		case kindSpin:
			p.state, p.wake = engine.Suspended, m.now
		case kindNap:
			p.state, p.wake = engine.Suspended, m.now+napTime
		case kindOnce:
			p.state, p.wake, p.streak = engine.Attached, never, 0
		case kindCrash:
			p.state = engine.Attached
			m.faulted(ran)
		}
	}
	want := int64(never)
	for i := range m.places {
		p := &m.places[i]
		if p.trial {
			want = min(want, p.deadline)
		}
		if p.kind.long() && (p.state == engine.Attached || p.state == engine.Suspended) {
			want = min(want, max(p.wake, m.now))
		}
	}
	// A slice that ends a trial is noticed by the next Poll.
	if next > want || next < m.now || next < want && len(candidates) == 0 {
		m.fail("next poll at %d, want %d, now %d", next, want, m.now)
	}
}

func (m *model) step(n int) {
	m.now += m.random.Int64N(300)
	i := m.random.IntN(len(m.places))
	p := &m.places[i]
	do := m.random.IntN(40)
	m.what = fmt.Sprintf("event %d, %d at place %d", n, do, i)
	want := func(states ...engine.State) engine.Error {
		switch {
		case p.state == engine.Removed:
			return engine.ErrContainer
		case slices.Contains(states, p.state):
			return engine.OK
		}
		return engine.ErrState
	}
	const a, s, u, f = engine.Attached, engine.Suspended, engine.Stopped, engine.Faulted
	switch {
	case do < 5:
		m.install(i)
	case do < 7:
		if m.expect(m.b.Remove(i), want(engine.Installed, a, s, u, f)) {
			m.unlink(i)
			*p = modelled{}
		}
	case do < 9:
		if m.expect(m.b.Stop(i), want(a, s, u, f)) {
			p.state = u
		}
	case do < 12:
		if m.expect(m.b.Start(i), want(a, s, u, f)) {
			p.streak = 0
			if p.state != s {
				p.state, p.wake = a, 0
			}
		}
	case do < 14:
		if m.expect(m.b.Detach(i), want(a, s, u, f)) {
			p.state = engine.Installed
			m.unlink(i)
		}
	case do < 17:
		if m.expect(m.b.Attach(i), want(engine.Installed)) {
			p.state, p.wake, p.streak = a, 0, 0
			m.order[p.hook] = append(m.order[p.hook], i)
		}
	case do < 18:
		err := engine.ErrTrial
		if p.trial {
			err = engine.OK
		}
		if m.expect(m.b.Confirm(i), err) {
			p.trial, p.memory = false, p.kind.memory()
		}
	case do < 19:
		err := engine.ErrTrial
		if p.trial {
			err = engine.OK
		}
		if m.expect(m.b.Revert(i), err) {
			m.revert(i)
		}
	case do < 20:
		err := engine.ErrContainer
		if p.state != engine.Removed {
			err, p.stored = engine.OK, uint32(n)
		}
		m.expect(m.b.Put(i, 1, uint32(n)), err)
	case do < 30:
		m.fire()
	default:
		m.poll()
	}
	m.compare()
}

func (m *model) compare() {
	used := 0
	for i := range m.places {
		p, c := &m.places[i], m.b.Container(i)
		if c.State() != p.state {
			m.fail("place %d is in state %d, want %d", i, c.State(), p.state)
		}
		if m.b.Get(i, 1) != p.stored {
			m.fail("store of place %d has %d, want %d", i, m.b.Get(i, 1), p.stored)
		}
		if p.state == engine.Removed {
			continue
		}
		used += p.memory
		if c.Hook() != p.hook || c.Tenant() != p.tenant || c.Memory() != p.memory || &c.Image().Bytes()[0] != &m.images[p.kind][0] {
			m.fail("place %d: hook %d tenant %d, %d bytes; want %+v", i, c.Hook(), c.Tenant(), c.Memory(), *p)
		}
		if old := m.b.Trial(i); (old != nil) != p.trial || p.trial && &old[0] != &m.images[p.old][0] {
			m.fail("place %d is on trial: %v, want %v", i, old != nil, p.trial)
		}
	}
	if free := len(m.b.config.Memory) - used; m.b.MemoryFree() != free {
		m.fail("%d bytes are free, want %d", m.b.MemoryFree(), free)
	}
	for hook, order := range m.order {
		n := 0
		for ; n < len(order) && m.b.Order(hook, n) == order[n]; n++ {
		}
		if n < len(order) || m.b.Order(hook, n) != -1 {
			m.fail("order of hook %d is %v, want %v", hook, m.b.order(hook), order)
		}
	}
}

func fromEnv(t *testing.T, name string, n uint64) uint64 {
	if s := os.Getenv(name); s != "" {
		v, err := strconv.ParseUint(s, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return n
}

// TestModel drives an engine at random beside a model of the lifecycle.
// FEMTO_MODEL_EVENTS and FEMTO_MODEL_SEED choose how often and which way; a
// failure names its seed.
func TestModel(t *testing.T) {
	const per = 10_000
	events := fromEnv(t, "FEMTO_MODEL_EVENTS", 100_000)
	seed := fromEnv(t, "FEMTO_MODEL_SEED", 1)
	states := map[engine.State]int{}
	trials := 0
	for begin := uint64(0); begin < events; begin += per {
		m := newModel(t, seed)
		t.Logf("FEMTO_MODEL_SEED=%d", seed)
		for n := range int(min(per, events-begin)) {
			m.step(n)
			for _, p := range m.places {
				states[p.state]++
			}
			trials += m.trials()
		}
		seed++
	}
	// It has been everywhere.
	for s := engine.Removed; s <= engine.Faulted; s++ {
		if s != engine.Running && states[s] < int(events/100) {
			t.Errorf("state %d was seen %d times only", s, states[s])
		}
	}
	if trials < int(events/100) {
		t.Errorf("%d trials only", trials)
	}
	t.Logf("%d events: %v, %d on trial", events, states, trials)
}
