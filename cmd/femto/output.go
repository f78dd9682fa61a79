package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// A resultWriter remembers that a result could not be written, so that not
// every line has to be asked.
type resultWriter struct {
	w   io.Writer
	err error
}

func (r *resultWriter) Write(p []byte) (int, error) {
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.w.Write(p)
	r.err = err
	return n, err
}

// addJSONFlag gives cmd the --json flag that every command with data has.
func addJSONFlag(cmd *cobra.Command, target *bool) {
	cmd.Flags().BoolVar(target, "json", false, "print one JSON document instead of text")
}

// writeJSON prints v as one document that names its schema. Within a schema's
// number, fields are only ever added.
func writeJSON(w io.Writer, schema string, v any) error {
	fields, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("json output: %w", err)
	}
	document := map[string]json.RawMessage{}
	if err := json.Unmarshal(fields, &document); err != nil {
		return fmt.Errorf("json output: %w", err)
	}
	document["schema"], _ = json.Marshal(schema)
	out, err := json.MarshalIndent(document, "", "  ")
	if err != nil {
		return fmt.Errorf("json output: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", out)
	return err
}

// writeJSONLine prints v as one line, of several.
func writeJSONLine(w io.Writer, v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("json output: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s\n", line)
	return err
}

// newTable aligns columns; cells are separated by tabs. Flush prints it.
func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
}

// bytesText is a size for people.
func bytesText(n int) string {
	if n < 10*1024 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/1024)
}
