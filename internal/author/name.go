package author

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/suit"
)

func algorithmName(algorithm int32) string {
	switch algorithm {
	case cose.AlgHMAC256:
		return "hmac-256 (5)"
	case cose.AlgES256:
		return "es256 (-7)"
	case cose.AlgEdDSA:
		return "eddsa (-8)"
	case cose.AlgESP256:
		return "esp256 (-9)"
	case cose.AlgSHA256:
		return "sha-256 (-16)"
	case cose.AlgEd25519:
		return "ed25519 (-19)"
	}
	return fmt.Sprintf("algorithm %d", algorithm)
}

// SectionName names a section of a manifest by its key.
func SectionName(section int) string {
	switch section {
	case suit.SectionCommon:
		return "shared"
	case suit.SectionValidate:
		return "validate"
	case suit.SectionLoad:
		return "load"
	case suit.SectionInvoke:
		return "invoke"
	case suit.SectionFetch:
		return "payload fetch"
	case suit.SectionInstall:
		return "install"
	}
	return fmt.Sprintf("section %d", section)
}

// The names of the draft, also of commands and parameters outside our profile.
var commandNames = map[int32]string{
	1: "condition vendor id", 2: "condition class id", 3: "condition image match",
	5: "condition component slot", 6: "condition check content", 12: "set component index",
	14: "condition abort", 15: "try each", 18: "write", 20: "override parameters",
	21: "fetch", 22: "copy", 23: "invoke", 24: "condition device id", 31: "swap", 32: "run sequence",
}

func commandName(code int32) string {
	if name, ok := commandNames[code]; ok {
		return fmt.Sprintf("%s (%d)", name, code)
	}
	return fmt.Sprintf("unknown command (%d)", code)
}

var parameterNames = map[int32]string{
	1: "vendor id", 2: "class id", 3: "image digest", 5: "component slot",
	12: "strict order", 13: "soft failure", 14: "image size", 18: "content",
	21: "uri", 22: "source component", 23: "invoke args", 24: "device id",
}

func parameterName(key int32) string {
	if name, ok := parameterNames[key]; ok {
		return fmt.Sprintf("%s (%d)", name, key)
	}
	return fmt.Sprintf("unknown parameter (%d)", key)
}

// identifierName returns a UUID with what it is of, if it is one of ours.
func identifierName(b []byte) string {
	id, err := uuid.FromBytes(b)
	if err != nil {
		return fmt.Sprintf("h'%x'", b)
	}
	switch id {
	case VendorID():
		return id.String() + " (vendor femto-containers.org)"
	case ClassID("femto-sim"):
		return id.String() + " (class femto-sim)"
	}
	for _, hook := range []string{"event", "timer"} {
		if id == HookID(hook) {
			return id.String() + " (hook " + hook + ")"
		}
	}
	return id.String()
}
