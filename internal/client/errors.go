package client

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/femto-containers/femto/coap"
)

var (
	// ErrUnreachable says that no answer came, or that the network reported
	// that none will.
	ErrUnreachable = errors.New("device is unreachable")

	// errSilence is the reason if no error came, but nothing at all.
	errSilence = errors.New("no answer")

	// ErrReset says that the device rejected the request as such: it does
	// not serve any.
	ErrReset = errors.New("device rejected the request")
)

// A StatusError is a response outside 2.xx.
type StatusError struct {
	Code          coap.Code
	ContentFormat coap.Format // of Diagnostic; coap.FormatNone: a text for people
	Diagnostic    []byte
}

func (e *StatusError) Error() string {
	text := e.ContentFormat == coap.FormatNone || e.ContentFormat == coap.FormatText
	if text && len(e.Diagnostic) > 0 && utf8.Valid(e.Diagnostic) {
		return fmt.Sprintf("%s: %q", CodeText(e.Code), e.Diagnostic)
	}
	return CodeText(e.Code)
}

// CodeText returns a code as people write it, such as "4.04 Not Found".
func CodeText(c coap.Code) string {
	number := fmt.Sprintf("%d.%02d", c.Class(), c.Detail())
	if name, ok := codeNames[c]; ok {
		return number + " " + name
	}
	return number
}

var codeNames = map[coap.Code]string{
	coap.Empty:                    "Empty",
	coap.GET:                      "GET",
	coap.POST:                     "POST",
	coap.PUT:                      "PUT",
	coap.DELETE:                   "DELETE",
	coap.FETCH:                    "FETCH",
	coap.PATCH:                    "PATCH",
	coap.IPATCH:                   "iPATCH",
	coap.Created:                  "Created",
	coap.Deleted:                  "Deleted",
	coap.Valid:                    "Valid",
	coap.Changed:                  "Changed",
	coap.Content:                  "Content",
	coap.Continue:                 "Continue",
	coap.BadRequest:               "Bad Request",
	coap.Unauthorized:             "Unauthorized",
	coap.BadOption:                "Bad Option",
	coap.Forbidden:                "Forbidden",
	coap.NotFound:                 "Not Found",
	coap.MethodNotAllowed:         "Method Not Allowed",
	coap.NotAcceptable:            "Not Acceptable",
	coap.RequestEntityIncomplete:  "Request Entity Incomplete",
	coap.Conflict:                 "Conflict",
	coap.PreconditionFailed:       "Precondition Failed",
	coap.RequestEntityTooLarge:    "Request Entity Too Large",
	coap.UnsupportedContentFormat: "Unsupported Content-Format",
	coap.InternalServerError:      "Internal Server Error",
	coap.NotImplemented:           "Not Implemented",
	coap.ServiceUnavailable:       "Service Unavailable",
	coap.ProxyingNotSupported:     "Proxying Not Supported",
}
