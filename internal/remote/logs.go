package remote

import (
	"context"
	"fmt"

	"github.com/femto-containers/femto/agent"
)

// Lines is what a device kept of what its containers printed. Keys are
// agent.Logs….
type Lines struct {
	Boot  uint32 `cbor:"1,keyasint" json:"boot"`
	First uint32 `cbor:"2,keyasint" json:"first"`
	Lost  uint32 `cbor:"3,keyasint" json:"lost"` // before the first, since the place asked for
	Lines []Line `cbor:"4,keyasint" json:"lines"`
}

// A Line is one that a container printed.
type Line struct {
	_         struct{} `cbor:",toarray"`
	Time      uint64   // microseconds since the device started
	Container string   // HOOK or HOOK/NAME
	Text      []byte
}

// Query is that of the lines after these.
func (l *Lines) Query() string {
	return fmt.Sprintf("b=%08x&n=%08x", l.Boot, l.First+uint32(len(l.Lines)))
}

// Logs asks for the lines after those of last, or all that the device has kept
// if that is nil. There may be more than one answer holds: ask until it is
// empty.
func (d *Device) Logs(ctx context.Context, last *Lines) (*Lines, error) {
	query := ""
	if last != nil {
		query = last.Query()
	}
	lines := &Lines{}
	return lines, d.get(ctx, "log", "/"+agent.PathLogs, query, lines)
}
