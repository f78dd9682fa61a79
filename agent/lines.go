package agent

import (
	"encoding/binary"

	"github.com/femto-containers/femto/coap"
	"github.com/femto-containers/femto/internal/cbor"
)

// Lines keeps the last lines that containers printed, for whoever asks: it is
// the resource PathLogs of a Config whose Logs it is. Each line has a number,
// counted from 0 at every start, so a reader that says which number it wants
// next gets every line once, or learns how many it came too late for.
type Lines struct {
	Ring []byte // the firmware's; its length is what is kept, with 11 bytes for each line
	Boot uint32 // tells one start from another: random

	oldest int    // where the oldest line begins
	used   int    // bytes of Ring
	first  uint32 // number of the oldest line
	next   uint32 // number of the line to come
}

// A line in the ring: its time in microseconds (u64), the lengths of its
// container and text (u8 each), and these.
const lineHead = 10

// Add takes in one line: when it was printed, which container did, as the name
// of its hook and its own, and the first 255 bytes of what it said. The oldest
// lines make room for it. One that is longer than the ring is counted as lost.
//
//go:noinline
func (l *Lines) Add(now int64, hook string, name, text []byte) {
	text = text[:min(len(text), 255)]
	hook = hook[:min(len(hook), 255-1-nameLen)]
	label := len(hook)
	if len(name) > 0 {
		label += 1 + len(name)
	}
	size := lineHead + label + len(text)
	for l.used > 0 && size > len(l.Ring)-l.used {
		l.drop()
	}
	l.next++
	if size > len(l.Ring) {
		l.first = l.next
		return
	}
	at := l.used
	l.used += size
	for i := range 8 {
		l.put(at+i, byte(uint64(now)>>(8*i)))
	}
	l.put(at+8, byte(label))
	l.put(at+9, byte(len(text)))
	at += lineHead
	for i := range len(hook) {
		l.put(at+i, hook[i])
	}
	at += len(hook)
	if len(name) > 0 {
		l.put(at, '/')
		at = l.copy(at+1, name)
	}
	l.copy(at, text)
}

//go:noinline
func (l *Lines) put(at int, b byte) { l.Ring[(l.oldest+at)%len(l.Ring)] = b }

//go:noinline
func (l *Lines) get(at int) byte { return l.Ring[(l.oldest+at)%len(l.Ring)] }

func (l *Lines) copy(at int, p []byte) (end int) {
	for i, b := range p {
		l.put(at+i, b)
	}
	return at + len(p)
}

// size returns how long the line at at is.
func (l *Lines) size(at int) int { return lineHead + int(l.get(at+8)) + int(l.get(at+9)) }

// drop forgets the oldest line.
func (l *Lines) drop() {
	n := l.size(0)
	l.oldest = (l.oldest + n) % len(l.Ring)
	l.used -= n
	l.first++
}

// ServeCoAP answers GET logs[?b=BOOT&n=NEXT], in hexadecimal of 8 digits: the
// lines from number NEXT on, or all that are kept if BOOT is of another start.
//
//go:noinline
func (l *Lines) ServeCoAP(_ int64, req *coap.Request, resp *coap.Response) {
	boot, wanted := ^l.Boot, uint32(0)
	for i := 0; i < req.NumQuery(); i++ {
		q := req.Query(i)
		var value [4]byte
		if len(q) < 2 || q[1] != '=' || !unhex(value[:], q[2:]) {
			continue
		}
		switch q[0] {
		case 'b':
			boot = binary.BigEndian.Uint32(value[:])
		case 'n':
			wanted = binary.BigEndian.Uint32(value[:])
		}
	}
	if boot != l.Boot || wanted > l.next {
		wanted = 0
	}
	at, number, lost := 0, l.first, uint32(0)
	if wanted < number {
		lost = number - wanted
	}
	for ; number < wanted; number++ {
		at += l.size(at)
	}
	// As many as fit: a line's CBOR is at most three bytes longer than it is in
	// the ring, and the map around them takes less than 32.
	count := 0
	for end, room := at, cap(resp.Body)-32; end < l.used; count++ {
		n := l.size(end)
		if room -= n + 3; room < 0 {
			break
		}
		end += n
	}
	e := body(resp)
	e.Map(4)
	pair(&e, LogsBoot, uint64(l.Boot))
	pair(&e, LogsFirst, uint64(number))
	pair(&e, LogsLost, uint64(lost))
	pairArray(&e, LogsLines, count)
	for ; count > 0; count-- {
		e.Array(3)
		now := uint64(0)
		for i := range 8 {
			now |= uint64(l.get(at+i)) << (8 * i)
		}
		e.Uint(now)
		label, text := int(l.get(at+8)), int(l.get(at+9))
		at += lineHead
		at = l.emit(&e, cbor.Text, at, label)
		at = l.emit(&e, cbor.Bytes, at, text)
	}
	finish(resp, coap.Content, &e)
}

// emit appends n bytes of the ring as a string, and returns where they end.
func (l *Lines) emit(e *cbor.Encoder, t cbor.Type, at, n int) int {
	e.Head(t, uint64(n))
	begin := (l.oldest + at) % len(l.Ring)
	part := l.Ring[begin:min(begin+n, len(l.Ring))]
	e.Raw(part)
	e.Raw(l.Ring[:n-len(part)])
	return at + n
}
