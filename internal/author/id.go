package author

import "github.com/google/uuid"

// VendorID returns femto's vendor identifier: UUIDv5 of its domain, as the
// manifest draft recommends.
func VendorID() uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceDNS, []byte("femto-containers.org"))
}

// ClassID returns the class identifier of a board: UUIDv5 in the vendor's name
// space, so a class says which vendor it is of. The simulated device is
// "femto-sim".
func ClassID(board string) uuid.UUID {
	return uuid.NewSHA1(VendorID(), []byte(board))
}

// HookID returns the identifier of a hook, which is the first segment of the
// component identifier of whatever is installed there.
func HookID(name string) uuid.UUID {
	return uuid.NewSHA1(VendorID(), []byte("hook:"+name))
}
