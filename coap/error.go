package coap

// An Error is why a message, a configuration or an outgoing request was
// refused. 0 means none.
type Error uint8

const (
	ErrShort       Error = iota + 1 // fewer bytes than the header says
	ErrVersion                      // not version 1
	ErrTokenLength                  // token length 9..15
	ErrCode                         // a code of a reserved class
	ErrEmpty                        // an Empty message that is not empty
	ErrOptionForm                   // an option that RFC 7252 §3.1 cannot encode
	ErrNoPayload                    // payload marker without payload
	ErrConfig                       // sizes that do not fit each other
	ErrMemory                       // Config.Memory shorter than MemorySize
	ErrBusy                         // every Call is in use, or one to this peer unanswered
	ErrTooLarge                     // a message that does not fit a datagram
	ErrURI                          // not a URI this device can follow
	ErrScheme                       // a URI with a scheme other than coap
	ErrName                         // a URI with a host name
	ErrTimeout                      // no answer after all retransmissions
	ErrReset                        // the peer rejected the request
	ErrBlock                        // blocks that do not continue each other
	ErrChanged                      // the representation changed between blocks
	ErrAbandoned                    // the Sink wants no more
	ErrBadOption                    // a response with an unknown critical option
)

func (e Error) Error() string {
	switch e {
	case 0:
		return "no error"
	case ErrShort:
		return "message too short"
	case ErrVersion:
		return "unknown CoAP version"
	case ErrTokenLength:
		return "token too long"
	case ErrCode:
		return "reserved code"
	case ErrEmpty:
		return "empty message with content"
	case ErrOptionForm:
		return "malformed option"
	case ErrNoPayload:
		return "payload marker without payload"
	case ErrConfig:
		return "inconsistent configuration"
	case ErrMemory:
		return "too little memory"
	case ErrBusy:
		return "too many requests at once"
	case ErrTooLarge:
		return "message too large for a datagram"
	case ErrURI:
		return "malformed URI"
	case ErrScheme:
		return "scheme is not coap"
	case ErrName:
		return "host names are not resolved"
	case ErrTimeout:
		return "no answer"
	case ErrReset:
		return "rejected by the peer"
	case ErrBlock:
		return "blocks out of sequence"
	case ErrChanged:
		return "content changed during the transfer"
	case ErrAbandoned:
		return "transfer abandoned"
	case ErrBadOption:
		return "unknown critical option in the response"
	}
	return "unknown error"
}
