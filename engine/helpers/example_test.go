package helpers_test

import (
	"fmt"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/engine/helpers"
	"github.com/femto-containers/femto/engine/hooks"
	"github.com/femto-containers/femto/examples"
	"github.com/femto-containers/femto/vm"
)

// A firmware's own helper: its arguments are declared, so addresses arrive as
// checked memory. Numbers from 0xc0 on are the firmware's.
func Example_newHelper() {
	blink := vm.Helper{Number: 0xc0, Name: "blink", Cost: 10,
		Args: [5]vm.Arg{vm.ArgRead, vm.ArgValue}, // const char *pattern, u64 n
		Call: func(c *vm.Call) uint64 {
			for _, b := range c.Mem[0] {
				fmt.Printf("%c", b)
			}
			return uint64(len(c.Mem[0]))
		}}
	table := helpers.Join(make([]vm.Helper, 32), helpers.Core, helpers.Log, []vm.Helper{blink})
	fmt.Println(len(table), "helpers, the last is", table[len(table)-1].Name)
	// Output: 9 helpers, the last is blink
}

// A firmware's own sensor, read by a container that asks for its type.
func Example_newSensor() {
	board := helpers.Board{Sensors: []helpers.Sensor{{
		Name: "thermometer", Type: 0x42,
		Read: func(r *helpers.Reading) int {
			r.Value[0] = 21
			return 1
		},
	}}}
	var e engine.Engine
	e.Init(&engine.Config{Hooks: make([]engine.Hook, 1), Containers: make([]engine.Container, 1),
		Stack: make([]byte, 512), Helpers: helpers.Standard, Env: &board})
	e.Install(0, &engine.Spec{Tenant: engine.Owner, Image: examples.Image("papers/temp_sens")})
	fmt.Println(e.Fire(0, 0, nil).Value)
	// Output: 2100
}

// A hook whose containers answer CoAP requests.
func ExampleResponder() {
	var responder helpers.Responder
	responder.Memory = make([]byte, helpers.ResponseAt+64)
	table := make([]engine.Hook, 1)
	hooks.CoapHook(&table[0])
	table[0].Regions = responder.Regions()

	var e engine.Engine
	e.Init(&engine.Config{Hooks: table, Containers: make([]engine.Container, 1), Entries: make([]engine.Entry, 4),
		Stack: make([]byte, 512), Helpers: helpers.Standard})
	e.Install(0, &engine.Spec{Tenant: engine.Owner, Image: examples.Image("papers/sample_gcoap")})
	result := e.Fire(0, 0, responder.Begin(0x1234, []byte("token")))
	code, _, payload := responder.End(result.Value)
	fmt.Printf("%d.%02d %s\n", code>>5, code&31, payload)
	// Output: 2.05 hello
}
