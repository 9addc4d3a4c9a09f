package filesink

import (
	"context"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"sync"
	"time"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/commit"
)

// Options tune a Sink. The zero value is good for production without signatures.
type Options struct {
	SegmentBytes       int64              // a segment that has reached this size is closed and another begun; 0: 64 MiB
	SegmentAge         time.Duration      // and so is one that this process has written to for so long; 0: a day
	CheckpointEvery    int                // at most so many records lie between two checkpoints; 0: 1024
	CheckpointInterval time.Duration      // and a checkpoint follows the last record within this time; 0: one minute
	Key                ed25519.PrivateKey // signs checkpoints; nil: they are not signed
	OnCheckpoint       func(chain.Head)   // told of each durable checkpoint's head, to note it elsewhere; must not block; may be nil

	disk disk
}

// Sink is an audit.Sink over a directory. One goroutine writes: it takes whatever waits, writes it at once, syncs once,
// and only then answers, so that many callers share a sync and none is answered before its own.
//
// After a failed write or sync the state of the segment's end is unknown. The segment is closed, cut back to its last
// answered record before anything else is written, and left; the next record begins a new segment, after an audit.sealed
// that tells of the failure. Until the cut succeeds every Append fails.
type Sink struct {
	dir   string
	opts  Options
	lock  *os.File
	group *commit.Group
	once  sync.Once
	err   error // of Close

	// The writer's own; nobody else touches these after Open.
	chain  *chain.Writer
	cur    file // nil: a new segment is due
	name   string
	size   int64     // of cur, all of it durable
	begun  time.Time // when this process began to write to cur
	repair *damage
	note   *audit.Seal // to be told before the next record
	buf    []byte
}

// damage is a segment whose end must be cut off before anything else is written.
type damage struct {
	name string
	size int64
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
	if o.SegmentAge <= 0 {
		o.SegmentAge = 24 * time.Hour
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
	if _, err := chain.NewWriter(chain.Head{}, o.CheckpointEvery, o.Key); err != nil {
		return nil, err // before anything is made for a key that can't sign
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
	s := &Sink{dir: dir, opts: o, lock: held}
	head, err := s.recover()
	if err != nil {
		return nil, s.abandon(err)
	}
	if s.chain, err = chain.NewWriter(head, o.CheckpointEvery, o.Key); err != nil {
		return nil, s.abandon(err)
	}
	opened := audit.Event{Type: audit.EventOpened, Time: time.Now()}
	if err := s.write([]*commit.Item{{Object: opened.AppendJSON(nil)}}); err != nil {
		return nil, s.abandon(fault(concord.Unavailable, err))
	}
	s.group = commit.New(commit.Options{Write: s.write, Object: chain.MaxObject, Batch: chain.MaxBatch, Overhead: chain.Added,
		Interval: o.CheckpointInterval, Owed: s.chain.Owed})
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
func (s *Sink) recover() (chain.Head, error) {
	names, err := segments(s.dir)
	if err != nil {
		return chain.Head{}, fault(concord.Unavailable, err)
	}
	for len(names) > 0 {
		name := names[len(names)-1]
		w, err := s.scan(name)
		switch {
		case err != nil:
			return chain.Head{}, fault(concord.Unavailable, err)
		case w.Torn > 0 && s.note != nil: // only the newest segment can be torn
			w.Flaw = chain.FlawTail
		}
		if w.Flaw != chain.NoFlaw {
			return chain.Head{}, fault(concord.Malformed, &chain.Break{File: name, Line: w.Lines + 1, Seq: w.Seq, Flaw: w.Flaw})
		}
		if w.Torn > 0 || w.Good == 0 {
			if err := cut(s.opts.disk, s.dir, name, w.Good); err != nil {
				return chain.Head{}, fault(concord.Unavailable, err)
			}
		}
		if w.Torn > 0 {
			s.note = &audit.Seal{Segment: name, Bytes: w.Torn, Digest: w.Tear, Cause: audit.Torn}
		}
		if w.Good > 0 {
			if s.cur, err = s.opts.disk.open(filepath.Join(s.dir, name), false); err != nil {
				return chain.Head{}, fault(concord.Unavailable, err)
			}
			s.name, s.size, s.begun = name, w.Good, time.Now()
			return w.Head, nil
		}
		names = names[:len(names)-1]
	}
	return chain.Head{}, nil
}

// scan follows one segment.
func (s *Sink) scan(name string) (chain.Followed, error) {
	first, _ := chain.SegmentSeq(name)
	f, err := os.Open(filepath.Join(s.dir, name))
	if err != nil {
		return chain.Followed{}, err
	}
	w, err := chain.Follow(f, first)
	if e := f.Close(); err == nil {
		err = e
	}
	return w, err
}

// Append makes e durable. See audit.Sink for what its errors mean.
func (s *Sink) Append(ctx context.Context, e audit.Event) error { return s.group.Append(ctx, e) }

// Health is nil when the last attempt to write succeeded; otherwise it tries again, with a checkpoint, and tells how that
// went. So a sink that recovers becomes healthy even when no request is let through to find out.
func (s *Sink) Health(ctx context.Context) error { return s.group.Health(ctx) }

// Durable is true: Append returns after the sync.
func (s *Sink) Durable() bool { return true }

// Close writes what waits and a last checkpoint, and frees the directory. Later Appends are Unavailable.
func (s *Sink) Close() error {
	s.once.Do(func() {
		s.err = s.group.Close()
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
