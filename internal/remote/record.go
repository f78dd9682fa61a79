package remote

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/engine"
)

// Recording is what a device recorded of a container, or a part of it. Keys are
// agent.Record….
type Recording struct {
	Format      uint64             `cbor:"1,keyasint"`
	ID          uint64             `cbor:"2,keyasint"`
	State       engine.RecordState `cbor:"3,keyasint"`
	Mode        engine.RecordMode  `cbor:"4,keyasint"`
	Hook        string             `cbor:"5,keyasint"`
	Name        string             `cbor:"6,keyasint"`
	Digest      Digest             `cbor:"7,keyasint"`
	Activations RecordProgress     `cbor:"8,keyasint"`
	End         uint32             `cbor:"9,keyasint"`  // position behind the last item
	Oldest      uint32             `cbor:"10,keyasint"` // position of the oldest item
	Number      uint32             `cbor:"11,keyasint"` // of the oldest item
	From        uint32             `cbor:"12,keyasint"` // position of the first byte of Items
	Items       []byte             `cbor:"13,keyasint"`
}

// RecordProgress is how many activations there were, and how many were asked for.
type RecordProgress struct {
	_            struct{} `cbor:",toarray"`
	Done, Wanted int
}

// Position is behind the last byte of Items.
func (r *Recording) Position() uint32 { return r.From + uint32(len(r.Items)) }

// Recorded asks for what was recorded, behind last if that is not nil: not more
// than one answer holds.
func (d *Device) Recorded(ctx context.Context, last *Recording) (*Recording, error) {
	query := ""
	if last != nil {
		query = fmt.Sprintf("i=%016x&n=%08x", last.ID, last.Position())
	}
	r := &Recording{}
	if err := d.get(ctx, "recording", "/"+agent.PathRecord, query, r); err != nil {
		return nil, err
	}
	if r.Format != 1 {
		return nil, fmt.Errorf("the device's recording has format %d, which is not known", r.Format)
	}
	return r, nil
}

// Recording asks for all that was recorded.
func (d *Device) Recording(ctx context.Context) (*Recording, error) {
	whole, err := d.Recorded(ctx, nil)
	if err != nil {
		return nil, err
	}
	for last := whole; last.Position() < last.End; {
		next, err := d.Recorded(ctx, last)
		if err != nil {
			return nil, err
		}
		switch {
		case next.ID != whole.ID || next.From != last.Position():
			// Something else is being recorded, or the beginning gave way.
			next.Items, whole = append([]byte{}, next.Items...), next
		case len(next.Items) == 0:
			return nil, fmt.Errorf("the device's recording ends at %d of %d bytes", next.From, next.End)
		default:
			items := append(whole.Items, next.Items...)
			from := whole.From
			*whole = *next
			whole.Items, whole.From = items, from
		}
		last = next
	}
	return whole, nil
}

// pollRecording is between looks at what was recorded.
const pollRecording = 200 * time.Millisecond

// FollowRecording calls do with what was recorded, from the beginning and then
// behind what it had last, until do says that it wants no more. ErrRecordingOvertaken
// says that another recording was begun.
func (d *Device) FollowRecording(ctx context.Context, do func(*Recording) (more bool, err error)) error {
	var last *Recording
	for {
		r, err := d.Recorded(ctx, last)
		if err != nil {
			return err
		}
		if last != nil && last.ID != r.ID {
			return ErrRecordingOvertaken
		}
		last = r
		if more, err := do(r); !more || err != nil {
			return err
		}
		if r.Position() < r.End {
			continue
		}
		if err := d.serveFor(ctx, pollRecording); err != nil {
			return err
		}
	}
}

// ErrRecordingOvertaken says that somebody had the device begin another recording.
var ErrRecordingOvertaken = errors.New("another recording was begun")
