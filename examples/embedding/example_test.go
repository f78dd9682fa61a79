package embedding_test

import (
	"fmt"

	"github.com/femto-containers/femto/engine"
	"github.com/femto-containers/femto/examples/embedding"
)

func Example() {
	embedding.Lamp = func(on bool) { fmt.Println("lamp", on) }
	embedding.Celsius = func() (int16, bool) { return 2150, true }
	var d embedding.Device
	if err := d.Start(); err != engine.OK {
		fmt.Println(err)
	}
	if err := d.Install(); err.Reason != engine.OK {
		fmt.Println(err)
	}

	fmt.Println("another key opens:", embedding.Opens(&d.Engine, embedding.HookDoor, 1, []byte{1, 2, 3, 4}))
	fmt.Println("1234 opens:", embedding.Opens(&d.Engine, embedding.HookDoor, 2, []byte{0xd2, 4, 0, 0}))
	fmt.Println("blinked 3:", d.Fire(3, embedding.HookEvent, []byte("*-*")).Value == 3)
	fmt.Println("measured 2150:", d.Fire(4, embedding.HookTimer, make([]byte, 16)).Value == 2150)
	// Output:
	// another key opens: false
	// 1234 opens: true
	// lamp true
	// lamp false
	// lamp true
	// blinked 3: true
	// measured 2150: true
}
