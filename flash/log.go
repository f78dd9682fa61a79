package flash

import "encoding/binary"

const (
	logMagic   = 0x676f4c66 // "fLog"
	headerSize = 16
	recordHead = 4 // kind, marker, length
	recordTail = 4 // checksum
	marker     = 0xa5
	kindErased = 0xff
)

// Owner knows the state that a log's records add up to.
type Owner interface {
	// Snapshot gives the whole live state to l.Emit, record by record, as it
	// was before the record that is being appended. It may read the old
	// records with l.Next meanwhile. An error other than OK stops the
	// compaction and leaves the log as it was.
	Snapshot(l *Log) Error
}

// Log is a sequence of records in two banks of a device. One bank holds the
// records; when it is full, the owner's live state goes to the other one, whose
// header, written last, makes it the current bank. A power cut at any
// operation leaves either the records from before the call or those after it.
type Log struct {
	dev   Device
	owner Owner
	buf   []byte
	base  int // of the first bank
	size  int // of a bank

	bank       int // where the current bank begins
	generation uint32
	end        int // where the next record goes
	torn       bool
	emit       int // end in the other bank during a compaction, else 0
}

// Record is one entry of a log.
type Record struct {
	Kind    uint8  // 0 to 254, the owner's meaning
	Payload []byte // lies in the log's buffer: valid until the next call
}

// Cursor is a place in a log; the zero Cursor is before the first record.
type Cursor struct {
	at  int
	Err Error // why Next found no record, if it was not the end
}

// Open opens the log in the size bytes of dev from off on: two banks of whole
// blocks. buf holds one record at a time, so it bounds the payload to len(buf)
// - 8 bytes, rounded down to the device's granule; Open keeps dev, buf and
// owner. It returns ErrUnformatted on a device that never held a log of this
// layout; Format makes one. A record that a power cut tore is not there.
func (l *Log) Open(dev Device, off, size int, buf []byte, owner Owner) Error {
	block, write := dev.BlockSize(), dev.WriteSize()
	*l = Log{dev: dev, owner: owner, base: off, size: size / 2}
	if !within(off, size, dev.Size()) || off%block != 0 || size%(2*block) != 0 || size == 0 ||
		len(buf) < roundUp(headerSize, write) {
		return ErrRange
	}
	l.buf = buf[:len(buf)/write*write]
	for i := range 2 {
		generation, valid, err := l.header(off + i*l.size)
		if err != OK {
			return err
		}
		if valid && generation > l.generation {
			l.generation, l.bank = generation, off+i*l.size
		}
	}
	if l.generation == 0 {
		return ErrUnformatted
	}
	return l.findEnd()
}

// Format begins an empty log. Over an existing log it is atomic as Append is,
// and erases what the old one held afterwards.
func (l *Log) Format() Error {
	if l.buf == nil {
		return ErrRange
	}
	if l.emit != 0 {
		return ErrOrder
	}
	bank := l.base
	if l.generation != 0 {
		bank = l.other()
	}
	if err := l.erase(bank); err != OK {
		return err
	}
	if err := l.writeHeader(bank, l.generation+1); err != OK {
		return err
	}
	l.bank, l.end, l.torn = bank, l.first(bank), false
	l.generation++
	return l.erase(l.other())
}

// Torn reports whether the log ends in something that is no record, as after a
// power cut, or has a damaged one among its records, which is passed over. The
// next Append moves the log to the other bank.
func (l *Log) Torn() bool { return l.torn }

// Free returns how many bytes the current bank has left for records.
func (l *Log) Free() int {
	if l.torn {
		return 0
	}
	return l.bank + l.size - l.end
}

// RecordSize returns how many bytes of a bank a record of n bytes takes.
func (l *Log) RecordSize(n int) int {
	return roundUp(recordHead+n+recordTail, l.dev.WriteSize())
}

// Append stores a record. It compacts the log if the current bank is full or
// torn. payload is not kept and must not lie in the log's buffer. If it
// returns an error the log is as before, but for ErrDevice: then only the next
// Open tells whether the record is there.
func (l *Log) Append(kind uint8, payload []byte) Error {
	if l.generation == 0 {
		return ErrUnformatted
	}
	if l.emit != 0 {
		return ErrOrder
	}
	if kind == kindErased {
		return ErrKind
	}
	if l.RecordSize(len(payload)) > len(l.buf) {
		return ErrTooLong
	}
	if l.RecordSize(len(payload)) > l.Free() {
		return l.compact(true, kind, payload)
	}
	n, err := l.write(l.end, l.generation, kind, payload)
	if err == ErrProgrammed {
		// Flash that reads as erased but is not: a power cut hit the very
		// beginning of a record.
		return l.compact(true, kind, payload)
	}
	if err != OK {
		l.torn = true
		return err
	}
	l.end += n
	return OK
}

// Compact moves the live state to the other bank.
func (l *Log) Compact() Error { return l.compact(false, 0, nil) }

// Emit stores one record of the owner's snapshot. It is for Owner.Snapshot
// only; a payload that Next returned may be given as it is.
func (l *Log) Emit(kind uint8, payload []byte) Error {
	if l.emit == 0 {
		return ErrOrder
	}
	if kind == kindErased {
		return ErrKind
	}
	n := l.RecordSize(len(payload))
	if n > len(l.buf) {
		return ErrTooLong
	}
	if n > l.other()+l.size-l.emit {
		return ErrFull
	}
	n, err := l.write(l.emit, l.generation+1, kind, payload)
	l.emit += n
	return err
}

func (l *Log) compact(add bool, kind uint8, payload []byte) Error {
	if l.generation == 0 {
		return ErrUnformatted
	}
	if l.owner == nil || l.emit != 0 {
		return ErrOrder
	}
	bank := l.other()
	// The bank may look erased after a power cut in an erase and still not
	// hold what is programmed into it, so it is always erased anew.
	if err := l.erase(bank); err != OK {
		return err
	}
	l.emit = l.first(bank)
	err := l.owner.Snapshot(l)
	if err == OK && add {
		err = l.Emit(kind, payload)
	}
	end := l.emit
	l.emit = 0
	if err == OK {
		if err = l.writeHeader(bank, l.generation+1); err != OK {
			// The header may be there for all that, and the next Open choose
			// it: nothing may go to the current bank any more.
			l.torn = true
		}
	}
	if err != OK {
		return err
	}
	l.bank, l.end, l.torn = bank, end, false
	l.generation++
	return OK
}

// Next returns the record after c and moves c past it, or false at the end of
// the log.
func (l *Log) Next(c *Cursor) (Record, bool) {
	if l.generation == 0 {
		return Record{}, false
	}
	if c.at == 0 {
		c.at = l.first(l.bank)
	}
	if c.at >= l.end {
		return Record{}, false
	}
	record, at, n, err := l.seek(c.at)
	if err != OK || n == 0 {
		// Open has seen this record whole.
		c.Err = ErrDevice
		return Record{}, false
	}
	c.at = at + n
	return record, true
}

// seek reads the first whole record at or after at. A damaged one must not hide
// those behind it.
func (l *Log) seek(at int) (record Record, where, n int, err Error) {
	for limit := l.bank + l.size; at < limit && err == OK; at += l.dev.WriteSize() {
		if record, n, err = l.read(at); n > 0 {
			break
		}
	}
	return record, at, n, err
}

func (l *Log) other() int { return 2*l.base + l.size - l.bank }

func (l *Log) first(bank int) int { return bank + roundUp(headerSize, l.dev.WriteSize()) }

func (l *Log) erase(bank int) Error {
	for at := bank; at < bank+l.size; at += l.dev.BlockSize() {
		if err := l.dev.Erase(at); err != OK {
			return err
		}
	}
	return OK
}

// header reads a bank's header: magic, size of a bank, generation, checksum.
func (l *Log) header(bank int) (generation uint32, valid bool, err Error) {
	h := l.buf[:headerSize]
	if err := l.dev.Read(bank, h); err != OK {
		return 0, false, err
	}
	n := l.mend(h)
	return binary.LittleEndian.Uint32(h[8:]), n > 0, OK
}

func (l *Log) writeHeader(bank int, generation uint32) Error {
	h := l.buf[:roundUp(headerSize, l.dev.WriteSize())]
	le := binary.LittleEndian
	le.PutUint32(h, logMagic)
	le.PutUint32(h[4:], uint32(l.size))
	le.PutUint32(h[8:], generation)
	le.PutUint32(h[12:], checksum(0, h[:12]))
	fill(h[headerSize:])
	return l.dev.Program(bank, h)
}

func (l *Log) write(at int, generation uint32, kind uint8, payload []byte) (int, Error) {
	n := l.RecordSize(len(payload))
	b := l.buf[:n]
	copy(b[recordHead:], payload)
	b[0], b[1] = kind, marker
	le := binary.LittleEndian
	le.PutUint16(b[2:], uint16(len(payload)))
	body := recordHead + len(payload)
	le.PutUint32(b[body:], checksum(generation, b[:body]))
	fill(b[body+recordTail:])
	return n, l.dev.Program(at, b)
}

// read reads the record at at of the current bank; n is its size there, or 0
// if there is no whole record.
func (l *Log) read(at int) (record Record, n int, err Error) {
	b := l.buf[:max(0, min(len(l.buf), l.bank+l.size-at))]
	if len(b) <= recordHead+recordTail {
		return Record{}, 0, OK
	}
	if err := l.dev.Read(at, b); err != OK {
		return Record{}, 0, err
	}
	// What is not programmed is four bits away from a record.
	if wrong := b[1] ^ marker; wrong&(wrong-1) != 0 {
		return Record{}, 0, OK
	}
	if n = l.mend(b); n == 0 {
		return Record{}, 0, OK
	}
	end := recordHead + int(binary.LittleEndian.Uint16(b[2:]))
	return Record{Kind: b[0], Payload: b[recordHead:end:end]}, n, OK
}

// mend returns the size of the record or header at the beginning of b. If there
// is none, but would be with one bit flipped, that is done to b: else a number
// that was spent could be spent again.
func (l *Log) mend(b []byte) (n int) {
	for i := -1; i < 8*len(b); i++ {
		if i >= 0 {
			b[i/8] ^= 1 << (i % 8)
		}
		if n = l.whole(b); n > 0 {
			l.torn = l.torn || i >= 0
			break
		}
		if i >= 0 {
			b[i/8] ^= 1 << (i % 8)
		}
	}
	return n
}

// whole returns the size of the record or header at the beginning of b, or 0 if
// there is none.
func (l *Log) whole(b []byte) int {
	le := binary.LittleEndian
	if le.Uint32(b) == logMagic {
		if le.Uint32(b[4:]) != uint32(l.size) || le.Uint32(b[12:]) != checksum(0, b[:12]) {
			return 0
		}
		return headerSize
	}
	body := recordHead + int(le.Uint16(b[2:]))
	if b[1] != marker || body > len(b)-recordTail || le.Uint32(b[body:]) != checksum(l.generation, b[:body]) {
		return 0
	}
	return l.RecordSize(body - recordHead)
}

// findEnd walks the records. The log is torn if one of them is damaged, or if
// anything but erased flash follows them: nothing can be programmed there.
func (l *Log) findEnd() Error {
	l.end = l.first(l.bank)
	for {
		_, at, n, err := l.seek(l.end)
		if err != OK {
			return err
		}
		if n == 0 {
			break
		}
		l.torn = l.torn || at != l.end
		l.end = at + n
	}
	limit := l.bank + l.size
	for at := l.end; at < limit; at += len(l.buf) {
		chunk := l.buf[:min(len(l.buf), limit-at)]
		if err := l.dev.Read(at, chunk); err != OK {
			return err
		}
		for _, b := range chunk {
			if b != 0xff {
				l.torn = true
				return OK
			}
		}
	}
	return OK
}

func fill(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}

// checksum is CRC-32 (ISO-HDLC) of seed's four bytes and b, bit by bit: records
// are short and a table costs 1 KB. Seeding records with the bank's generation
// keeps records of an earlier life of the bank out.
func checksum(seed uint32, b []byte) uint32 {
	crc := ^uint32(0)
	for i := range 4 {
		crc = step(crc, byte(seed>>(8*i)))
	}
	for _, v := range b {
		crc = step(crc, v)
	}
	return ^crc
}

func step(crc uint32, b byte) uint32 {
	crc ^= uint32(b)
	for range 8 {
		crc = crc>>1 ^ 0xedb88320&-(crc&1)
	}
	return crc
}
