package flash

// MaxWriteSize is the largest granule that Writer can fill from pieces.
const MaxWriteSize = 32

// Slots are places of equal size for images, executed where they lie.
type Slots struct {
	dev   Device
	base  int
	size  int
	count int
}

// Init puts count slots of size bytes, whole blocks each, at off of dev.
func (s *Slots) Init(dev Device, off, size, count int) Error {
	*s = Slots{}
	block := dev.BlockSize()
	if size < block || size%block != 0 || off%block != 0 || count < 0 || count > dev.Size()/size ||
		!within(off, size*count, dev.Size()) || dev.WriteSize() > MaxWriteSize {
		return ErrRange
	}
	if count > 0 && dev.Mapped(off, size*count) == nil {
		return ErrNotMapped
	}
	*s = Slots{dev: dev, base: off, size: size, count: count}
	return OK
}

// Count returns the number of slots.
func (s *Slots) Count() int { return s.count }

// Size returns how many bytes a slot holds.
func (s *Slots) Size() int { return s.size }

// Bytes returns the first n bytes of slot i where they lie, or nil if there is
// no such slot or it is smaller. They change when the slot is written.
func (s *Slots) Bytes(i, n int) []byte {
	if i < 0 || i >= s.count || !within(0, n, s.size) {
		return nil
	}
	return s.dev.Mapped(s.base+i*s.size, n)
}

// Erase erases slot i.
func (s *Slots) Erase(i int) Error {
	if i < 0 || i >= s.count {
		return ErrRange
	}
	begin := s.base + i*s.size
	for at := begin; at < begin+s.size; at += s.dev.BlockSize() {
		if err := s.dev.Erase(at); err != OK {
			return err
		}
	}
	return OK
}

// Writer fills a slot from its beginning with pieces of any length.
type Writer struct {
	slots   *Slots
	slot    int
	off     int // what is programmed
	pending int // bytes of granule that are not yet
	granule [MaxWriteSize]byte
}

// Begin starts to fill slot i of s. What the slot held is lost with the first
// Write.
func (w *Writer) Begin(s *Slots, i int) Error {
	w.slots, w.slot, w.off, w.pending = nil, 0, 0, 0
	if i < 0 || i >= s.count {
		return ErrRange
	}
	w.slots, w.slot = s, i
	return OK
}

// Written returns how many bytes Write has taken.
func (w *Writer) Written() int { return w.off + w.pending }

// Write adds p. Each block is erased when the first byte goes into it, so that
// no call waits for the erase of a whole slot. ErrRange means that the slot
// cannot hold p, and nothing was written; after any other error begin anew.
func (w *Writer) Write(p []byte) Error {
	if w.slots == nil || len(p) > w.slots.size-w.Written() {
		return ErrRange
	}
	granule := w.slots.dev.WriteSize()
	for len(p) > 0 {
		if w.pending > 0 || len(p) < granule {
			n := copy(w.granule[w.pending:granule], p)
			w.pending += n
			p = p[n:]
			if w.pending == granule {
				w.pending = 0
				if err := w.program(w.granule[:granule]); err != OK {
					return err
				}
			}
			continue
		}
		n := min(len(p)/granule*granule, w.slots.dev.BlockSize()-w.off%w.slots.dev.BlockSize())
		if err := w.program(p[:n]); err != OK {
			return err
		}
		p = p[n:]
	}
	return OK
}

// Finish programs what is pending, padded with 0xff. The next Write is an
// error: begin anew.
func (w *Writer) Finish() Error {
	if w.slots == nil {
		return ErrRange
	}
	err := OK
	if w.pending > 0 {
		granule := w.granule[:w.slots.dev.WriteSize()]
		fill(granule[w.pending:])
		written := w.Written()
		err = w.program(granule)
		w.off, w.pending = written, 0
	}
	w.slots = nil
	return err
}

// program stores p, which lies within one block.
func (w *Writer) program(p []byte) Error {
	dev := w.slots.dev
	at := w.slots.base + w.slot*w.slots.size + w.off
	if at%dev.BlockSize() == 0 {
		if err := dev.Erase(at); err != OK {
			return err
		}
	}
	if err := dev.Program(at, p); err != OK {
		return err
	}
	w.off += len(p)
	return OK
}
