package agent

import (
	"encoding/binary"

	"github.com/femto-containers/femto/coap"
)

// Lines keeps the last lines that containers printed, for whoever asks: it is
// the resource PathLogs of a Config whose Logs it is. Each line has a number,
// counted from 0 at every start, so a reader that says which number it wants
// next gets every line once, or learns how many it came too late for.
type Lines struct {
	Ring []byte // the firmware's; its length is what is kept, with 11 bytes for each line
	Boot uint32 // tells one start from another: random

	used  int    // bytes of Ring; the oldest line comes first
	first uint32 // number of the oldest line
	next  uint32 // number of the line to come
}

// A line in the ring: its time in microseconds (u64), the lengths of its
// container and text (u8 each), and these.
const lineHead = 10

// Add takes in one line: when it was printed, which container did, as the name
// of its hook and its own, and the first 255 bytes of what it said. The oldest
// lines make room for it. One that is longer than the ring is counted as lost.
func (l *Lines) Add(now int64, hook string, name, text []byte) {
	text = text[:min(len(text), 255)]
	hook = hook[:min(len(hook), 255-1-nameLen)]
	label := len(hook)
	if len(name) > 0 {
		label += 1 + len(name)
	}
	size := lineHead + label + len(text)
	for l.used > 0 && size > len(l.Ring)-l.used {
		// To move the rest is little work for a ring as small as a device's.
		n := lineSize(l.Ring)
		l.used = copy(l.Ring, l.Ring[n:l.used])
		l.first++
	}
	l.next++
	if size > len(l.Ring) {
		l.first = l.next
		return
	}
	b := l.Ring[l.used:][:size]
	l.used += size
	putUint64(b, uint64(now))
	b[8], b[9] = byte(label), byte(len(text))
	b = b[lineHead:]
	n := copy(b, hook)
	if n < label {
		b[n] = '/'
		copy(b[n+1:], name)
	}
	copy(b[label:], text)
}

// Next returns the number of the line to come.
func (l *Lines) Next() uint32 { return l.next }

// Line returns who printed a line, as "hook" or "hook/name", and what; nil if it
// is not kept. Both alias Ring, until the next Add or Drop.
func (l *Lines) Line(number uint32) (container, text []byte) {
	b := l.line(number)
	if b == nil {
		return nil, nil
	}
	end := lineHead + int(b[8])
	return b[lineHead:end], b[end:lineSize(b)]
}

// Drop takes out a line that is kept, as if it had not been printed: each after
// it has a number that is one less.
func (l *Lines) Drop(number uint32) {
	if b := l.line(number); b != nil {
		n := lineSize(b)
		copy(b, b[n:])
		l.used -= n
		l.next--
	}
}

// line returns the ring from a line on, nil if it is not kept.
func (l *Lines) line(number uint32) []byte {
	if number-l.first >= l.next-l.first {
		return nil
	}
	b := l.Ring[:l.used]
	for ; number != l.first; number-- {
		b = b[lineSize(b):]
	}
	return b
}

// lineSize returns how long the line at the beginning of b is.
//
//go:noinline
func lineSize(b []byte) int { return lineHead + int(b[8]) + int(b[9]) }

// ServeCoAP answers GET logs[?b=BOOT&n=NEXT][&m=MOST], in hexadecimal of 8 digits:
// the lines from number NEXT on, or all that are kept if BOOT is of another start;
// not more than MOST, which for an observer that only wants to hear when there
// is something to read is 0.
//
//go:noinline
func (l *Lines) ServeCoAP(_ int64, req *coap.Request, resp *coap.Response) {
	boot, wanted, most := ^l.Boot, uint32(0), ^uint32(0)
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
		case 'm':
			most = binary.BigEndian.Uint32(value[:])
		}
	}
	if boot != l.Boot || wanted > l.next {
		wanted = 0
	}
	number, lost := l.first, uint32(0)
	if wanted < number {
		lost = number - wanted
	}
	lines := l.Ring[:l.used]
	for ; number < wanted; number++ {
		lines = lines[lineSize(lines):]
	}
	// As many as fit: a line's CBOR is at most three bytes longer than it is in
	// the ring, and the map around them takes less than 32.
	count, end := 0, 0
	for room := cap(resp.Body) - 32; end < len(lines) && uint32(count) < most; count++ {
		n := lineSize(lines[end:])
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
		n := lineSize(lines)
		e.Array(3)
		e.Uint(binary.LittleEndian.Uint64(lines))
		b := lines[lineHead:n]
		text(&e, b[:lines[8]])
		e.ByteString(b[lines[8]:])
		lines = lines[n:]
	}
	finish(resp, coap.Content, &e)
}
