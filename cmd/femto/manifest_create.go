package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/suit"
)

// creation is what the flags of femto manifest create say.
type creation struct {
	from, hook, name, board, class, vendor, uri, text string
	integrated, invoke                                bool
	sequence                                          uint64
}

func newManifestCreateCommand() *cobra.Command {
	var c creation
	var output, keyFile string
	cmd := &cobra.Command{
		Use:   "create (IMAGE | --from FILE)",
		Short: "Make a manifest of an image, or of a description",
		Long: `Makes a manifest that has a device install IMAGE, inside the manifest unless
--integrated puts it beside it or --uri says where the device fetches it. Or
makes whatever manifest the JSON in the file of --from describes, as
femto manifest show --source prints it. It is signed if --key is given.`,
		Example: `  femto manifest create app.bin --hook event --board femto-sim -o app.suit
  femto manifest create --from update.json -o update.suit`,
		Args: func(cmd *cobra.Command, args []string) error {
			if c.from != "" {
				return noArgs(cmd, args)
			}
			return exactArgs("the IMAGE file")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			parts, err := c.parts(cmd, args)
			if err != nil {
				return err
			}
			if keyFile != "" {
				key, err := manifestKey(keyFile)
				if err != nil {
					return err
				}
				if err := parts.Sign(key, 0); err != nil {
					return err
				}
			}
			return saveManifest(cmd, output, parts.Envelope())
		},
	}
	f := cmd.Flags()
	f.StringVar(&c.from, "from", "", "JSON `FILE` that describes the manifest")
	f.StringVar(&c.hook, "hook", "", "hook on which the container runs: a name or a UUID")
	f.StringVar(&c.name, "name", "", "name among several on one hook: 1 to 16 of a-z A-Z 0-9 - _ .")
	f.StringVar(&c.board, "board", "", "board of the devices that it is for")
	f.StringVar(&c.class, "class", "", "class of the devices that it is for, a `UUID`, in place of --board")
	f.StringVar(&c.vendor, "vendor", "", "vendor `UUID` to ask for too")
	f.StringVar(&c.uri, "uri", "", "`URI` where devices fetch the image: a coap URI, or a path at whoever sends the manifest")
	f.BoolVar(&c.integrated, "integrated", false, "put the image beside the manifest, not into it")
	f.BoolVar(&c.invoke, "invoke", false, "add an invoke section, which devices of ours do not need")
	f.StringVar(&c.text, "text", "", "description for people; severable")
	f.Uint64Var(&c.sequence, "sequence", 0, "sequence number; the time by default")
	f.StringVar(&keyFile, "key", "", "private key `FILE` to sign with; unsigned by default")
	addOutputFlag(cmd, &output)
	return cmd
}

func (c *creation) parts(cmd *cobra.Command, args []string) (*author.Parts, error) {
	if c.from != "" {
		return c.described(cmd)
	}
	m := author.Manifest{Sequence: c.sequence, Container: c.name, Delivery: author.Content, URI: c.uri, Invoke: c.invoke, Text: c.text}
	if m.Sequence == 0 {
		m.Sequence = uint64(time.Now().Unix())
	}
	if m.Sequence > suit.MaxSequence {
		return nil, usageError(cmd, fmt.Errorf("--sequence %d: devices take numbers up to %d, so that no slip spends them all", m.Sequence, uint64(suit.MaxSequence)))
	}
	if err := checkName(cmd, c.name); err != nil {
		return nil, err
	}
	switch {
	case c.hook == "":
		return nil, usageError(cmd, errors.New("--hook is missing: on which hook shall the container run?"))
	case c.board == "" && c.class == "":
		return nil, usageError(cmd, errors.New("--board is missing: for which devices is it?"))
	case c.board != "" && c.class != "":
		return nil, usageError(cmd, errors.New("--board and --class: one says what the other does"))
	case c.uri != "" && c.integrated:
		return nil, usageError(cmd, errors.New("--uri and --integrated: the image is fetched, or beside the manifest"))
	case c.uri != "":
		m.Delivery = author.Reference
	case c.integrated:
		m.Delivery = author.Integrated
	}
	m.Class = author.ClassID(c.board)
	m.Hook = author.HookID(c.hook)
	if id, err := uuid.Parse(c.hook); err == nil {
		m.Hook = id
	}
	for _, id := range []struct {
		flag, text string
		to         *uuid.UUID
	}{{"--class", c.class, &m.Class}, {"--vendor", c.vendor, &m.Vendor}} {
		b, err := identifierFlag(cmd, id.flag, id.text, 16)
		if err != nil {
			return nil, err
		}
		if b != nil {
			*id.to = uuid.UUID(b)
		}
	}
	raw, _, err := readImage(cmd, args[0])
	if err != nil {
		return nil, err
	}
	m.Image = raw
	parts, err := m.Parts()
	if err != nil {
		return nil, usageError(cmd, err)
	}
	return parts, nil
}

func (c *creation) described(cmd *cobra.Command) (*author.Parts, error) {
	for _, flag := range []string{"hook", "name", "board", "class", "vendor", "uri", "integrated", "invoke", "text", "sequence"} {
		if cmd.Flags().Changed(flag) {
			return nil, usageError(cmd, fmt.Errorf("--%s and --from: the description says it all", flag))
		}
	}
	text, err := readFile(c.from)
	if err != nil {
		return nil, err
	}
	description, err := author.ParseDescription(text)
	var parts *author.Parts
	if err == nil {
		parts, err = description.Build(filepath.Dir(c.from))
	}
	if err != nil {
		return nil, &commandError{exit: exitRejected, what: "no manifest can be made of this description", where: c.from, why: err.Error(), err: err}
	}
	return parts, nil
}
