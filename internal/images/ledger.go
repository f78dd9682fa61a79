package images

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Place is where a container runs: on one device, under one name of a hook, for
// one key.
type Place struct {
	Device [16]byte
	Hook   string
	Name   string
	Key    string // identifier of the public key
}

// mostDeployed is how many images are remembered of a place.
const mostDeployed = 50

// file is the ledger of a place: digests of images, a line each, those deployed
// first at the beginning; "" if there is no cache.
func (p *Place) file() string {
	images := folder()
	if images == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(p.Key + "\n" + p.Hook + "\n" + p.Name))
	return filepath.Join(filepath.Dir(images), "deployed", hex.EncodeToString(p.Device[:]), hex.EncodeToString(sum[:8]))
}

func (p *Place) ledger() []string {
	return strings.Fields(string(read(p.file())))
}

// Deployed notes that an image came into a place, after the one that ran there
// before, if there was one. What is behind that one in the ledger was gone back
// from, and is forgotten. What cannot be noted is no reason to stop.
func Deployed(p Place, before, digest []byte) {
	file := p.file()
	if file == "" || len(digest) != sha256.Size {
		return
	}
	ledger, old, now := p.ledger(), hex.EncodeToString(before), hex.EncodeToString(digest)
	if at := lastIndex(ledger, old); at >= 0 {
		ledger = ledger[:at+1]
	} else if len(before) == sha256.Size {
		ledger = append(ledger, old)
	}
	if len(ledger) == 0 || ledger[len(ledger)-1] != now {
		ledger = append(ledger, now)
	}
	save(file, ledger[max(0, len(ledger)-mostDeployed):])
}

// WentBack notes that an image that ran in a place before runs there again.
func WentBack(p Place, digest []byte) {
	ledger := p.ledger()
	if at := lastIndex(ledger, hex.EncodeToString(digest)); at >= 0 {
		save(p.file(), ledger[:at+1])
	}
}

// Before returns the digest of the image that this machine deployed to a place
// before another one, nil if there was none. known is false if it did not deploy
// that one.
func Before(p Place, digest []byte) (before []byte, known bool) {
	ledger := p.ledger()
	at := lastIndex(ledger, hex.EncodeToString(digest))
	if at < 1 {
		return nil, at == 0
	}
	before, err := hex.DecodeString(ledger[at-1])
	if err != nil || len(before) != sha256.Size {
		return nil, true
	}
	return before, true
}

func lastIndex(all []string, one string) int {
	for i, s := range slices.Backward(all) {
		if s == one {
			return i
		}
	}
	return -1
}

func save(file string, ledger []string) {
	if os.MkdirAll(filepath.Dir(file), 0o700) == nil {
		put(file, []byte(strings.Join(ledger, "\n")+"\n"))
	}
}
