package agent_test

import (
	"fmt"
	"testing"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/image"
)

// hookCoAP takes the place of a hook that other tests leave empty.
const hookCoAP = hookPrivate

// newAnswering is a device whose containers answer requests.
func newAnswering(tb testing.TB) *device {
	var answers agent.Answers
	var d *device
	d = newDevice(tb, func(c *agent.Config, e *engine.Config) {
		answers.Hook = hookCoAP
		answers.Responder.Memory = make([]byte, helpers.ResponseAt+32)
		e.Hooks[hookCoAP] = engine.Hook{}
		hooks.CoapHook(&e.Hooks[hookCoAP])
		e.Hooks[hookCoAP].Regions = answers.Responder.Regions()
		c.Other = &answers
	})
	answers.Engine = &d.engine
	return d
}

// answering is a container that answers 2.05 with one letter.
func answering(letter byte) string {
	return fmt.Sprintf(`
		mov r6, r1
		mov r2, 0x45
		call 0x40
		mov r1, r6
		mov r2, 0
		call 0x42
		mov r1, r6
		mov r2, 1
		call 0x41
		mov r7, r0
		mov r1, r6
		call 0x43
		stb [r0], %d
		mov r0, r7
		add r0, 1
		exit`, letter)
}

func TestAnswers(t *testing.T) {
	d := newAnswering(t)
	ask := func(method coap.Code, path string) string {
		a := d.host.ask(atDevice, method, path, "", nil)
		return fmt.Sprintf("%d.%02d %s", a.code.Class(), a.code.Detail(), a.body)
	}
	if got := ask(coap.GET, "/c"); got != "4.04 " {
		t.Errorf("without a container: %s", got)
	}
	for i, c := range []struct{ name, source string }{
		{"silent", "mov r0, 0\nexit"},
		{"first", answering('1')},
		{"second", answering('2')},
		{"outlaw", "ldxdw r0, [r0]\nexit"},
	} {
		spec := engine.Spec{Hook: hookCoAP, Tenant: engine.Owner, Name: []byte(c.name), Image: program(t, c.source, image.Parts{})}
		if err := d.engine.Install(i, &spec); err.Reason != engine.OK {
			t.Fatal(c.name, err)
		}
	}
	for _, test := range []struct {
		method     coap.Code
		path, want string
	}{
		{coap.GET, "/c", "2.05 1"},
		{coap.GET, "/c/second", "2.05 2"},
		{coap.GET, "/c/first", "2.05 1"},
		{coap.GET, "/c/silent", "4.04 "},
		{coap.GET, "/c/outlaw", "5.00 container stopped"},
		{coap.GET, "/c/nobody", "4.04 no such container"},
		{coap.GET, "/c/first/more", "4.04 "},
		{coap.GET, "/cc", "4.04 "},
		{coap.GET, "/", "4.04 "},
		{coap.POST, "/c/first", "4.05 "},
	} {
		if got := ask(test.method, test.path); got != test.want {
			t.Errorf("%v %s: got %q, want %q", test.method, test.path, got, test.want)
		}
	}
	// Whoever was not asked did not run.
	if runs := d.engine.Container(2).Stats().Activations; runs != 1 {
		t.Errorf("the second ran %d times", runs)
	}
}

// TestAnswersOfTheThrifty: a tenant that has used up its rate answers later.
func TestAnswersOfTheThrifty(t *testing.T) {
	d := newAnswering(t)
	grant := &d.engine.Tenant(0).Grant
	grant.Hooks = 1 << hookCoAP
	grant.Rate = 1
	if err := d.engine.Install(0, &engine.Spec{Hook: hookCoAP, Image: program(t, answering('x'), image.Parts{})}); err.Reason != engine.OK {
		t.Fatal(err)
	}
	codes := map[coap.Code]bool{}
	for range 3 {
		codes[d.host.ask(atDevice, coap.GET, "/c", "", nil).code] = true
	}
	if !codes[coap.ServiceUnavailable] {
		t.Errorf("answers %v", codes)
	}
}
