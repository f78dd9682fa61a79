//go:build (tinygo && !qemu) || erase4k

package node

// eraseBlock is what the boards that people own erase at once, in bytes. With the
// tag erase4k a test has the same on a host.
const eraseBlock = 4 << 10
