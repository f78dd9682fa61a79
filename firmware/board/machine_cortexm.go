//go:build tinygo && !qemu && (nrf52840 || rp2040)

package board

import "machine"

// Reset starts over.
func Reset() { machine.CPUReset() }

// The watchdog resets the device after seconds without a Sleep, as after a
// panic, which TinyGo ends in a loop. RP2040 counts to 8.3 at most.
const watchdogSeconds = 8

func startWatchdog() {
	machine.Watchdog.Configure(machine.WatchdogConfig{TimeoutMillis: watchdogSeconds * 1000})
	machine.Watchdog.Start()
}

func feedWatchdog() { machine.Watchdog.Update() }
