package audit

import (
	"context"
	"errors"
	"sync"

	"concord"
)

// optionalQueue is how many events wait for a sink that need not keep up.
const optionalQueue = 4096

// Optional is s as a sink that holds no answer up: Append queues and returns nil, and what s does not take, or what finds the
// queue full, is lost to s. failed is told of each loss, from another goroutine or within Append, and may be nil; it must not
// block. The events reach s in order. It is never durable, and always healthy. Closing it gives s what waits, for at most
// RecordBudget, and closes s.
func Optional(s Sink, failed func(error)) Sink {
	o := &optional{sink: s, failed: failed, queue: make(chan Event, optionalQueue), done: make(chan struct{})}
	o.ctx, o.stop = context.WithCancel(context.Background())
	go o.run()
	return o
}

type optional struct {
	sink   Sink
	failed func(error)
	queue  chan Event
	done   chan struct{}
	ctx    context.Context
	stop   context.CancelFunc

	mu     sync.RWMutex // guards the next
	closed bool
	once   sync.Once
	err    error
}

func (o *optional) Append(ctx context.Context, e Event) error {
	switch {
	case e.Type == EventNone || e.Type.OfSink():
		return invalid("audit sink", "event type")
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return &concord.Fault{Op: "audit sink", Kind: concord.Timeout, Err: ctx.Err()}
	case ctx.Err() != nil:
		return &concord.Fault{Op: "audit sink", Kind: concord.Canceled, Err: ctx.Err()}
	}
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return unavailable("audit sink", errors.New("closed"))
	}
	select {
	case o.queue <- e:
	default:
		o.tell(unavailable("audit sink", errors.New("queue full")))
	}
	return nil
}

func (o *optional) Health(context.Context) error { return nil }
func (o *optional) Durable() bool                { return false }

func (o *optional) Close() error {
	o.once.Do(func() {
		o.mu.Lock()
		o.closed = true
		o.mu.Unlock()
		close(o.queue)
		end, cancel := context.WithTimeout(context.Background(), RecordBudget)
		defer cancel()
		defer context.AfterFunc(end, o.stop)()
		<-o.done
		o.stop()
		o.err = o.sink.Close()
	})
	return o.err
}

func (o *optional) run() {
	defer close(o.done)
	for e := range o.queue {
		err := guarded(o.sink, func(s Sink) error {
			ctx, cancel := context.WithTimeout(o.ctx, RecordBudget)
			defer cancel()
			return s.Append(ctx, e)
		})
		if err != nil {
			o.tell(err)
		}
	}
}

// tell hands a loss to the operator's function, whose panic must not end the sink.
func (o *optional) tell(err error) {
	defer func() { _ = recover() }()
	if o.failed != nil {
		o.failed(err)
	}
}
