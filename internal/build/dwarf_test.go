package build

import (
	"os"
	"testing"
)

// What location lists say becomes expressions; what it cannot be said in is
// left out.
func TestLocationExpressions(t *testing.T) {
	u := &unit{addrBase: 8, spaces: map[uint64]uint64{16: 0x30000004}}
	for name, c := range map[string]struct {
		code []byte
		want Where
	}{
		"register":                {[]byte{0x56}, Where{Value: "r6"}},
		"on the stack":            {[]byte{0x91, 8}, Where{Address: "r10-16"}},
		"top of the stack":        {[]byte{0x91, 24}, Where{Address: "r10"}},
		"in memory at a register": {[]byte{0x71, 0x7c}, Where{Address: "r1-4"}},
		"a constant":              {[]byte{0x11, 0x7f, 0x9f}, Where{Value: "-1"}},
		"a larger constant":       {[]byte{0x10, 0x80, 0x02, 0x9f}, Where{Value: "256"}},
		"fixed width":             {[]byte{0x0b, 0xfe, 0xff, 0x9f}, Where{Value: "-2"}},
		"literal":                 {[]byte{0x33, 0x9f}, Where{Value: "3"}},
		"variable of the program": {[]byte{0xa1, 1}, Where{Address: "0x30000004"}},
		"calculated":              {[]byte{0x78, 0, 0x77, 2, 0x22, 0x35, 0x1e, 0x9f}, Where{Value: "((r8+(r7+2))*5)"}},
		"loaded":                  {[]byte{0x71, 0, 0x94, 4, 0x9f}, Where{Value: "u32[r1]"}},
		"plus a constant":         {[]byte{0x71, 0, 0x23, 4}, Where{Address: "r1+4"}},
		"exchanged":               {[]byte{0x31, 0x32, 0x16, 0x1c, 0x9f}, Where{Value: "2-1"}},
	} {
		if got, err := u.expression(c.code, scope{stack: 24}); err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	for name, code := range map[string][]byte{
		"nothing": {}, "a piece": {0x50, 0x93, 4}, "what was at entry": {0xa3, 1, 0x51, 0x9f}, "too few": {0x22}, "cut off": {0x91},
		"two values": {0x31, 0x32}, "text": {0xa1, 7}, "no such register": {0x5b}, "a width that is none": {0x71, 0, 0x94, 3},
	} {
		if got, err := u.expression(code, scope{stack: 24}); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got, err := u.expression([]byte{0x91, 8}, scope{stack: -1}); err == nil {
		t.Errorf("without the size of the stack: %+v", got)
	}
}

// Debug information is never believed: whatever bytes are in its place, linking
// does not fail for them, or says so.
func FuzzVariables(f *testing.F) {
	raw, err := os.ReadFile("../debug/testdata/walk.o")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(0, byte(0))
	f.Add(900, byte(0xff))
	f.Fuzz(func(t *testing.T, at int, b byte) {
		object := append([]byte{}, raw...)
		if at < 0 {
			at = -(at + 1)
		}
		object[at%len(object)] ^= b
		p, err := LinkObjects(Object{Bytes: object})
		if err != nil {
			return
		}
		for _, v := range p.Variables {
			if v.Type < 0 || v.Type >= len(p.Types) {
				t.Fatalf("%+v has no type", v)
			}
		}
		for i, typ := range p.Types {
			if typ.Of < 0 || typ.Of >= len(p.Types) || typ.Count < 0 || typ.Size < 0 {
				t.Fatalf("type %d: %+v", i, typ)
			}
		}
	})
}

// Lists of locations are in five kinds and end where they end.
func TestLocationLists(t *testing.T) {
	u := &unit{low: 0x100, addr: append(make([]byte, 8), 0x40, 0, 0, 0, 0, 0, 0, 0), loclists: []byte{
		4, 0, 8, 1, 0x50, // from the base
		1, 1, // another base
		4, 8, 16, 1, 0x51,
		3, 1, 24, 1, 0x52,
		8, 0, 2, 0, 0, 0, 0, 0, 0, 8, 1, 0x53,
		0, 0xff,
	}}
	var got []uint64
	if err := u.locations(0, false, func(from, to uint64, code []byte) { got = append(got, from, to, uint64(code[0])) }); err != nil {
		t.Fatal(err)
	}
	want := []uint64{0x100, 0x108, 0x50, 0x48, 0x50, 0x51, 0x40, 0x58, 0x52, 0x200, 0x208, 0x53}
	if len(got) != len(want) {
		t.Fatalf("%#x, want %#x", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Errorf("%#x, want %#x", got, want)
			break
		}
	}
	for _, bad := range [][]byte{{}, {4, 0x80}, {9}, {4, 0, 1, 200, 0}} {
		u.loclists = bad
		if err := u.locations(0, false, func(uint64, uint64, []byte) {}); err == nil {
			t.Errorf("%x was accepted", bad)
		}
	}
	if err := u.locations(5, true, nil); err == nil {
		t.Error("a number without an entry was accepted")
	}
}
