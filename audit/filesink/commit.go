package filesink

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"concord/audit"
	"concord/audit/chain"
	"concord/audit/commit"
)

// write appends batch as one write and one sync, or leaves the chain's head where it was.
func (s *Sink) write(batch []*commit.Item) (err error) {
	mark := s.chain.Mark()
	n, begun := 0, false
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("panic while writing")
		}
		if err != nil {
			s.chain.Reset(mark)
			if begun {
				s.damaged(n, len(batch))
			}
		}
	}()
	if err = s.mend(); err != nil {
		return err
	}
	if err = s.segment(); err != nil {
		return err
	}
	s.buf = s.buf[:0]
	if s.note != nil {
		e := audit.Event{Type: audit.EventSealed, Time: time.Now(), Seal: s.note}
		s.buf = s.chain.Record(s.buf, e.AppendJSON(nil))
	}
	for _, w := range batch {
		if w.Checkpoint {
			s.buf = s.chain.Checkpoint(s.buf)
		} else {
			s.buf = s.chain.Record(s.buf, w.Object)
		}
	}
	begun = true
	n, err = s.cur.Write(s.buf)
	if err == nil && n < len(s.buf) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = s.cur.Sync()
	}
	if err != nil {
		return err
	}
	s.size += int64(n)
	s.note = nil
	for _, h := range s.chain.Stated() {
		s.tell(h)
	}
	return nil
}

// tell hands a durable checkpoint's head to the operator's function, whose panic must not undo a record.
func (s *Sink) tell(h chain.Head) {
	defer func() { _ = recover() }()
	if s.opts.OnCheckpoint != nil {
		s.opts.OnCheckpoint(h)
	}
}

// damaged gives the current segment up after n bytes of a write of refused records were written, or may have been.
func (s *Sink) damaged(n, refused int) {
	_ = s.cur.Close() // it failed already, and is cut by its name
	s.cur = nil
	s.repair = &damage{name: s.name, size: s.size}
	if s.note == nil || s.note.Cause != audit.WriteFailed { // several failures in a row are told of as one
		s.note = &audit.Seal{Segment: s.name, Cause: audit.WriteFailed}
	}
	s.note.Bytes += int64(n)
	s.note.Refused += refused
}

// mend cuts a damaged segment back to its last answered record.
func (s *Sink) mend() error {
	if s.repair == nil {
		return nil
	}
	if err := cut(s.opts.disk, s.dir, s.repair.name, s.repair.size); err != nil {
		return fmt.Errorf("cutting a damaged segment: %w", err)
	}
	s.repair = nil
	return nil
}

// segment makes sure that there is one to write to.
func (s *Sink) segment() error {
	if s.cur != nil && s.size < s.opts.SegmentBytes && (s.size == 0 || time.Since(s.begun) < s.opts.SegmentAge) {
		return nil
	}
	full := ""
	if s.cur != nil {
		err := s.cur.Close() // all of it is durable, so a failing close loses nothing
		full, s.cur = s.name, nil
		if err != nil {
			return err
		}
	}
	name := chain.SegmentName(s.chain.Head().Seq + 1)
	f, err := s.opts.disk.open(filepath.Join(s.dir, name), true)
	if err != nil {
		return err
	}
	s.name, s.size, s.begun = name, 0, time.Now()
	if err := s.opts.disk.syncDir(s.dir); err != nil {
		_ = f.Close()
		s.repair = &damage{name: name}
		return err
	}
	s.cur = f
	if full != "" {
		_ = s.opts.disk.seal(filepath.Join(s.dir, full)) // a courtesy: the chain is what tells of changes
	}
	return nil
}
