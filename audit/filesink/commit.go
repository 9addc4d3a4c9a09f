package filesink

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"concord"
	"concord/audit"
)

// submit queues w and waits until it is durable, has failed, or ctx ends. A waiter whose ctx ends while it still waits is
// taken back; once the writer has it, its record may be there although submit fails.
func (s *Sink) submit(ctx context.Context, w *waiter) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	s.mu.Lock()
	if s.closing {
		s.mu.Unlock()
		return fault(concord.Unavailable, errors.New("closed"))
	}
	s.queue = append(s.queue, w)
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
	select {
	case err := <-w.done:
		return err
	case <-ctx.Done():
	}
	err := ended(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.queue, w); i >= 0 {
		s.queue = slices.Delete(s.queue, i, i+1)
	} else {
		select {
		case err := <-w.done: // it was answered at the same moment
			return err
		default:
		}
	}
	s.bad = err // the disk hangs, so readiness should know
	return err
}

func ended(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault(concord.Timeout, ctx.Err())
	}
	return fault(concord.Canceled, ctx.Err())
}

// run is the writer. It ends when Close asks it to, after what waits has been written.
func (s *Sink) run() {
	defer close(s.done)
	tick := time.NewTicker(s.opts.CheckpointInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.wake:
			s.drain()
		case <-tick.C:
			if s.since > 0 {
				s.commit([]*waiter{{checkpoint: true, done: make(chan error, 1)}})
			}
		case <-s.quit:
			s.drain()
			if s.since > 0 {
				w := &waiter{checkpoint: true, done: make(chan error, 1)}
				s.commit([]*waiter{w})
				s.err = <-w.done
			}
			return
		}
	}
}

// overhead is more than chaining adds to a record, and a checkpoint before it.
const overhead = 1 << 10

// drain writes until nothing waits.
func (s *Sink) drain() {
	for {
		s.mu.Lock()
		n, bytes := 0, 0
		for n < len(s.queue) && bytes+len(s.queue[n].object)+overhead <= maxBatch {
			bytes += len(s.queue[n].object) + overhead
			n++
		}
		s.batch = append(s.batch[:0], s.queue[:n]...)
		s.queue = slices.Delete(s.queue, 0, n)
		s.mu.Unlock()
		if n == 0 {
			return
		}
		s.commit(s.batch)
		clear(s.batch)
	}
}

// commit writes a batch and answers all of it.
func (s *Sink) commit(batch []*waiter) {
	err := s.write(batch)
	if err != nil {
		err = fault(concord.Unavailable, err)
	}
	s.mu.Lock()
	s.bad = err
	s.mu.Unlock()
	for _, w := range batch {
		w.done <- err
	}
}

// write appends batch as one write and one sync, or leaves the chain's head where it was.
func (s *Sink) write(batch []*waiter) (err error) {
	head, since := s.link.head, s.since
	n, begun := 0, false
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("panic while writing")
		}
		if err != nil {
			s.link.head, s.since = head, since
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
	var stated []Head
	add := func(object []byte, checkpoint bool) {
		if checkpoint || s.since >= s.opts.CheckpointEvery {
			stated = append(stated, s.link.head)
			e := audit.Event{Type: audit.EventCheckpoint, Time: time.Now(),
				Checkpoint: newCheckpoint(s.link.head, s.opts.CheckpointEvery, s.opts.Key)}
			s.obj = e.AppendJSON(s.obj[:0])
			s.buf = s.link.appendLine(s.buf, s.obj)
			s.since = 0
		}
		if !checkpoint {
			s.buf = s.link.appendLine(s.buf, object)
			s.since++
		}
	}
	s.buf = s.buf[:0]
	if s.note != nil {
		e := audit.Event{Type: audit.EventSealed, Time: time.Now(), Seal: s.note}
		add(e.AppendJSON(nil), false)
	}
	for _, w := range batch {
		add(w.object, w.checkpoint)
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
	for _, h := range stated {
		s.tell(h)
	}
	return nil
}

// tell hands a durable checkpoint's head to the operator's function, whose panic must not undo a record.
func (s *Sink) tell(h Head) {
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
	if s.cur != nil && s.size < s.opts.SegmentBytes {
		return nil
	}
	if s.cur != nil {
		err := s.cur.Close() // all of it is durable, so a failing close loses nothing
		s.cur = nil
		if err != nil {
			return err
		}
	}
	name := segmentName(s.link.head.Seq + 1)
	f, err := s.opts.disk.open(filepath.Join(s.dir, name), true)
	if err != nil {
		return err
	}
	s.name, s.size = name, 0
	if err := s.opts.disk.syncDir(s.dir); err != nil {
		_ = f.Close()
		s.repair = &damage{name: name}
		return err
	}
	s.cur = f
	return nil
}
