package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/remote"
)

// TestTraceGap: what a device could not keep is counted, and an item that was read
// in part is forgotten with it.
func TestTraceGap(t *testing.T) {
	begin := "\x85\x05\x19\x03\xe8\x00\x00\x40"             // [5, 1000, 0, 0, h'']
	call := "\x86\x06\x07\x12\x05\x00\x01"                  // [6, 7, 0x12, 5, 0, 1]
	end := "\x86\x04\x00\x09\x0a\x0b\x0c"                   // [4, 0, 9, 10, 11, 12]
	waits := "\x86\x04\x01\x00\x0a\x0b\x0c"                 // [4, 1, 0, 10, 11, 12]
	fault := "\x86\x04\x21\x1a\x30\x00\x00\x04\x01\x02\x03" // [4, -2, 0x30000004, 1, 2, 3]
	parts := []remote.Recording{
		{Items: []byte(begin + call[:3]), End: 15},
		{From: 11, Items: []byte(call[3:] + end), End: 22},
		{From: 22, Items: []byte(begin[:4]), End: 30},
		{From: 100, Oldest: 100, Number: 9, Items: []byte(waits + fault), End: 118},
	}
	for _, tc := range []struct {
		asJSON bool
		want   []string
	}{
		{false, []string{"     0.001 begins", "fetch_local(1) = 5", "returns 9 after 11 instructions and 12 charged by helpers",
			"6 items are lost", "waits at instruction 10", "illegal memory access at instruction 1 for address 0x30000004"}},
		{true, []string{`"time_us":1000,"type":"begin"`, `"helper":"fetch_local"`, `"type":"end","value":9`, `{"items":6,"type":"gap"}`,
			`"waits":true`, `"address":805306372,"fault":{"code":-2,"text":"illegal memory access"},"instructions":5,"slot":1`,
			`{"activations":3,"lost":6,"schema":"femto.container.trace/1","type":"result"}`}},
	} {
		var out bytes.Buffer
		cmd := &cobra.Command{}
		cmd.SetOut(&out)
		p := &tracePrinter{cmd: cmd, asJSON: tc.asJSON}
		for i := range parts {
			if err := p.print(&parts[i]); err != nil {
				t.Fatal(err)
			}
		}
		p.end()
		said := out.String()
		for _, want := range tc.want {
			_, rest, found := strings.Cut(said, want)
			if !found {
				t.Errorf("%q is not there, or not behind the others:\n%s", want, &out)
			}
			said = rest
		}
	}
	p := &tracePrinter{cmd: &cobra.Command{}}
	if err := p.print(&remote.Recording{Items: []byte("\xff")}); err == nil {
		t.Error("rubbish is understood")
	}
}
