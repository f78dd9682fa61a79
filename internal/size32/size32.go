// Package size32 tells how large a Go type is on a 32-bit microcontroller, as TinyGo
// lays it out, from any other machine. Tests hold the tables of devices to it.
package size32

import (
	"reflect"
	"slices"
)

// hostOnly are the types of what devices do not have.
var hostOnly = []string{"hostState", "tapState", "recording"}

// Of returns the size of a T in bytes, without fields that only hosts have.
func Of[T any]() int {
	size, _ := layout(reflect.TypeFor[T]())
	return int(size)
}

// layout returns size and alignment: 64-bit numbers are aligned to eight bytes, a
// function value is two words.
func layout(t reflect.Type) (size, align uintptr) {
	switch t.Kind() {
	case reflect.Struct:
		align = 1
		for i := range t.NumField() {
			if slices.Contains(hostOnly, t.Field(i).Type.Name()) {
				continue
			}
			s, a := layout(t.Field(i).Type)
			size = (size+a-1)/a*a + s
			align = max(align, a)
		}
		return (size + align - 1) / align * align, align
	case reflect.Array:
		s, a := layout(t.Elem())
		return s * uintptr(t.Len()), a
	case reflect.Slice:
		return 12, 4
	case reflect.String, reflect.Interface, reflect.Func:
		return 8, 4
	case reflect.Int, reflect.Uint, reflect.Uintptr, reflect.Pointer, reflect.Map, reflect.Chan, reflect.UnsafePointer:
		return 4, 4
	}
	return t.Size(), t.Size()
}
