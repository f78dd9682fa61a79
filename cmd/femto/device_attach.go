package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"go.bug.st/serial"

	"github.com/femto-containers/femto/internal/emulator"
)

// defaultBaud is what the boards of this repository are set to.
const defaultBaud = 115200

func newDeviceAttachCommand() *cobra.Command {
	var listen string
	var baud int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "attach PORT",
		Short: "Reach a device on a serial line until Ctrl-C",
		Long: `Gives a device that speaks SLIP on a serial port an address, so that every
other command works with it. The address is printed on standard output.`,
		Example: `  femto device attach /dev/ttyACM0
  femto device attach COM3 --listen 127.0.0.1:0`,
		Args: exactArgs("the serial PORT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			port, err := serial.Open(args[0], &serial.Mode{BaudRate: baud})
			if err != nil {
				return &commandError{exit: exitUsage, what: "the serial port cannot be opened", where: args[0], why: err.Error(),
					try: []string{"femto device attach --help"}, err: err}
			}
			device, err := emulator.Attach(port, listen, nil)
			if err != nil {
				return errors.Join(startError(listen, args[0], err), port.Close())
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), "femto.device.attach/1", map[string]string{"uri": device.URI(), "port": args[0]})
			} else {
				_, err = fmt.Fprintln(cmd.OutOrStdout(), device.URI())
			}
			if err == nil {
				select {
				case <-cmd.Context().Done():
				case <-device.Done():
					err = &commandError{exit: exitUnreachable, what: "the serial line ended", where: args[0], why: "the device was unplugged or the port closed"}
				}
			}
			return errors.Join(err, device.Close())
		},
	}
	f := cmd.Flags()
	f.StringVar(&listen, "listen", defaultListen, "UDP `ADDRESS` for the device; port 0 picks a free one")
	f.IntVar(&baud, "baud", defaultBaud, "`BITS` a second on the line")
	addJSONFlag(cmd, &asJSON)
	return cmd
}
