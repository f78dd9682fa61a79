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
	kindKeep              // returns 7, and was promised entries
	kindSend              // sends an event
	kindTimer             // sends one for later
	kinds
)

const (
	helperNap   = 0xf1
	helperTimer = 0xf2
	napTime     = 1000
	timerTime   = 700
	modelKept   = 4
	modelData   = 16
	modelStack  = 16
	faultLimit  = 3
)

func (k kind) long() bool { return k >= kindSpin && k <= kindCrash }

// entries is what the contract promises.
func (k kind) entries() int {
	if k == kindKeep {
		return modelKept
	}
	return 0
}

func (k kind) memory() int {
	switch {
	case k == kindCount:
		return modelData
	case k.long():
		return modelStack + vm.SavedSize(0)
	}
	return 0
}

// A modelStore is a store, with whether it has changed since it was saved.
type modelStore struct {
	pairs   []engine.Entry
	changed bool
}

func (s *modelStore) put(key, value uint32) {
	i := s.find(key)
	if i < 0 {
		i = len(s.pairs)
		s.pairs = append(s.pairs, engine.Entry{Key: key, Value: ^value})
	}
	s.changed = s.changed || s.pairs[i].Value != value
	s.pairs[i].Value = value
}

func (s *modelStore) find(key uint32) int {
	return slices.IndexFunc(s.pairs, func(e engine.Entry) bool { return e.Key == key })
}

func (s *modelStore) clear() { s.pairs, s.changed = nil, s.changed || len(s.pairs) > 0 }

// modelled is what a place is, according to the model.
type modelled struct {
	state    engine.State
	hook     int
	tenant   int
	kind     kind
	count    int64
	store    modelStore
	reserved int
	streak   int
	wake     int64
	memory   int
	trial    bool
	old      kind
	deadline int64 // 0: not known
	executed int64 // instructions, at the beginning of a Poll
}

// A modelTenant is what a tenant has used.
type modelTenant struct {
	rate    int64
	credit  int64 // instructions times microseconds
	filled  int64
	lead    uint32
	dropped uint32
	store   modelStore
}

type modelEvent struct {
	due    int64
	tenant int
	from   int // place
	all    bool
}

type model struct {
	t       *testing.T
	b       *bench
	random  *rand.Rand
	images  [kinds][]byte
	places  []modelled
	tenants map[int]*modelTenant
	global  modelStore
	queue   []modelEvent
	saved   int     // whose store was saved last
	order   [][]int // of each hook
	now     int64
	what    string
	seen    map[string]int // how often what happened
}

const (
	modelEvents = 10
	eventHook   = 2
)

func newModel(t *testing.T, seed uint64) *model {
	m := &model{t: t, random: rand.New(rand.NewPCG(seed, 5)), now: 1, seen: map[string]int{}}
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
	b.config.Events = make([]engine.Event, modelEvents)
	b.config.Hooks[eventHook].Events = true
	b.config.Helpers = []vm.Helper{
		{Number: helperSend, Call: func(c *vm.Call) uint64 { return uint64(b.Send(1, 2)) }},
		{Number: helperNap, Call: func(c *vm.Call) uint64 { return uint64(b.Sleep(c, b.Now()+napTime)) }},
		{Number: helperTimer, Call: func(c *vm.Call) uint64 { return uint64(b.SendAt(b.Now()+timerTime, 1, 2)) }},
	}
	b.config.Tenants[0].Grant.Rate = 20
	b.config.Tenants[1].Grant.Rate = 300_000
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
		kindKeep:  "mov r0, 7",
		kindSend:  fmt.Sprintf("call %d", helperSend),
		kindTimer: fmt.Sprintf("call %d", helperTimer),
	} {
		var parts image.Parts
		if kind(k) == kindCount {
			parts.Data = make([]byte, modelData)
		}
		if kind(k).long() {
			parts.Contract = long(modelStack)
		}
		if n := kind(k).entries(); n > 0 {
			parts.Contract = &image.Contract{Entries: [3]uint16{uint16(n)}}
		}
		m.images[k] = program(t, source, parts)
	}
	m.places = make([]modelled, len(b.config.Containers))
	m.order = make([][]int, len(b.config.Hooks))
	m.tenants = map[int]*modelTenant{}
	for i := engine.Owner; i < len(b.config.Tenants); i++ {
		m.tenants[i] = &modelTenant{rate: int64(b.Tenant(i).Grant.Rate)}
	}
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
	m.withdraw(i)
	p.kind, p.state, p.count, p.streak, p.wake, p.executed = k, engine.Attached, 0, 0, 0, 0
	if !slices.Contains(m.order[p.hook], i) {
		m.order[p.hook] = append(m.order[p.hook], i)
	}
}

func (m *model) unlink(i int) {
	p := &m.places[i]
	m.order[p.hook] = slices.DeleteFunc(m.order[p.hook], func(n int) bool { return n == i })
}

// withdraw ends what the container at place i has sent.
func (m *model) withdraw(i int) {
	n := len(m.queue)
	m.queue = slices.DeleteFunc(m.queue, func(v modelEvent) bool { return v.from == i })
	m.seen["event withdrawn"] += n - len(m.queue)
}

func (m *model) revert(i int) {
	p := &m.places[i]
	was := p.state
	p.trial, p.memory, p.reserved = false, p.old.memory(), p.old.entries()
	m.version(i, p.old)
	switch was {
	case engine.Stopped:
		p.state = was
		m.seen["came back stopped"]++
	case engine.Installed:
		p.state = was
		m.unlink(i)
		m.seen["came back detached"]++
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

// promised is how many entries are in use or promised.
func (m *model) promised() int {
	n := len(m.global.pairs)
	for _, t := range m.tenants {
		n += len(t.store.pairs)
	}
	for i := range m.places {
		n += m.places[i].promised()
	}
	return n
}

func (p *modelled) promised() int { return max(p.reserved, len(p.store.pairs)) }

func (m *model) install(i int) {
	p := &m.places[i]
	hook, tenant, k := m.random.IntN(len(m.order)), m.random.IntN(5)-1, kind(m.random.IntN(int(kinds)))
	if p.state != engine.Removed && m.random.IntN(8) > 0 {
		hook = p.hook
		if m.random.IntN(4) > 0 {
			tenant = p.tenant
		}
	}
	proven := m.random.IntN(4) == 0
	m.what += fmt.Sprintf(" hook %d tenant %d kind %d proven %v", hook, tenant, k, proven)
	same := p.state != engine.Removed && p.tenant == tenant
	tried := same && !proven && (tenant == 1 || tenant == 2)
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
	case tenant == 3 && others == 2, m.promised()-p.promised()+k.entries() > len(m.b.config.Entries):
		want = engine.ErrUnmet
	}
	spec := engine.Spec{Hook: hook, Tenant: tenant, Name: []byte{byte('a' + i)}, Image: m.images[k], Proven: proven}
	m.seen[fmt.Sprintf("install: %v", want)]++
	if !m.expect(m.b.Install(i, &spec).Reason, want) {
		return
	}
	switch {
	case tried:
		if !p.trial {
			p.old = p.kind
		}
		p.trial, p.deadline, p.memory, p.reserved = true, 0, max(p.memory, k.memory()), max(p.reserved, k.entries())
	default:
		p.trial, p.memory, p.reserved = false, k.memory(), k.entries()
	}
	if !same {
		p.store.clear()
	}
	p.hook, p.tenant = hook, tenant
	m.version(i, k)
}

// affords returns when a tenant may run something.
func (m *model) affords(tenant int) int64 {
	t := m.tenants[tenant]
	if t.rate == 0 {
		return m.now
	}
	t.credit = min(t.credit+(m.now-t.filled)*t.rate, t.rate*second)
	t.filled = m.now
	if t.credit > 0 {
		return m.now
	}
	return m.now - t.credit/t.rate + 1
}

// send has a container of the model send an event.
func (m *model) send(i int, due int64, all bool) engine.Error {
	tenant, mine := m.places[i].tenant, 0
	for _, v := range m.queue {
		if v.tenant == tenant {
			mine++
		}
	}
	if len(m.queue) == modelEvents || mine == modelEvents/len(m.tenants) {
		m.tenants[tenant].dropped++
		m.seen["event dropped"]++
		return engine.ErrQueue
	}
	m.queue = append(m.queue, modelEvent{due, tenant, i, all})
	return engine.OK
}

// costs is what the kinds that run to completion, or fault, execute each time.
var costs = [kinds]int64{kindValue: 2, kindCount: 5, kindFault: 1, kindCrash: 1, kindKeep: 2, kindSend: 2, kindTimer: 2}

// hooked is what comes of firing a hook: for all, or for the receivers of an
// event.
func (m *model) hooked(hook int, event *modelEvent) engine.Result {
	want := engine.Result{Value: defaultResult}
	for _, i := range slices.Clone(m.order[hook]) {
		p := &m.places[i]
		if event != nil && (p.tenant != event.tenant || i == event.from && !event.all) {
			continue
		}
		if p.kind.long() {
			if p.wake == never {
				p.wake = m.now
			}
			continue
		}
		if p.state != engine.Attached {
			continue
		}
		if event == nil && m.affords(p.tenant) > m.now {
			want.Skipped++
			m.seen["skipped"]++
			continue
		}
		m.tenants[p.tenant].credit -= costs[p.kind] * second
		if p.kind == kindFault {
			want.Faulted++
			m.faulted(i)
			continue
		}
		want.Ran++
		p.streak = 0
		want.Value = 7
		switch p.kind {
		case kindCount:
			p.count++
			want.Value = p.count
		case kindSend:
			want.Value = int64(m.send(i, m.now, false))
		case kindTimer:
			want.Value = int64(m.send(i, m.now+timerTime, true))
		}
	}
	return want
}

func (m *model) fire() {
	hook := m.random.IntN(len(m.order))
	m.what += fmt.Sprintf(" hook %d", hook)
	want := m.hooked(hook, nil)
	got := m.b.Fire(m.now, hook, nil)
	got.Instructions = 0
	if got != want {
		m.fail("%+v, want %+v", got, want)
	}
}

// deliver is what comes of the event that is due first.
func (m *model) deliver() bool {
	first := -1
	for i, v := range m.queue {
		if v.due <= m.now && m.affords(v.tenant) > m.now {
			m.seen["event waits"]++
		} else if v.due <= m.now && (first < 0 || v.due < m.queue[first].due) {
			first = i
		}
	}
	if first >= 0 {
		event := m.queue[first]
		m.queue = slices.Delete(m.queue, first, first+1)
		m.hooked(eventHook, &event)
		m.seen["event delivered"]++
	}
	return first >= 0
}

// turn returns the place whose turn it is, or -1, and what its tenant weighs.
func (m *model) turn() (place int, weight int64) {
	tenants := map[int]bool{} // that can run something
	weight = 1 << 16
	due := func(i int) bool {
		p := &m.places[i]
		if !p.kind.long() || p.state != engine.Attached && p.state != engine.Suspended {
			return false
		}
		weight = max(weight, m.tenants[p.tenant].rate)
		return p.wake <= m.now && m.affords(p.tenant) <= m.now
	}
	ahead := -1 // the tenant that has come least far
	for i := range m.places {
		if tenant := m.places[i].tenant; due(i) {
			if len(tenants) == 0 || m.tenants[tenant].lead < m.tenants[ahead].lead {
				ahead = tenant
			}
			tenants[tenant] = true
		}
	}
	place = -1
	for i := range m.places {
		if p := &m.places[i]; len(tenants) > 0 && p.tenant == ahead && due(i) && (place < 0 || p.wake < m.places[place].wake) {
			place = i
		}
	}
	if place >= 0 && m.tenants[ahead].rate > 0 {
		weight = m.tenants[ahead].rate
	}
	if len(tenants) > 1 {
		m.seen["tenants contend"]++
	}
	return place, weight
}

func (m *model) poll() {
	for i := range m.places {
		m.places[i].executed = int64(m.b.Container(i).Stats().Instructions)
	}
	if m.random.IntN(20) == 0 {
		m.now += m.random.Int64N(2 * second)
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
		} else {
			p.trial, p.memory, p.reserved = false, p.kind.memory(), p.kind.entries()
		}
	}
	delivered := m.deliver()
	turn, weight := m.turn()
	next := m.b.Poll(m.now)
	if turn >= 0 {
		p := &m.places[turn]
		t := m.tenants[p.tenant]
		spent := costs[kindCrash]
		if p.kind != kindCrash {
			// What a fault brings back has executed nothing.
			spent = int64(m.b.Container(turn).Stats().Instructions) - p.executed
			p.executed += spent
		}
		if spent <= 0 || spent > 40 {
			for i := range m.places {
				m.t.Logf("%d: %+v lead %d credit %d instructions %d", i, m.places[i], m.tenants[m.places[i].tenant].lead, m.tenants[m.places[i].tenant].credit, m.b.Container(i).Stats().Instructions)
			}
			m.fail("%d executed %d instructions, though it was its turn", turn, spent)
		}
		t.credit -= spent * second
		least := t.lead
		for _, other := range m.tenants {
			other.lead -= min(other.lead, least)
		}
		t.lead = uint32(max(1, spent<<10/(weight>>10+1)))
		switch p.kind {
		case kindSpin:
			p.state, p.wake = engine.Suspended, m.now
		case kindNap:
			p.state, p.wake = engine.Suspended, m.now+napTime
		case kindOnce:
			p.state, p.wake, p.streak = engine.Attached, never, 0
		case kindCrash:
			p.state = engine.Attached
			m.faulted(turn)
		}
	}
	want := int64(never)
	for i := range m.places {
		p := &m.places[i]
		if p.trial {
			want = min(want, p.deadline)
		}
		if p.kind.long() && (p.state == engine.Attached || p.state == engine.Suspended) {
			want = min(want, max(p.wake, m.affords(p.tenant)))
		}
	}
	for _, v := range m.queue {
		want = min(want, max(v.due, m.affords(v.tenant)))
	}
	// A slice that ends a trial, or spends what others counted on, is noticed by
	// the next Poll.
	if next > want || next < m.now || next < want && turn < 0 && !delivered {
		m.fail("next poll at %d, want %d, now %d", next, want, m.now)
	}
}

// dismiss revokes a tenant.
func (m *model) dismiss() {
	tenant := m.random.IntN(len(m.tenants) - 1)
	m.what += fmt.Sprintf(" tenant %d", tenant)
	for i := range m.places {
		if p := &m.places[i]; p.state != engine.Removed && p.tenant == tenant {
			m.expect(m.b.Remove(i), engine.OK)
			m.unlink(i)
			m.withdraw(i)
			*p = modelled{}
		}
	}
	grant := m.b.Tenant(tenant).Grant
	m.b.Dismiss(tenant)
	m.b.Tenant(tenant).Grant = grant
	m.tenants[tenant] = &modelTenant{rate: m.tenants[tenant].rate}
}

// stores is the store of every owner, in the order in which they are saved.
func (m *model) stores(visit func(owner int, s *modelStore)) {
	for i := len(m.b.config.Tenants) - 1; i >= engine.Owner; i-- {
		visit(engine.TenantStore(i), &m.tenants[i].store)
	}
	visit(engine.Global, &m.global)
	for i := range m.places {
		visit(i, &m.places[i].store)
	}
}

// write puts a pair into a store, or deletes one.
func (m *model) write(n int) {
	pick := m.random.IntN(len(m.tenants) + 1 + len(m.places))
	key := uint32(1 + m.random.IntN(6))
	erase := m.random.IntN(3) == 0
	m.what += fmt.Sprintf(" store %d key %d erase %v", pick, key, erase)
	m.stores(func(owner int, s *modelStore) {
		if pick--; pick != -1 {
			return
		}
		reserved := 0
		if owner >= 0 {
			if m.places[owner].state == engine.Removed {
				m.expect(m.b.Put(owner, key, uint32(n)), engine.ErrContainer)
				return
			}
			reserved = m.places[owner].reserved
		}
		i := s.find(key)
		if erase {
			if m.b.Delete(owner, key) != (i >= 0) {
				m.fail("deleted %v", i < 0)
			}
			if i >= 0 {
				s.pairs, s.changed = slices.Delete(s.pairs, i, i+1), true
			}
			return
		}
		err := engine.OK
		if i < 0 && len(s.pairs) >= reserved && m.promised() >= len(m.b.config.Entries) {
			err = engine.ErrStore
		}
		m.seen[fmt.Sprintf("store: %v", err)]++
		if m.expect(m.b.Put(owner, key, uint32(n%3)), err) {
			s.put(key, uint32(n%3))
		}
	})
}

// save saves the store whose turn it is.
func (m *model) save() {
	var changed []int
	m.stores(func(owner int, s *modelStore) {
		if s.changed {
			changed = append(changed, owner)
		}
	})
	turn, ok := 0, len(changed) > 0
	if ok {
		turn = changed[0]
		if i := slices.IndexFunc(changed, func(owner int) bool { return owner > m.saved }); i > 0 {
			turn = changed[i]
		}
	}
	owner, got := m.b.Unsaved(7)
	if got != ok || got && owner != turn {
		m.fail("unsaved: %d %v, want %d %v, after %d", owner, got, turn, ok, m.saved)
	}
	if ok {
		m.stores(func(o int, s *modelStore) { s.changed = s.changed && o != owner })
		m.b.Saved(owner)
		m.saved = owner
		m.seen["saved"]++
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
			m.withdraw(i)
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
			p.trial, p.memory, p.reserved = false, p.kind.memory(), p.kind.entries()
		}
	case do < 19:
		err := engine.ErrTrial
		if p.trial {
			err = engine.OK
		}
		if m.expect(m.b.Revert(i), err) {
			m.revert(i)
		}
	case do < 22:
		m.write(n)
	case do < 23:
		m.save()
	case do < 24:
		if m.random.IntN(20) == 0 {
			m.dismiss()
		}
	case do < 31:
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
	m.stores(func(owner int, s *modelStore) {
		if got := m.b.Pairs(owner); !slices.Equal(got, s.pairs) {
			m.fail("store %d has %v, want %v", owner, got, s.pairs)
		}
	})
	if n := m.promised(); n > len(m.b.config.Entries) {
		m.fail("%d entries are promised", n)
	}
	for _, v := range m.queue {
		if p := &m.places[v.from]; p.state == engine.Removed || p.tenant != v.tenant {
			m.fail("an event of place %d waits, whose container is gone", v.from)
		}
	}
	for i, t := range m.tenants {
		if got := m.b.Tenant(i).Dropped(); got != t.dropped {
			m.fail("tenant %d dropped %d events, want %d", i, got, t.dropped)
		}
	}
	for hook, order := range m.order {
		n := 0
		for ; n < len(order) && m.b.Order(hook, n) == order[n] && m.b.Position(order[n]) == n+1; n++ {
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
	seen := map[string]int{}
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
		for what, n := range m.seen {
			seen[what] += n
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
	for _, what := range []string{
		"install: no error", "install: image needs more than it is granted", "install: not on trial, or too many containers are",
		"store: no error", "store: store is full", "saved", "skipped",
		"event delivered", "event waits", "event dropped", "event withdrawn", "tenants contend", "came back stopped", "came back detached",
	} {
		if seen[what] < int(events/20_000) {
			t.Errorf("%q was seen %d times only", what, seen[what])
		}
	}
	t.Logf("%d events: %v, %d on trial, %v", events, states, trials, seen)
}
