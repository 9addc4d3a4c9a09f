package filesink

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"time"

	"concord"
	"concord/audit"
)

// Options tune a Sink. The zero value is good for production without signatures.
type Options struct {
	SegmentBytes       int64              // a segment that has reached this size is closed and another begun; 0: 64 MiB
	CheckpointEvery    int                // at most so many records lie between two checkpoints; 0: 1024
	CheckpointInterval time.Duration      // and a checkpoint follows the last record within this time; 0: one minute
	Key                ed25519.PrivateKey // signs checkpoints; nil: they are not signed
	OnCheckpoint       func(Head)         // told of each durable checkpoint's head, to note it elsewhere; must not block; may be nil

	disk disk
}

// Sink is an audit.Sink over a directory. One goroutine writes: it takes whatever waits, writes it at once, syncs once,
// and only then answers, so that many callers share a sync and none is answered before its own.
//
// After a failed write or sync the state of the segment's end is unknown. The segment is closed, cut back to its last
// answered record before anything else is written, and left; the next record begins a new segment, after an audit.sealed
// that tells of the failure. Until the cut succeeds every Append fails.
type Sink struct {
	dir  string
	opts Options
	lock *os.File
	pool sync.Pool // of *waiter

	mu      sync.Mutex // guards the next three
	queue   []*waiter
	closing bool
	bad     error // why the last attempt failed; nil when it did not

	wake chan struct{} // a token says that the queue is not empty
	quit chan struct{}
	done chan struct{}
	once sync.Once
	err  error // of Close

	// The writer's own; nobody else touches these after Open.
	link     *link
	cur      file // nil: a new segment is due
	name     string
	size     int64 // of cur, all of it durable
	since    int   // records after the last checkpoint
	repair   *damage
	note     *audit.Seal // to be told before the next record
	buf, obj []byte
	batch    []*waiter
}

// damage is a segment whose end must be cut off before anything else is written.
type damage struct {
	name string
	size int64
}

// waiter is one Append.
type waiter struct {
	object     []byte     // the record before it is chained
	checkpoint bool       // a checkpoint is wanted instead
	done       chan error // holds one answer, so that answering never blocks
}

var _ audit.Sink = (*Sink)(nil)

// Open takes dir, makes it if need be, recovers the end of the last segment, and records that it was opened: an Open that
// succeeded has written to the disk. Its errors are *concord.Fault: Conflict when another writer has dir, Malformed when
// the last segment is broken otherwise than by a crash (nothing is added to a trail that can't be trusted: move it away, and
// a new one begins), Unavailable when the disk fails, Unsupported where there are no file locks.
func Open(dir string, o Options) (*Sink, error) {
	if o.SegmentBytes <= 0 {
		o.SegmentBytes = 64 << 20
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = 1024
	}
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = time.Minute
	}
	if o.disk == nil {
		o.disk = realDisk{}
	}
	if o.Key != nil && len(o.Key) != ed25519.PrivateKeySize {
		return nil, fault(concord.Invalid, errors.New("length of the checkpoint key"))
	}
	dir = filepath.Clean(dir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault(concord.Unavailable, err)
	}
	if err := o.disk.syncDir(filepath.Dir(dir)); err != nil {
		return nil, fault(concord.Unavailable, err)
	}
	held, err := lock(dir)
	if err != nil {
		return nil, err
	}
	s := &Sink{dir: dir, opts: o, lock: held, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	s.pool.New = func() any { return &waiter{done: make(chan error, 1)} }
	if err := s.recover(); err != nil {
		return nil, s.abandon(err)
	}
	s.since = o.CheckpointEvery // how many there are is not known, so the first thing written is a checkpoint
	opened := audit.Event{Type: audit.EventOpened, Time: time.Now()}
	if err := s.write([]*waiter{{object: opened.AppendJSON(nil)}}); err != nil {
		return nil, s.abandon(fault(concord.Unavailable, err))
	}
	go s.run()
	return s, nil
}

// abandon frees what a failed Open holds.
func (s *Sink) abandon(err error) error {
	if s.cur != nil {
		_ = s.cur.Close()
	}
	_ = s.lock.Close()
	return err
}

// recover finds the chain's head, and cuts off what a crash left after it. The cut comes before the record that tells of
// it: a second crash in between loses that record, and nothing that was answered for.
func (s *Sink) recover() error {
	s.link = newLink(Head{})
	names, err := segments(s.dir)
	if err != nil {
		return fault(concord.Unavailable, err)
	}
	for len(names) > 0 {
		name := names[len(names)-1]
		w, err := s.scan(name)
		switch {
		case err != nil:
			return fault(concord.Unavailable, err)
		case w.torn > 0 && s.note != nil: // only the newest segment can be torn
			w.flaw = FlawTail
		}
		if w.flaw != NoFlaw {
			return fault(concord.Malformed, &Break{File: name, Line: w.lines + 1, Seq: w.seq, Flaw: w.flaw})
		}
		if w.torn > 0 || w.good == 0 {
			if err := cut(s.opts.disk, s.dir, name, w.good); err != nil {
				return fault(concord.Unavailable, err)
			}
		}
		if w.torn > 0 {
			s.note = &audit.Seal{Segment: name, Bytes: w.torn, Digest: w.tear, Cause: audit.Torn}
		}
		if w.good > 0 {
			if s.cur, err = s.opts.disk.open(filepath.Join(s.dir, name), false); err != nil {
				return fault(concord.Unavailable, err)
			}
			s.name, s.size = name, w.good
			return nil
		}
		names = names[:len(names)-1]
	}
	s.link = newLink(Head{})
	return nil
}

// scan follows one segment, trusting what its first record says of the one before it, and leaves s.link at its end.
func (s *Sink) scan(name string) (walked, error) {
	first, _ := segmentSeq(name)
	f, err := os.Open(filepath.Join(s.dir, name)) // #nosec G304 -- a name of ours in the configured directory
	if err != nil {
		return walked{}, err
	}
	s.link = newLink(Head{Seq: first - 1})
	s.link.trust = first > 1
	w, err := walk(f, s.link, nil)
	if e := f.Close(); err == nil {
		err = e
	}
	return w, err
}

// Append makes e durable. See audit.Sink for what its errors mean.
func (s *Sink) Append(ctx context.Context, e audit.Event) error {
	if e.Type == audit.EventNone || e.Type.OfSink() {
		return fault(concord.Invalid, errors.New("event type"))
	}
	w, _ := s.pool.Get().(*waiter)
	w.object = e.AppendJSON(w.object[:0])
	if len(w.object) > maxRecord-tailLen-len(`,"seq":`)-seqDigits {
		return fault(concord.Invalid, errors.New("record too long"))
	}
	err := s.submit(ctx, w)
	if err == nil { // after an error the writer may still hold it
		s.pool.Put(w)
	}
	return err
}

// Health is nil when the last attempt to write succeeded; otherwise it tries again, with a checkpoint, and tells how that
// went. So a sink that recovers becomes healthy even when no request is let through to find out.
func (s *Sink) Health(ctx context.Context) error {
	s.mu.Lock()
	bad := s.bad
	s.mu.Unlock()
	if bad == nil {
		return nil
	}
	return s.submit(ctx, &waiter{checkpoint: true, done: make(chan error, 1)})
}

// Close writes what waits and a last checkpoint, and frees the directory. Later Appends are Unavailable.
func (s *Sink) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closing = true
		s.mu.Unlock()
		close(s.quit)
		<-s.done
		if s.cur != nil {
			if err := s.cur.Close(); err != nil && s.err == nil {
				s.err = fault(concord.Unavailable, err)
			}
		}
		_ = s.lock.Close()
	})
	return s.err
}

func fault(kind concord.Kind, err error) error {
	return &concord.Fault{Op: "audit sink", Kind: kind, Err: err}
}
