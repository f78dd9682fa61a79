package gobpf

import (
	"go/token"
	"go/types"

	"github.com/femto-containers/femto/internal/diagnose"
)

// A leaf is a part of a type that fits a register.
type leaf struct {
	offset int
	size   int // in bytes: 1, 2, 4 or 8
	signed bool
	length bool // of a slice or string
}

// maxLeaves is how many registers a value may take; what has more lies in
// memory.
const maxLeaves = 16

func (l *loader) sizeof(t types.Type) int { return int(l.sizes.Sizeof(t)) }

// leaves takes a type apart. It is nil and false if there are too many parts.
func (l *loader) leaves(t types.Type, pos token.Pos) ([]leaf, bool) {
	return l.appendLeaves(nil, t, 0, pos)
}

func (l *loader) appendLeaves(list []leaf, t types.Type, offset int, pos token.Pos) ([]leaf, bool) {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		switch info := u.Info(); {
		case u.Kind() == types.UnsafePointer:
			list = append(list, leaf{offset, 8, false, false}) // package unsafe is femto's alone
		case info&types.IsString != 0:
			list = append(list, leaf{offset, 8, false, false}, leaf{offset + 8, 8, false, true})
		case info&(types.IsInteger|types.IsBoolean) != 0:
			list = append(list, leaf{offset, l.sizeof(u), info&types.IsUnsigned == 0 && info&types.IsInteger != 0, false})
		case u.Kind() == types.UntypedNil:
			list = append(list, leaf{offset, 8, false, false})
		case u.Kind() == types.Invalid:
			l.unforeseen(pos, "a type is not known when compiling for a container")
		default:
			l.refuse(diagnose.FloatingPoint, pos, "a container has no floating point: "+t.String(), "the instruction set has integers only",
				"use fixed point: hundredths of a degree, a factor as a fraction")
			list = append(list, leaf{offset, 8, false, false})
		}
	case *types.Pointer:
		list = append(list, leaf{offset, 8, false, false})
	case *types.Slice:
		list = append(list, leaf{offset, 8, false, false}, leaf{offset + 8, 8, false, true}, leaf{offset + 16, 8, false, true})
	case *types.Array:
		if u.Len() == 0 {
			break
		}
		n := u.Len()
		if n > maxLeaves {
			l.appendLeaves(nil, u.Elem(), 0, pos) // for what it refuses
			return nil, false
		}
		size := l.sizeof(u.Elem())
		for i := range int(n) {
			var ok bool
			if list, ok = l.appendLeaves(list, u.Elem(), offset+i*size, pos); !ok {
				return nil, false
			}
		}
	case *types.Struct:
		fields := make([]*types.Var, u.NumFields())
		for i := range fields {
			fields[i] = u.Field(i)
		}
		for i, at := range l.sizes.Offsetsof(fields) {
			var ok bool
			if list, ok = l.appendLeaves(list, fields[i].Type(), offset+int(at), pos); !ok {
				return nil, false
			}
		}
	case *types.Signature:
		// Functions are known when compiling; see operand.
	case *types.Interface:
		l.refuse(diagnose.GoType, pos, "a container has no interfaces: "+typeName(t), "there are no calls through pointers: a device could not check where they lead", "use the type itself, a switch, or a type parameter")
	case *types.Map:
		l.refuse(diagnose.GoType, pos, "a container has no maps: "+typeName(t), "maps need a heap", "use an array, or a store")
	case *types.Chan:
		l.refuse(diagnose.GoType, pos, "a container has no channels: "+typeName(t), "a container is one activation after the other", "use a package variable or a store")
	default:
		l.unforeseen(pos, "a container cannot use "+typeName(t))
	}
	return list, len(list) <= maxLeaves
}

func typeName(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Name() })
}

// integer returns the width in bits of an integer, boolean or pointer, and
// whether it is signed.
func (l *loader) integer(t types.Type) (bits int, signed bool) {
	if u, ok := t.Underlying().(*types.Basic); ok && u.Info()&(types.IsInteger|types.IsBoolean) != 0 {
		return 8 * l.sizeof(u), u.Info()&types.IsUnsigned == 0 && u.Info()&types.IsInteger != 0
	}
	return 64, false
}

func (l *loader) fieldOffset(s *types.Struct, n int) int {
	fields := make([]*types.Var, s.NumFields())
	for i := range fields {
		fields[i] = s.Field(i)
	}
	return int(l.sizes.Offsetsof(fields)[n])
}
