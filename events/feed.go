package events

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"concord"
	"concord/mpi"
)

// Place is how far a Log has come.
type Place struct {
	Seq  int64  // of the last event in it, or of what was passed over behind it; 0 at the beginning
	Mark uint64 // the log's own, by which it knows that nothing was appended since
}

// Log keeps events in order. It is safe for concurrent use, by several gateways. Its errors are *concord.Fault: Conflict,
// Unavailable, Canceled or Timeout.
type Log interface {
	// Last is how far it has come.
	Last(ctx context.Context) (Place, error)
	// Append appends e if nothing was appended since after, and gives the place behind it; Conflict when something was.
	// When it returns an event is kept. An error does not say that it is not.
	Append(ctx context.Context, after Place, e Event) (Place, error)
	// Pass remembers that everything up to seq is told, though the last events may be gone from the log by then.
	Pass(ctx context.Context, seq int64) error
}

// Options say how a Feed works. All may be zero.
type Options struct {
	Interval time.Duration // between looks at the journal; default 1 s
	Rest     time.Duration // after an error, at most; default 30 s
	// Told is called for each event that this feed appended, and Failed whenever it could not go on (true) or can again. They
	// must not wait.
	Told   func(Event)
	Failed func(bool)
}

// Feed takes what the index's journal says into a Log: each event, in the order of the journal, once. Where it was is in the
// log itself, so that any gateway goes on where any other stopped, whenever and however that was. Several feeds of one
// journal and one log do no harm: whoever comes second sees that it was done.
type Feed struct {
	journal mpi.Journal
	log     Log
	opts    Options
}

// NewFeed makes a Feed; Run runs it.
func NewFeed(j mpi.Journal, l Log, o Options) *Feed {
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.Rest <= 0 {
		o.Rest = 30 * time.Second
	}
	if o.Told == nil {
		o.Told = func(Event) {}
	}
	if o.Failed == nil {
		o.Failed = func(bool) {}
	}
	return &Feed{journal: j, log: l, opts: o}
}

// Run publishes until ctx ends.
func (f *Feed) Run(ctx context.Context) {
	var at *Place
	rest, failed := f.opts.Interval, false
	for {
		pause := f.opts.Interval
		err := f.once(ctx, &at)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, concord.Conflict): // another gateway was first
			at, pause = nil, f.opts.Interval/8
		case err != nil:
			at, pause, rest = nil, rest, min(2*rest, f.opts.Rest)
		}
		if bad := err != nil && !errors.Is(err, concord.Conflict); bad != failed {
			failed = bad
			f.opts.Failed(bad)
		}
		if err == nil {
			rest = f.opts.Interval
		}
		pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // gateways shall not look all at the same time, and that is all
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-t.C:
		}
	}
}

// once publishes all that the journal has behind at, which is asked of the log when it is nil. A panic is an error like
// others.
func (f *Feed) once(ctx context.Context, at **Place) (err error) {
	defer func() {
		if recover() != nil {
			err = &concord.Fault{Op: "events", Kind: concord.Internal}
		}
	}()
	if *at == nil {
		p, err := f.log.Last(ctx)
		if err != nil {
			return err
		}
		*at = &p
	}
	p, before := **at, (*at).Seq
	for e, err := range f.journal.Events(ctx, p.Seq) {
		if err != nil {
			return err
		}
		told, ok := of(e)
		if !ok {
			p.Seq = e.Seq
			**at = p
			continue
		}
		if p, err = f.log.Append(ctx, p, told); err != nil {
			return err
		}
		**at = p
		f.opts.Told(told)
	}
	if p.Seq > before {
		return f.log.Pass(ctx, p.Seq)
	}
	return nil
}
