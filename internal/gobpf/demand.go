package gobpf

import "math/bits"

// demand removes extensions whose result differs only in bits that nobody
// looks at.
func (f *function) demand() bool {
	need := map[*value]int64{} // bits from the lowest one
	for changed := true; changed; {
		changed = false
		ask := func(v *value, n int64) {
			if n = min(n, 64); need[v] < n {
				need[v] = n
				changed = true
			}
		}
		for i := len(f.blocks) - 1; i >= 0; i-- {
			b := f.blocks[i]
			if b.on != nil {
				ask(b.on, 64)
			}
			for n := len(b.values) - 1; n >= 0; n-- {
				v := b.values[n]
				v.asks(need[v], ask)
			}
		}
	}
	changed := false
	for _, b := range f.blocks {
		for _, v := range b.values {
			n := need[v]
			switch {
			case n == 0:
			case (v.op == opZext || v.op == opSext) && n <= v.imm,
				v.op == opAnd && !v.narrow && v.args[1].isConst() && n < 64 && v.args[1].imm&(1<<n-1) == 1<<n-1:
				f.forget(v, n)
				zero := f.constant(0)
				v.op, v.args, v.imm = opOr, []*value{v.args[0], zero}, 0
				changed = true
			}
		}
	}
	return changed
}

// asks tells how many bits of its arguments v needs, if n of its own are.
func (v *value) asks(n int64, ask func(v *value, n int64)) {
	if v.narrow {
		n = min(n, 32)
	}
	all := int64(64)
	if v.narrow {
		all = 32
	}
	switch v.op {
	case opPhi, opAdd, opSub, opMul, opOr, opXor, opNeg:
		for _, a := range v.args {
			ask(a, n)
		}
	case opAnd:
		for i, a := range v.args {
			m := n
			if other := v.args[1-i]; other.isConst() && other.imm >= 0 {
				m = min(m, int64(bits.Len64(uint64(other.imm))))
			}
			ask(a, m)
		}
	case opShl:
		ask(v.args[0], n)
		ask(v.args[1], 8)
	case opShr, opSar:
		if v.args[1].isConst() && !v.narrow {
			ask(v.args[0], n+v.args[1].imm&63)
		} else {
			ask(v.args[0], all)
		}
		ask(v.args[1], 8)
	case opZext, opSext:
		// Bits above a sign extension are copies of the highest one.
		m := min(n, v.imm)
		ask(v.args[0], m)
	case opSwap:
		ask(v.args[0], v.imm)
	case opStore:
		ask(v.args[0], 64)
		ask(v.args[1], int64(8*v.size))
	case opHelper:
		for i, a := range v.args {
			if v.short>>i&1 != 0 {
				ask(a, 32)
			} else {
				ask(a, 64)
			}
		}
	default:
		for _, a := range v.args {
			ask(a, all)
		}
	}
}
