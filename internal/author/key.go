// Package author is the container author's side of a deployment: keys,
// manifests, signatures, and what a device would say to them.
package author

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/femto-containers/femto/agent"
	"github.com/femto-containers/femto/internal/cose"
	"github.com/femto-containers/femto/internal/p256"
)

// A PrivateKey signs, with Ed25519 or ECDSA on P-256, or makes MACs with a shared
// HMAC key. The zero value is no key.
type PrivateKey struct{ signer crypto.Signer }

// A PublicKey verifies. It is an Ed25519 or P-256 key, or a shared HMAC key,
// which also makes what it verifies.
type PublicKey struct {
	ed25519 ed25519.PublicKey
	p256    *ecdsa.PublicKey
	hmac    []byte
}

// A KeyID names a public key: the first 8 bytes of the SHA-256 of the raw key.
type KeyID [8]byte

func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// GenerateKey returns a new Ed25519 key.
func GenerateKey() (PrivateKey, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("generate ed25519 key: %w", err)
	}
	return PrivateKey{private}, nil
}

// GenerateP256 returns a new P-256 key, which not every device verifies.
func GenerateP256() (PrivateKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("generate p-256 key: %w", err)
	}
	return PrivateKey{private}, nil
}

// NewPrivateKey returns the Ed25519 key of a 32-byte seed.
func NewPrivateKey(seed [ed25519.SeedSize]byte) PrivateKey {
	return PrivateKey{ed25519.NewKeyFromSeed(seed[:])}
}

// Public returns the key that verifies what k signs.
func (k PrivateKey) Public() PublicKey {
	switch public := k.signer.Public().(type) {
	case ed25519.PublicKey:
		return PublicKey{ed25519: public}
	case *ecdsa.PublicKey:
		return PublicKey{p256: public}
	case sharedKey:
		return PublicKey{hmac: public}
	}
	return PublicKey{}
}

// A sharedKey makes HMACs where another key makes signatures.
type sharedKey []byte

func (k sharedKey) Public() crypto.PublicKey { return k }

// Sign returns the HMAC 256/256 of message.
func (k sharedKey) Sign(_ io.Reader, message []byte, _ crypto.SignerOpts) ([]byte, error) {
	h := hmac.New(sha256.New, k)
	h.Write(message)
	return h.Sum(nil), nil
}

// NewPublicKey returns an Ed25519 key of its 32 bytes.
func NewPublicKey(raw [ed25519.PublicKeySize]byte) PublicKey {
	return PublicKey{ed25519: raw[:]}
}

// Raw returns the key as a device's trust store has it, of which its identifier
// is computed: 32 bytes of Ed25519, or the 33 of a compressed point of P-256;
// nil for an HMAC key, which is secret.
func (k PublicKey) Raw() []byte {
	switch {
	case k.ed25519 != nil:
		return k.ed25519
	case k.p256 != nil:
		return elliptic.MarshalCompressed(elliptic.P256(), k.p256.X, k.p256.Y)
	}
	return nil
}

// ParseRaw reads what Raw returns.
func ParseRaw(raw []byte) (PublicKey, error) {
	switch len(raw) {
	case ed25519.PublicKeySize:
		return NewPublicKey([ed25519.PublicKeySize]byte(raw)), nil
	case p256.PublicKeySize:
		if x, y := elliptic.UnmarshalCompressed(elliptic.P256(), raw); x != nil {
			return PublicKey{p256: &ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}}, nil
		}
	}
	return PublicKey{}, fmt.Errorf("%d bytes that are neither an Ed25519 key nor a point of P-256", len(raw))
}

// Device returns the key for a device to verify with, which none does with an
// HMAC key.
func (k PublicKey) Device() (key agent.Key, ok bool) {
	switch raw := k.Raw(); len(raw) {
	case ed25519.PublicKeySize:
		return agent.Ed25519([ed25519.PublicKeySize]byte(raw)), true
	case len(key):
		return agent.Key(raw), true
	}
	return key, false
}

// ID returns the key's identifier; that of an HMAC key, which is secret, is 0.
func (k PublicKey) ID() (id KeyID) {
	if raw := k.Raw(); raw != nil {
		digest := sha256.Sum256(raw)
		copy(id[:], digest[:])
	}
	return id
}

// Kind returns "ed25519", "p-256" or "hmac-sha256".
func (k PublicKey) Kind() string {
	switch {
	case k.ed25519 != nil:
		return "ed25519"
	case k.p256 != nil:
		return "p-256"
	case k.hmac != nil:
		return "hmac-sha256"
	}
	return "none"
}

// Save writes the private key to path (PKCS#8 in PEM, readable by its owner
// only) and the public key to path + ".pub" (PKIX in PEM). It overwrites
// neither.
func (k PrivateKey) Save(path string) error {
	private, err := x509.MarshalPKCS8PrivateKey(k.signer)
	if err != nil {
		return fmt.Errorf("encode private key: %w", err)
	}
	if err := writeNew(path, 0o600, "PRIVATE KEY", private); err != nil {
		return fmt.Errorf("save private key: %w", err)
	}
	return k.Public().Save(path + ".pub")
}

// Save writes the public key to path as PKIX in PEM. It does not overwrite.
func (k PublicKey) Save(path string) error {
	var key any = k.ed25519
	if k.p256 != nil {
		key = k.p256
	}
	public, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return fmt.Errorf("encode public key: %w", err)
	}
	if err := writeNew(path, 0o644, "PUBLIC KEY", public); err != nil {
		return fmt.Errorf("save public key: %w", err)
	}
	return nil
}

// writeNew leaves no partial file behind.
func writeNew(path string, mode fs.FileMode, kind string, der []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			os.Remove(path)
		}
	}()
	return pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
}

// maxKeyFile is many times what a key takes, in bytes.
const maxKeyFile = 64 << 10

// readKeyFile reads a file that somebody says is a key, which may be anything.
func readKeyFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(raw) > maxKeyFile {
		err = fmt.Errorf("%s is longer than any key", path)
	}
	return raw, err
}

// LoadPrivate reads a private key: PKCS#8 in PEM, or 64 hex digits of an
// Ed25519 seed, or "hmac:" and 64 hex digits of a shared HMAC key.
func LoadPrivate(path string) (PrivateKey, error) {
	raw, err := readKeyFile(path)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key: %w", err)
	}
	key, err := parsePrivate(raw)
	if err != nil {
		return PrivateKey{}, fmt.Errorf("read private key %s: %w", path, err)
	}
	return key, nil
}

func parsePrivate(raw []byte) (PrivateKey, error) {
	if seed, ok := hexKey(raw); ok {
		return NewPrivateKey(seed), nil
	}
	if shared, err := parseShared(raw); shared != nil || err != nil {
		return PrivateKey{shared}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return PrivateKey{}, errors.New("neither pem nor 64 hex digits")
	}
	if block.Type != "PRIVATE KEY" {
		return PrivateKey{}, fmt.Errorf("pem block is %q, not a pkcs#8 private key", block.Type)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return PrivateKey{}, err
	}
	switch key := key.(type) {
	case ed25519.PrivateKey:
		return PrivateKey{key}, nil
	case *ecdsa.PrivateKey:
		if key.Curve == elliptic.P256() {
			return PrivateKey{key}, nil
		}
	}
	return PrivateKey{}, errors.New("neither an ed25519 nor a p-256 key")
}

// LoadPublic reads a public key from what a person gives: 64 hex digits of an
// Ed25519 key, or the path of a file that holds them, or of a PEM file with a
// public key (PKIX, Ed25519 or P-256) or a private one, whose public half it
// takes, or of a file with "hmac:" and 64 hex digits of a shared HMAC key.
func LoadPublic(pathOrHex string) (PublicKey, error) {
	if raw, ok := hexKey([]byte(pathOrHex)); ok {
		return NewPublicKey(raw), nil
	}
	file, err := readKeyFile(filepath.Clean(pathOrHex))
	if err != nil {
		return PublicKey{}, fmt.Errorf("read public key: %w", err)
	}
	key, err := parsePublic(file)
	if err != nil {
		return PublicKey{}, fmt.Errorf("read public key %s: %w", pathOrHex, err)
	}
	return key, nil
}

func parsePublic(raw []byte) (PublicKey, error) {
	if key, ok := hexKey(raw); ok {
		return NewPublicKey(key), nil
	}
	if shared, err := parseShared(raw); shared != nil || err != nil {
		return PublicKey{hmac: shared}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return PublicKey{}, errors.New("neither pem nor 64 hex digits")
	}
	if block.Type == "PRIVATE KEY" {
		private, err := parsePrivate(raw)
		if err != nil {
			return PublicKey{}, err
		}
		return private.Public(), nil
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, err
	}
	switch key := key.(type) {
	case ed25519.PublicKey:
		return PublicKey{ed25519: key}, nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			return PublicKey{p256: key}, nil
		}
	}
	return PublicKey{}, errors.New("neither an ed25519 nor a p-256 key")
}

// parseShared returns a shared HMAC key, or nil if raw does not begin as one.
func parseShared(raw []byte) (sharedKey, error) {
	rest, ok := bytes.CutPrefix(bytes.TrimSpace(raw), []byte("hmac:"))
	if !ok {
		return nil, nil
	}
	key, ok := hexKey(rest)
	if !ok {
		return nil, errors.New("hmac: is not followed by 64 hex digits")
	}
	return key[:], nil
}

func hexKey(text []byte) (key [32]byte, ok bool) {
	text = bytes.TrimSpace(text)
	if len(text) != hex.EncodedLen(len(key)) {
		return key, false
	}
	_, err := hex.Decode(key[:], text)
	return key, err == nil
}

// algorithm returns the COSE identifier of what k signs with.
func (k PrivateKey) algorithm() int32 {
	switch k.signer.(type) {
	case ed25519.PrivateKey:
		return cose.AlgEd25519
	case sharedKey:
		return cose.AlgHMAC256
	}
	return cose.AlgESP256
}
