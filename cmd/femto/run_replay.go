package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/images"
	"github.com/femto-containers/femto/internal/remote"
	"github.com/femto-containers/femto/internal/replay"
	"github.com/femto-containers/femto/vm"
)

// replayFlags say which recording is executed again.
type replayFlags struct {
	file       string
	activation int
}

func (f *replayFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.file, "replay", "", "execute again what a device recorded in `FILE`: see femto container record")
	cmd.Flags().IntVar(&f.activation, "activation", 0, "`N`th activation of the recording; by default the first that faulted, else the last")
}

// A recorded is a recording, the image that it is of, and the activation in
// question.
type recorded struct {
	*replay.File
	image      *images.Image
	activation int // from 1
}

// read reads the recording.
func (f *replayFlags) read(cmd *cobra.Command) (*recorded, error) {
	raw, err := readFile(f.file)
	if err != nil {
		return nil, err
	}
	file, err := replay.Parse(raw)
	if err != nil {
		return nil, &commandError{exit: exitRejected, what: f.file + " cannot be replayed", why: err.Error(), err: err,
			try: []string{"femto container record --help"}}
	}
	r := &recorded{File: file, activation: f.activation}
	if f.activation == 0 {
		if r.activation = file.Faulted(); r.activation == 0 {
			r.activation = file.Len()
		}
	}
	if r.activation < 1 || r.activation > file.Len() {
		return nil, usageError(cmd, fmt.Errorf("--activation %d: %s has %d", f.activation, f.file, file.Len()))
	}
	return r, nil
}

// open reads the recording and finds its image: the file given, if args name one,
// or one that this machine has built or deployed.
func (f *replayFlags) open(cmd *cobra.Command, args []string) (*recorded, error) {
	r, err := f.read(cmd)
	if err != nil {
		return nil, err
	}
	if len(args) > 0 {
		r.image, _, err = readProgram(cmd, args[0])
		return r, err
	}
	if r.image = images.Find(r.Digest, projectFolders()...); r.image == nil {
		return nil, &commandError{exit: exitUsage, what: "the image of " + f.file + " is not here", where: remote.Digest(r.Digest).String(),
			why: "it was neither built nor deployed on this machine, nor is it in this project",
			try: []string{command("femto", "run", "--replay", f.file, "IMAGE")}}
	}
	return r, nil
}

// folders are where the sources of the image may be.
func (r *recorded) folders() []string {
	if r.image.Dir == "" {
		return nil
	}
	return []string{r.image.Dir}
}

// replayedRun is the outcome of a replay.
type replayedRun struct {
	localRun
	Replay struct {
		Activation  int    `json:"activation"`
		Activations int    `json:"activations"`
		Board       string `json:"board"`
		Device      string `json:"device"`
		Container   string `json:"container"`
	} `json:"replay"`
	Story *story `json:"story,omitempty"`
}

// runReplay executes an activation of a recording again.
func (f *replayFlags) run(cmd *cobra.Command, args []string, tf *traceFlags, asJSON bool) error {
	r, err := f.open(cmd, args)
	if err != nil {
		return err
	}
	t, err := tf.start(cmd, r.image.Bytes, r.image.Debug, r.Hook, asJSON, r.folders()...)
	if err != nil {
		return err
	}
	s, err := r.Start(r.image.Bytes)
	if err != nil {
		return replayError(f.file, err)
	}
	var o replay.Outcome
	for s.Done() < r.activation {
		before := t.before()
		if s.Done() < r.activation-1 {
			before = nil
		}
		if o, err = s.Next(before); err != nil {
			return replayError(f.file, errors.Join(err, t.end()))
		}
	}
	result := replayedRun{localRun: localRun{Value: int64(o.Value), Fault: remote.Fault(o.Fault), PC: uint32(o.PC), Address: o.Address,
		Instructions: uint64(o.Instructions) + uint64(o.Charged), Output: []string{}, Waiting: o.Status == vm.Suspended}}
	result.Replay.Activation, result.Replay.Activations = r.activation, r.Len()
	result.Replay.Board, result.Replay.Device = r.Board, deviceText(r.Device)
	result.Replay.Container = r.Container()
	var told *story
	if o.Status == vm.Faulted {
		told = machineStop(s.Machine()).tell(r.Container(), r.Hook, r.image)
		result.Story = told
	}
	if asJSON && t == nil {
		if err := writeJSON(cmd.OutOrStdout(), "femto.run/1", &result); err != nil {
			return err
		}
	} else if err := printRun(cmd, &result.localRun, t, asJSON); err != nil {
		return err
	}
	if !asJSON {
		fmt.Fprintf(cmd.ErrOrStderr(), "activation %d of %d, as on %s: %v\n", r.activation, r.Len(), dash(printable(r.Board)), o)
	}
	if told == nil {
		return nil
	}
	return told.err(r.image.Dir)
}

// deviceText is a device's identifier.
func deviceText(id []byte) string {
	var u remote.UUID
	if copy(u[:], id) < len(u) {
		return ""
	}
	return u.String()
}

// replayError puts what is wrong with a replay into words.
func replayError(file string, err error) error {
	e := &commandError{exit: exitRejected, what: file + " cannot be replayed", why: err.Error(), err: err}
	var diverged *replay.DivergedError
	switch {
	case errors.As(err, &diverged):
		e.exit, e.what = exitFailure, "the replay goes another way than the device"
		e.where = fmt.Sprintf("%s, activation %d", file, diverged.Activation)
		e.why = diverged.What
	case errors.Is(err, replay.ErrDigest):
		e.exit, e.try = exitUsage, []string{command("femto", "run", "--replay", file)}
	}
	return e
}
