package coap

// A Code is a method or a response: class in the upper three bits, detail in
// the lower five (RFC 7252 §3).
type Code uint8

// Methods (RFC 7252 §5.8, RFC 8132 §4).
const (
	Empty  Code = 0
	GET    Code = 1
	POST   Code = 2
	PUT    Code = 3
	DELETE Code = 4
	FETCH  Code = 5
	PATCH  Code = 6
	IPATCH Code = 7
)

// Responses (RFC 7252 §5.9, RFC 7959 §2.9).
const (
	Created                  Code = 2<<5 | 1
	Deleted                  Code = 2<<5 | 2
	Valid                    Code = 2<<5 | 3
	Changed                  Code = 2<<5 | 4
	Content                  Code = 2<<5 | 5
	Continue                 Code = 2<<5 | 31
	BadRequest               Code = 4<<5 | 0
	Unauthorized             Code = 4<<5 | 1
	BadOption                Code = 4<<5 | 2
	Forbidden                Code = 4<<5 | 3
	NotFound                 Code = 4<<5 | 4
	MethodNotAllowed         Code = 4<<5 | 5
	NotAcceptable            Code = 4<<5 | 6
	RequestEntityIncomplete  Code = 4<<5 | 8
	Conflict                 Code = 4<<5 | 9
	PreconditionFailed       Code = 4<<5 | 12
	RequestEntityTooLarge    Code = 4<<5 | 13
	UnsupportedContentFormat Code = 4<<5 | 15
	InternalServerError      Code = 5<<5 | 0
	NotImplemented           Code = 5<<5 | 1
	ServiceUnavailable       Code = 5<<5 | 3
	ProxyingNotSupported     Code = 5<<5 | 5
)

// Class returns 0 for a request and 2, 4 or 5 for a response; other classes
// are reserved.
func (c Code) Class() uint8 { return uint8(c) >> 5 }

// Detail returns the part after the dot.
func (c Code) Detail() uint8 { return uint8(c) & 31 }

// Success reports whether c is a 2.xx response.
func (c Code) Success() bool { return c.Class() == 2 }

// A Type is the type of a message (RFC 7252 §4).
type Type uint8

const (
	Confirmable     Type = 0
	NonConfirmable  Type = 1
	Acknowledgement Type = 2
	Reset           Type = 3
)

// A Format is a number of the CoAP Content-Formats registry.
type Format uint16

const (
	FormatText        Format = 0
	FormatCOSESign1   Format = 18
	FormatLinkFormat  Format = 40
	FormatOctetStream Format = 42
	FormatJSON        Format = 50
	FormatCBOR        Format = 60

	// FormatNone says that the option is absent.
	FormatNone Format = 0xffff
)
