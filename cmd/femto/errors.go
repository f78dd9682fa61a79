package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

// A commandError is what a person reads when a command fails: what happened,
// where, why, and what to try; and the exit code a script reads.
type commandError struct {
	exit  int
	what  string
	where string
	why   string
	try   []string
	err   error // the cause, for errors.Is
}

func (e *commandError) Error() string { return e.what }
func (e *commandError) Unwrap() error { return e.err }

func usageError(cmd *cobra.Command, err error) error {
	return &commandError{
		exit: exitUsage,
		what: err.Error(),
		try:  []string{cmd.CommandPath() + " --help"},
		err:  err,
	}
}

// printError writes err for people and returns its exit code.
func printError(w io.Writer, err error) int {
	var ce *commandError
	if !errors.As(err, &ce) {
		ce = &commandError{exit: exitFailure, what: err.Error()}
	}
	fmt.Fprintf(w, "error: %s\n", ce.what)
	if ce.where != "" {
		fmt.Fprintf(w, "  where: %s\n", ce.where)
	}
	if ce.why != "" {
		fmt.Fprintf(w, "  why: %s\n", ce.why)
	}
	for _, t := range ce.try {
		fmt.Fprintf(w, "  try: %s\n", t)
	}
	return ce.exit
}

// noArgs and exactArgs are cobra's checks with this command's exit code.
func noArgs(cmd *cobra.Command, args []string) error {
	if err := cobra.NoArgs(cmd, args); err != nil {
		return usageError(cmd, err)
	}
	return nil
}

// exactArgs wants as many arguments as it has names.
func exactArgs(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usageError(cmd, fmt.Errorf("%s is missing", names[len(args)]))
		}
		if len(args) > len(names) {
			return usageError(cmd, fmt.Errorf("%q is one argument too many", args[len(names)]))
		}
		return nil
	}
}
