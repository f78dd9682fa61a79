package agent

// Error is why the agent refused something that the rooms below would have
// allowed. It travels in a report as ReportCode.
type Error uint8

const (
	OK          Error = 0
	ErrForeign  Error = 1  // the container belongs to another tenant
	ErrFull     Error = 2  // no container is free
	ErrCounters Error = 3  // no counter is free
	ErrTooLarge Error = 4  // the image is longer than a slot
	ErrPayload  Error = 5  // the payload could not be fetched whole
	ErrAbsent   Error = 6  // there is no such container
	ErrConfig   Error = 7  // a configuration that does not fit together
	ErrFlash    Error = 8  // the flash cannot be used
	ErrQuota    Error = 9  // the tenant has as many as the owner lets it
	ErrSize     Error = 10 // the payload is not of the size announced
	ErrDigest   Error = 11 // the slot does not hold what it should
	ErrDevice   Error = 12 // a command for another device

	ErrTrial       Error = 13 // the container is on trial
	ErrConfirmed   Error = 14 // the container is not on trial
	ErrKept        Error = 15 // the version before is not there any more
	ErrOwner       Error = 16 // only the owner may do that
	ErrExpired     Error = 17 // the owner trusts the tenant no longer
	ErrFuture      Error = 18 // a number too far ahead
	ErrTenants     Error = 19 // no room for so many tenants
	ErrDevelopment Error = 20 // a key for development on a device in production
	ErrTwice       Error = 21 // two tenants with one key or identity
	ErrContext     Error = 22 // the context is not of the hook's size
	ErrNonce       Error = 23 // a session's nonce is spent
	ErrTries       Error = 24 // too many fetches came to nothing; another is possible later
	ErrBusy        Error = 25 // another tenant's container is being recorded
	ErrHook        Error = 26 // the hook is not fired from the network

	ErrProcessing Error = 27 // another manifest is being processed; another time
	ErrLength     Error = 28 // longer than the device takes
	ErrRequest    Error = 29 // a request that is not one of this resource
	ErrSession    Error = 30 // reading needs a session
	ErrReport     Error = 31 // there is no report, or not yet
)

// Error returns the reason in words.
func (e Error) Error() string {
	switch e {
	case OK:
		return "no error"
	case ErrForeign:
		return "the container belongs to another tenant"
	case ErrFull:
		return "no container is free"
	case ErrCounters:
		return "no counter is free"
	case ErrTooLarge:
		return "the image is too large"
	case ErrPayload:
		return "the payload could not be fetched"
	case ErrAbsent:
		return "there is no such container"
	case ErrConfig:
		return "the configuration does not fit together"
	case ErrFlash:
		return "the flash is damaged, or is not this device's"
	case ErrQuota:
		return "the tenant's quota is used up"
	case ErrSize:
		return "the payload is not of the announced size"
	case ErrDigest:
		return "the image in flash is not the one announced"
	case ErrDevice:
		return "the command is for another device"
	case ErrTrial:
		return "the container is on trial"
	case ErrConfirmed:
		return "the container is not on trial"
	case ErrKept:
		return "no earlier version is kept"
	case ErrOwner:
		return "only the owner may do that"
	case ErrExpired:
		return "the tenant's time is up"
	case ErrFuture:
		return "the number is too far ahead"
	case ErrTenants:
		return "too many tenants"
	case ErrDevelopment:
		return "keys for development are not taken here"
	case ErrTwice:
		return "two tenants have one key"
	case ErrContext:
		return "the context is not of the hook's size"
	case ErrNonce:
		return "the nonce is spent"
	case ErrTries:
		return "too many payloads did not come; try again later"
	case ErrBusy:
		return "another tenant's container is being recorded"
	case ErrHook:
		return "the hook is not fired from the network"
	case ErrProcessing:
		return "another manifest is being processed"
	case ErrLength:
		return "longer than the device takes"
	case ErrRequest:
		return "not a request of this resource"
	case ErrSession:
		return "reading needs a session"
	case ErrReport:
		return "there is no report, or not yet"
	}
	return "unknown error"
}
