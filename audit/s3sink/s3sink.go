package s3sink

import (
	"context"
	"crypto/ed25519"
	"errors"
	"sync"
	"time"

	"concord"
	"concord/audit"
	"concord/audit/chain"
	"concord/audit/commit"
)

const (
	maxObject = chain.MaxBatch + chain.MaxRecord // more than a batch with its checkpoints and notes takes

	putBudget   = 4 * time.Second // of all attempts to store one object, less than audit.RecordBudget
	firstPause  = 50 * time.Millisecond
	openTimeout = 30 * time.Second
)

// Options tune a Sink. The zero value is good for production without signatures.
type Options struct {
	CheckpointEvery    int                // at most so many records lie between two checkpoints; 0: 1024
	CheckpointInterval time.Duration      // and a checkpoint follows the last record within this time; 0: one minute
	Key                ed25519.PrivateKey // signs checkpoints; nil: they are not signed
	OnCheckpoint       func(chain.Head)   // told of each stored checkpoint's head, to note it elsewhere; must not block; may be nil

	budget time.Duration // of all attempts to store one object; 0: putBudget
}

// Sink is an audit.Sink over a bucket. One goroutine writes: it stores whatever waits as one object, and only then answers.
// While a put is under way the next object gathers.
//
// An object goes under a name that must be free, so nothing is overwritten. When the server's answer to a put is lost,
// nobody knows whether the object is there, and under a lock it can't be taken back. So the requests are refused, and the
// same object is put again before anything else until the server tells; then an audit.sealed says that its records lack
// their answers. Until then every Append fails.
type Sink struct {
	bucket *bucket
	opts   Options
	group  *commit.Group

	ctx    context.Context // of every put; ends when Close has waited long enough
	cancel context.CancelFunc
	once   sync.Once
	err    error // of Close

	// The writer's own.
	chain   *chain.Writer
	pending *pending
	note    *audit.Seal // to be told before the next record
	fenced  bool        // another writer is at work under this prefix
	buf     []byte
}

// pending is an object of which nobody knows whether it is there.
type pending struct {
	name    string
	body    []byte
	head    chain.Head // after it
	refused int
}

var _ audit.Sink = (*Sink)(nil)

// Open finds the end of the chain under c's prefix, or begins one, and records that it was opened. Its errors are
// *concord.Fault: Invalid for a configuration that can't be used, a bucket without object lock among it, Forbidden when the
// credentials are refused, Conflict when another writer is at work under the prefix, Malformed when the last object is not
// the end of a chain (nothing is added to a trail that can't be trusted: take another prefix), Unavailable and Timeout.
func Open(ctx context.Context, c Config, o Options) (*Sink, error) {
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = 1024
	}
	if o.CheckpointInterval <= 0 {
		o.CheckpointInterval = time.Minute
	}
	if o.budget <= 0 {
		o.budget = putBudget
	}
	b, err := connect(c)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, openTimeout)
	defer cancel()
	if err := b.locked(ctx); err != nil {
		return nil, err
	}
	head, err := recovered(ctx, b)
	if err != nil {
		return nil, err
	}
	s := &Sink{bucket: b, opts: o}
	if s.chain, err = chain.NewWriter(head, o.CheckpointEvery, o.Key); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.WithoutCancel(ctx))
	opened := audit.Event{Type: audit.EventOpened, Time: time.Now()}
	if err := s.write([]*commit.Item{{Object: opened.AppendJSON(nil)}}); err != nil {
		s.cancel()
		if s.fenced {
			return nil, fault(concord.Conflict, err)
		}
		return nil, fault(kindOf(ctx, err), err)
	}
	s.group = commit.New(commit.Options{Write: s.write, Object: chain.MaxObject, Batch: chain.MaxBatch, Overhead: chain.Added,
		Interval: o.CheckpointInterval, Owed: s.chain.Owed})
	return s, nil
}

// recovered is the head of the chain under b's prefix.
func recovered(ctx context.Context, b *bucket) (chain.Head, error) {
	e, err := b.last(ctx)
	if err != nil {
		return chain.Head{}, fault(kindOf(ctx, err), err)
	}
	if e == nil {
		return chain.Head{}, nil
	}
	r, _, err := b.open(ctx, *e)
	if err != nil {
		return chain.Head{}, fault(kindOf(ctx, err), err)
	}
	f, err := chain.Follow(r, e.first)
	_ = r.Close() // it was only read
	if err != nil {
		return chain.Head{}, fault(kindOf(ctx, err), err)
	}
	if f.Flaw == chain.NoFlaw && (f.Torn > 0 || f.Good == 0) { // an object is stored whole or not at all
		f.Flaw = chain.FlawForm
	}
	if f.Flaw != chain.NoFlaw {
		return chain.Head{}, fault(concord.Malformed, &chain.Break{File: chain.SegmentName(e.first), Line: f.Lines + 1, Seq: f.Seq, Flaw: f.Flaw})
	}
	return f.Head, nil
}

// Append makes e durable. See audit.Sink for what its errors mean.
func (s *Sink) Append(ctx context.Context, e audit.Event) error { return s.group.Append(ctx, e) }

// Health is nil when the last put succeeded; otherwise it tries again, with a checkpoint, and tells how that went.
func (s *Sink) Health(ctx context.Context) error { return s.group.Health(ctx) }

// Durable is true: Append returns when the server has stored the object.
func (s *Sink) Durable() bool { return true }

// Close stores what waits and a last checkpoint. Later Appends are Unavailable.
func (s *Sink) Close() error {
	s.once.Do(func() {
		end := time.AfterFunc(2*s.opts.budget, s.cancel)
		s.err = s.group.Close()
		end.Stop()
		s.cancel()
	})
	return s.err
}

var (
	errFenced  = errors.New("another writer is at work under this prefix")
	errPending = errors.New("the server has not told whether it stored the last object")
)

// write stores batch as one object, or leaves the chain's head where it was.
func (s *Sink) write(batch []*commit.Item) error {
	if s.fenced {
		return errFenced
	}
	if err := s.settle(); err != nil {
		return err
	}
	mark := s.chain.Mark()
	name := chain.SegmentName(s.chain.Head().Seq + 1)
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
	v, err := s.put(name, s.buf)
	switch v {
	case stored:
		s.note = nil
		for _, h := range s.chain.Stated() {
			s.tell(h)
		}
		return nil
	case absent:
		s.chain.Reset(mark)
		return err
	case foreign:
		s.chain.Reset(mark)
		s.fenced = true
		return errFenced
	}
	s.pending = &pending{name: name, body: append([]byte(nil), s.buf...), head: s.chain.Head(), refused: len(batch)}
	if s.note != nil { // it is in the object
		s.note = nil
	}
	return err
}

// settle puts an object of unknown fate again, until the server tells. Its records stay in the chain.
func (s *Sink) settle() error {
	p := s.pending
	if p == nil {
		return nil
	}
	v, err := s.put(p.name, p.body)
	switch v {
	case stored:
		s.note = &audit.Seal{Segment: p.name, Refused: p.refused, Cause: audit.Unanswered}
		s.pending = nil
		return nil
	case foreign:
		s.fenced = true
		return errFenced
	}
	return errors.Join(errPending, err) // refused now or not: the first attempt may still arrive
}

// put tries for as long as those who wait do.
func (s *Sink) put(name string, body []byte) (verdict, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.opts.budget)
	defer cancel()
	unsure := false
	for pause := firstPause; ; pause *= 2 {
		v, err := s.bucket.put(ctx, name, body)
		if v == absent && unsure {
			v = unknown
		}
		if v != unknown {
			return v, err
		}
		unsure = true
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return unknown, err
		}
	}
}

// tell hands a stored checkpoint's head to the operator's function, whose panic must not undo a record.
func (s *Sink) tell(h chain.Head) {
	defer func() { _ = recover() }()
	if s.opts.OnCheckpoint != nil {
		s.opts.OnCheckpoint(h)
	}
}
