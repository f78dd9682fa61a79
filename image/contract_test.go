package image

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"

	"github.com/femto-containers/femto/vm"
)

func full() *Contract {
	c := &Contract{Keys: 0xff, Flags: LongRunning, Name: []byte("sensor"), Hook: []byte("0123456789abcdef"),
		Stack: 256, Budget: 100_000, Entries: [3]uint16{1, 2, 300}}
	for _, n := range []uint8{1, 0x11, 0x61, 255} {
		c.Helpers.Add(n)
	}
	return c
}

const fullBytes = "a8 00 01 01 66 73656e736f72 02 50 30313233343536373839616263646566 03 84 01 11 18 61 18 ff" +
	"04 19 0100 05 1a 000186a0 06 83 01 02 19 012c 07 01"

func unhex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

func TestContracts(t *testing.T) {
	var printf vm.HelperSet
	printf.Add(1)
	for name, test := range map[string]struct {
		contract Contract
		encoded  string
	}{
		"nothing but the ABI":  {Contract{Keys: 1 << KeyABI}, "a1 00 01"},
		"everything":           {*full(), fullBytes},
		"no helper, by choice": {Contract{Keys: 1<<KeyABI | 1<<KeyHelpers}, "a2 00 01 03 80"},
		"one helper":           {Contract{Keys: 1<<KeyABI | 1<<KeyHelpers, Helpers: printf}, "a2 00 01 03 81 01"},
		"greatest numbers": {Contract{Keys: 1<<KeyABI | 1<<KeyStack | 1<<KeyBudget, Stack: 0xffff, Budget: 1<<31 - 1},
			"a3 00 01 04 19 ffff 05 1a 7fffffff"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := AppendContract(nil, &test.contract)
			if !bytes.Equal(raw, unhex(test.encoded)) {
				t.Errorf("encoded as % x, want %s", raw, test.encoded)
			}
			var c Contract
			if err := ParseContract(raw, &c); err != OK {
				t.Fatal(err)
			}
			if len(c.Name) == 0 {
				c.Name = nil
			}
			if !reflect.DeepEqual(c, test.contract) {
				t.Errorf("parsed as %+v, want %+v", c, test.contract)
			}
		})
	}
}

func TestContractRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		encoded string
		want    Error
	}{
		"empty":                       {"", ErrContract},
		"no map":                      {"80", ErrContract},
		"empty map":                   {"a0", ErrContract},
		"no ABI":                      {"a1 04 18 40", ErrContract},
		"another ABI":                 {"a1 00 02", ErrABI},
		"unknown key":                 {"a2 00 01 08 01", ErrContract},
		"key 2 to the 32":             {"a2 00 01 1b 0000000100000000 01", ErrContract},
		"negative key":                {"a2 00 01 20 01", ErrContract},
		"key twice":                   {"a3 00 01 04 01 04 01", ErrContract},
		"keys out of order":           {"a2 04 01 00 01", ErrContract},
		"head longer than need be":    {"a2 00 01 04 18 01", ErrContract},
		"indefinite map":              {"bf 00 01 ff", ErrContract},
		"bytes after the map":         {"a1 00 01 00", ErrContract},
		"map cut":                     {"a2 00 01", ErrContract},
		"name of 17 bytes":            {"a2 00 01 01 71 6161616161616161616161616161616161", ErrContract},
		"name that is no text":        {"a2 00 01 01 41 61", ErrContract},
		"name that is not UTF-8":      {"a2 00 01 01 61 ff", ErrContract},
		"hook of 15 bytes":            {"a2 00 01 02 4f 303132333435363738396162636465", ErrContract},
		"hook of 17 bytes":            {"a2 00 01 02 51 3031323334353637383961626364656667", ErrContract},
		"helper 256":                  {"a2 00 01 03 81 19 0100", ErrContract},
		"helper twice":                {"a2 00 01 03 82 01 01", ErrContract},
		"helpers descending":          {"a2 00 01 03 82 02 01", ErrContract},
		"helpers cut":                 {"a2 00 01 03 83 01 02", ErrContract},
		"4 billion helpers":           {"a2 00 01 03 9a ffffffff 01", ErrContract},
		"stack of 64 KiB":             {"a2 00 01 04 1a 00010000", ErrContract},
		"negative stack":              {"a2 00 01 04 20", ErrContract},
		"budget of 2 to the 31":       {"a2 00 01 05 1a 80000000", ErrContract},
		"entries for two scopes":      {"a2 00 01 06 82 01 02", ErrContract},
		"entries for four scopes":     {"a2 00 01 06 84 01 02 03 04", ErrContract},
		"65536 entries":               {"a2 00 01 06 83 01 02 1a 00010000", ErrContract},
		"flag without a meaning":      {"a2 00 01 07 02", ErrContract},
		"flags beyond what can be":    {"a2 00 01 07 19 0101", ErrContract},
		"a float where a number goes": {"a2 00 01 04 f9 3c00", ErrContract},
	} {
		t.Run(name, func(t *testing.T) {
			var c Contract
			if err := ParseContract(unhex(test.encoded), &c); err != test.want {
				t.Errorf("got %q, want %q", err, test.want)
			}
		})
	}
	raw := unhex(fullBytes)
	var c Contract
	for n := range raw {
		if ParseContract(raw[:n], &c) == OK {
			t.Errorf("accepted the first %d of %d bytes", n, len(raw))
		}
	}
}

func TestImageWithContract(t *testing.T) {
	parts := Parts{Data: []byte{1}, Rodata: []byte("xy"), Text: exit,
		Functions: []Function{{Name: []byte("f")}, {Name: []byte("g"), Offset: 8}}}
	old := Append(nil, parts)
	parts.Contract = full()
	b := Append(nil, parts)
	if b[4] != 1 || !bytes.Equal(b[8:len(old)], old[8:]) || !bytes.Equal(b[len(old):], unhex(fullBytes)) {
		t.Errorf("% x is not % x with version 1 and a contract behind", b, old)
	}
	m, err := Parse(b)
	if err != OK {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Contract(), unhex(fullBytes)) || m.Functions() != 2 {
		t.Errorf("contract % x, %d functions", m.Contract(), m.Functions())
	}
	if f, ok := m.Function(1); !ok || string(f.Name) != "g" || f.Offset != 8 {
		t.Errorf("function 1 is %q at %d, %v", f.Name, f.Offset, ok)
	}
	if m, _ := Parse(old); m.Contract() != nil {
		t.Errorf("an image of version 0 has the contract % x", m.Contract())
	}
}

func TestContractsDoNotAllocate(t *testing.T) {
	raw, buffer := unhex(fullBytes), make([]byte, 0, 128)
	var c Contract
	if n := testing.AllocsPerRun(100, func() {
		if ParseContract(raw, &c) != OK || len(AppendContract(buffer, &c)) != len(raw) {
			t.Fatal("no contract")
		}
	}); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// FuzzContract holds every accepted contract to being what AppendContract
// writes.
func FuzzContract(f *testing.F) {
	f.Add(unhex("a1 00 01"))
	f.Add(unhex(fullBytes))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var c Contract
		if ParseContract(raw, &c) != OK {
			return
		}
		if again := AppendContract(nil, &c); !bytes.Equal(again, raw) {
			t.Fatalf("read % x, written % x", raw, again)
		}
	})
}
