package build

import (
	"maps"
	"testing"

	"github.com/femto-containers/femto/image"
)

func TestMeta(t *testing.T) {
	tests := []struct {
		name, code string
		want       map[string]string
	}{
		{"nothing", `u64 f(void) { return 1; }`, nil},
		{"hook and name", `FEMTO_META("name", "hello"); FEMTO_HOOK(timer, tick) { return context->count; }`,
			map[string]string{"name": "hello", "hook": "timer"}},
		{"the same twice", `FEMTO_META("local", "1"); FEMTO_META("local", "1"); u64 f(void) { return 1; }`, map[string]string{"local": "1"}},
		{"empty", `FEMTO_META("flags", ""); u64 f(void) { return 1; }`, map[string]string{"flags": ""}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			object := compile(t, test.code)
			got, err := Meta(object)
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %v (%v), want %v", got, err, test.want)
			}
			b, err := Link(object)
			if err != nil {
				t.Fatal(err)
			}
			if m, e := image.Parse(b); e != image.OK || len(m.Data()) != 0 {
				t.Errorf("what is said of the container lies in its image: %d bytes (%v)", len(m.Data()), e)
			}
		})
	}
	if _, err := Meta(compile(t, `FEMTO_META("a", "1"); FEMTO_META("a", "2"); u64 f(void) { return 1; }`)); err == nil {
		t.Error("two values of one key are taken")
	}
	if _, err := Meta([]byte("no object")); err == nil {
		t.Error("text is taken for an object")
	}
}
