package build

import (
	"reflect"
	"strings"
	"testing"

	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/image"
	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/vm"
)

// TestPromises compiles what sources say of their containers into contracts.
func TestPromises(t *testing.T) {
	var printf vm.HelperSet
	printf.Add(helpers.Printf)
	timer := author.HookID("timer")
	const keys = 1<<image.KeyABI | 1<<image.KeyHelpers | 1<<image.KeyStack
	for name, test := range map[string]struct {
		code string
		want *image.Contract
	}{
		"nothing said": {`u64 f(void) { return 1; }`, nil},
		"hook and name": {`FEMTO_META("name", "hello"); FEMTO_HOOK(timer, tick) { FEMTO_LOG("x"); return 0; }`, &image.Contract{
			Keys: keys | 1<<image.KeyName | 1<<image.KeyHook, Name: []byte("hello"), Hook: timer[:], Helpers: printf}},
		"all that may be needed": {`FEMTO_META("budget", "5000"); FEMTO_META("local", "1"); FEMTO_META("tenant", "2"); FEMTO_META("global", "0x3");
			FEMTO_META("flags", "long-running"); u64 f(void *c); u64 f(void *c) { volatile u64 a[4]; a[1] = (u64)c; return a[1]; }`, &image.Contract{
			Keys:   keys | 1<<image.KeyBudget | 1<<image.KeyEntries | 1<<image.KeyFlags,
			Budget: 5000, Entries: [3]uint16{1, 2, 3}, Flags: image.LongRunning, Stack: 8}},
	} {
		t.Run(name, func(t *testing.T) {
			raw, err := Link(compile(t, test.code))
			if err != nil {
				t.Fatal(err)
			}
			m, refused := image.Parse(raw)
			if refused != image.OK {
				t.Fatal(refused)
			}
			if test.want == nil {
				if m.Contract() != nil {
					t.Errorf("contract % x", m.Contract())
				}
				return
			}
			var got image.Contract
			if refused := image.ParseContract(m.Contract(), &got); refused != image.OK || !reflect.DeepEqual(&got, test.want) {
				t.Errorf("got %+v, %v; want %+v", got, refused, *test.want)
			}
		})
	}
}

func TestBrokenPromises(t *testing.T) {
	exit := []byte{0xb7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0}
	for _, test := range []struct{ key, value, want string }{
		{"name", "", "1 to 16"},
		{"name", "seventeen letters", "1 to 16"},
		{"budget", "many", "a number up to 2147483647"},
		{"budget", "2147483648", "a number up to"},
		{"local", "-1", "a number up to 65535"},
		{"tenant", "65536", "a number up to 65535"},
		{"global", "", "a number up to 65535"},
		{"flags", "long_running", "the flag long-running only"},
		{"budgt", "1", "want name, hook, budget"},
	} {
		if _, err := Promise(map[string]string{test.key: test.value}, exit); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s=%q: error %v does not mention %q", test.key, test.value, err, test.want)
		}
	}
	if _, err := Promise(map[string]string{"local": "1"}, exit[:8]); err == nil {
		t.Error("a contract for text that no device loads")
	}
}
