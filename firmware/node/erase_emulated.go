//go:build (!tinygo || qemu) && !erase4k

package node

// eraseBlock is what the emulated boards erase at once, in bytes.
const eraseBlock = 1 << 10
