// Package replay executes again what a device recorded of its containers
// (docs/spec/recording.md).
package replay

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fxamacker/cbor/v2"

	"github.com/femto-containers/femto/engine"
)

// Schema names the format of a file.
const Schema = "femto.recording/1"

const maxFile = 1 << 20

// A File is a recording. Its exported fields are what the device said.
type File struct {
	Schema   string             `cbor:"0,keyasint"`
	Format   uint64             `cbor:"1,keyasint"`
	ID       uint64             `cbor:"2,keyasint"`
	State    engine.RecordState `cbor:"3,keyasint"`
	Mode     engine.RecordMode  `cbor:"4,keyasint"`
	Hook     string             `cbor:"5,keyasint"`
	Name     string             `cbor:"6,keyasint"`
	Digest   []byte             `cbor:"7,keyasint"` // SHA-256 of the image
	Progress Progress           `cbor:"8,keyasint"`
	Items    []byte             `cbor:"13,keyasint"`
	Device   []byte             `cbor:"14,keyasint"`
	Board    string             `cbor:"15,keyasint"`
	Version  string             `cbor:"16,keyasint"`

	layout      layout
	activations []activation
}

// Progress is how many activations there were, and how many were asked for.
type Progress struct {
	_            struct{} `cbor:",toarray"`
	Done, Wanted int
}

// Open reads a file.
func Open(name string) (*File, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	return Parse(b)
}

// Parse reads a recording. What it keeps aliases b.
func Parse(b []byte) (*File, error) {
	if len(b) > maxFile {
		return nil, fmt.Errorf("recording: more than %d bytes", maxFile)
	}
	f := &File{}
	if err := cbor.Unmarshal(b, f); err != nil || f.Schema != Schema {
		return nil, errors.New("this is no recording: femto container record writes one")
	}
	if f.Format != 1 {
		return nil, fmt.Errorf("recording: format %d is not known, only 1", f.Format)
	}
	if len(f.Digest) != 32 {
		return nil, errors.New("recording: no digest of an image")
	}
	return f, f.parse()
}

// Bytes returns the file's content.
func (f *File) Bytes() ([]byte, error) {
	f.Schema = Schema
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	return mode.Marshal(f)
}

// Len returns how many activations, or slices of a long-running container, the
// recording has.
func (f *File) Len() int { return len(f.activations) }

// Container is how people name the container, HOOK or HOOK/NAME.
func (f *File) Container() string {
	if f.Name == "" {
		return f.Hook
	}
	return f.Hook + "/" + f.Name
}

// Recorded returns the outcome of activation n, from 1 to Len, on the device.
func (f *File) Recorded(n int) Outcome { return f.activations[n-1].outcome() }

// Context returns the context of activation n, from 1 to Len; nobody writes to
// it.
func (f *File) Context(n int) []byte { return f.activations[n-1].Context }

// Faulted returns the first activation that ended with a fault, or 0.
func (f *File) Faulted() int {
	for i := range f.activations {
		if f.activations[i].end.End < 0 {
			return i + 1
		}
	}
	return 0
}

// ErrDigest says that an image is not the one that was recorded.
var ErrDigest = errors.New("the image is not the one that was recorded")

// parse reads the items.
func (f *File) parse() error {
	items, rest, err := ParseItems(f.Items)
	if err == nil && len(rest) > 0 {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("recording: %w", err)
	}
	var open *activation
	for i, item := range items {
		misplaced := fmt.Errorf("recording: item %d, %T, is out of place", i, item)
		switch v := item.(type) {
		case *layout:
			if i != 0 {
				return misplaced
			}
			f.layout = *v
			if err := f.layout.check(); err != nil {
				return err
			}
		case *begin:
			if open != nil || i == 0 {
				return misplaced
			}
			open = &activation{begin: *v}
		case *Memory:
			switch {
			case open == nil:
				return misplaced
			case len(open.calls) == 0:
				open.memory = append(open.memory, *v)
			default:
				call := &open.calls[len(open.calls)-1]
				call.memory = append(call.memory, *v)
			}
		case *call:
			if open == nil {
				return misplaced
			}
			open.calls = append(open.calls, *v)
		case *End:
			if open == nil {
				return misplaced
			}
			open.end = *v
			f.activations = append(f.activations, *open)
			open = nil
		default:
			return misplaced
		}
	}
	if open != nil {
		return errors.New("recording: the last activation has no end")
	}
	return nil
}

// sameBytes reports whether a digest is that of the file.
func (f *File) sameBytes(digest []byte) bool { return bytes.Equal(digest, f.Digest) }
