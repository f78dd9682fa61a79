//go:build p256 || !tinygo

package agent

// withP256 says whether tenants and owners may have keys of P-256: on hosts,
// and in firmware with the build tag p256.
const withP256 = true
