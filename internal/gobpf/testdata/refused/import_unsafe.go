package refused

import "unsafe"

//femto:hook event
func Run(ctx *uint64) uint64 { return uint64(uintptr(unsafe.Pointer(ctx))) }
