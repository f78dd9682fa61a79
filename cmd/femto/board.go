package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/emulator"
)

// boardFlags choose an emulated board instead of the simulated device.
type boardFlags struct {
	board    string
	firmware string
}

func (f *boardFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.board, "board", "", "emulate a `BOARD`: "+strings.Join(emulator.Boards(), ", "))
	cmd.Flags().StringVar(&f.firmware, "firmware", "", "ELF `FILE` to run on the board (default bin/firmware/BOARD.elf, as make boards leaves it)")
}

// check refuses flags that do not go together.
func (f *boardFlags) check(cmd *cobra.Command) error {
	if f.board == "" && f.firmware != "" {
		return usageError(cmd, errors.New("--firmware needs --board"))
	}
	if f.board != "" && !slices.Contains(emulator.Boards(), f.board) {
		return usageError(cmd, fmt.Errorf("no board %q: there are %s", f.board, strings.Join(emulator.Boards(), ", ")))
	}
	return nil
}

// start boots the board. What its firmware prints goes to console.
func (f *boardFlags) start(ctx context.Context, config emulator.Config, console io.Writer) (*emulator.Device, error) {
	config.Board, config.Console, config.Firmware = f.board, console, f.firmware
	if config.Firmware == "" {
		config.Firmware = filepath.Join("bin", "firmware", f.board+".elf")
	}
	device, err := emulator.Start(ctx, config)
	switch {
	case err == nil || ctx.Err() != nil:
		return device, err
	case errors.Is(err, emulator.ErrNoEmulator):
		return nil, &commandError{exit: exitFailure, what: "the board cannot be emulated", where: f.board, why: err.Error(),
			try: []string{"femto quickstart"}, err: err}
	case errors.Is(err, fs.ErrNotExist):
		return nil, &commandError{exit: exitUsage, what: "no firmware for the board", where: config.Firmware,
			why: "it is built from a checkout of the project", try: []string{"make tinygo boards", "femto device run --board " + f.board + " --firmware FILE"}, err: err}
	case startTrouble(err):
		return nil, startError(config.Listen, config.Folder, err)
	}
	return nil, &commandError{exit: exitFailure, what: "the board did not start", where: f.board, why: reason(err), err: err}
}
