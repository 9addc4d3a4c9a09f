package bulk

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"sync"

	"concord"
	"concord/mpi"
)

// writer stores batches of records while further ones are read.
type writer struct {
	ctx     context.Context //nolint:containedctx // of one import
	store   mpi.Backend
	batches chan []mpi.Demographics
	done    chan struct{}
	mu      sync.Mutex
	err     error
}

func startWriter(ctx context.Context, store mpi.Backend, keys func(mpi.Demographics) []uint64) *writer {
	w := &writer{ctx: ctx, store: store, batches: make(chan []mpi.Demographics, 1), done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer func() {
			if recover() != nil {
				w.fail(&concord.Fault{Op: "mpi import", Kind: concord.Internal})
			}
		}()
		for batch := range w.batches {
			if w.failed() != nil {
				continue
			}
			c := mpi.Change{Records: make([]mpi.Record, len(batch))}
			for i, d := range batch {
				c.Records[i] = mpi.Record{Demographics: d, Keys: keys(d)}
			}
			if _, err := store.Apply(ctx, c); err != nil {
				w.fail(err)
			}
		}
	}()
	return w
}

func (w *writer) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) failed() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// give has a batch stored; its error is that of an earlier one.
func (w *writer) give(batch []mpi.Demographics) error {
	if len(batch) > 0 {
		select {
		case w.batches <- batch:
		case <-w.done: // it has failed for good
		case <-w.ctx.Done():
			return mpi.ContextFault("mpi import", w.ctx.Err())
		}
	}
	return w.failed()
}

// end waits until all is stored.
func (w *writer) end() error {
	close(w.batches)
	<-w.done
	return w.failed()
}

// digest tells what a record says from all else that it may say, to whoever has the same seed.
func digest(seed maphash.Seed, d mpi.Demographics) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	number := func(n int) {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(n))
		_, _ = h.Write(b[:]) // a hash never fails
	}
	text := func(all ...string) {
		for _, s := range all {
			number(len(s))
			_, _ = h.WriteString(s)
		}
	}
	list := func(all []string) {
		number(len(all))
		text(all...)
	}
	flag := func(b bool) {
		if b {
			number(1)
		} else {
			number(0)
		}
	}
	number(len(d.Names))
	for _, n := range d.Names {
		text(n.Use, n.Family)
		list(n.Given)
		list(n.Suffix)
		flag(n.Old)
	}
	text(d.BirthDate, d.Gender, d.ReplacedBy, d.Deceased, d.Seen)
	list(d.Phones)
	list(d.Emails)
	number(len(d.Addresses))
	for _, a := range d.Addresses {
		list(a.Lines)
		text(a.City, a.State, a.PostalCode)
		flag(a.Old)
	}
	number(len(d.Identifiers))
	for _, i := range d.Identifiers {
		text(i.System, i.Value)
		flag(i.Old)
	}
	number(d.BirthOrder)
	flag(d.Multiple)
	return h.Sum64()
}
