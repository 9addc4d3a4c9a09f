package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// contender is one way to get a person's results from all sources.
type contender struct {
	name string
	proc *process                               // whose CPU it costs; nil for the client's own
	ask  func(ctx context.Context, i int) error // the i-th answer, whole
}

// visitor asks as an application does, and reads every byte.
type visitor struct {
	client *http.Client
}

var buffers = sync.Pool{New: func() any { return new([256 << 10]byte) }}

// get fetches a whole answer of at least so many bytes.
func (v visitor) get(ctx context.Context, url, token string, least int) error {
	n, err := v.size(ctx, url, token)
	if err == nil && n < least {
		err = fmt.Errorf("an answer of %d bytes is too short to be whole", n)
	}
	return err
}

// size fetches a whole answer, and counts its bytes.
func (v visitor) size(ctx context.Context, url, token string) (int, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := v.client.Do(q)
	if err != nil {
		return 0, err
	}
	defer func() { _ = a.Body.Close() }()
	b := buffers.Get().(*[256 << 10]byte)
	defer buffers.Put(b)
	n, err := io.CopyBuffer(onlyWriter{io.Discard}, a.Body, b[:])
	if err == nil && a.StatusCode != http.StatusOK {
		err = fmt.Errorf("HTTP %d", a.StatusCode)
	}
	return int(n), err
}

// onlyWriter hides io.Discard's own, small buffers.
type onlyWriter struct{ io.Writer }

// all fetches one answer from each base URL, at once.
func (v visitor) all(ctx context.Context, bases []string, path string, least int) error {
	var g errgroup.Group
	for _, b := range bases {
		g.Go(func() error { return v.get(ctx, b+path, "", least) })
	}
	return g.Wait()
}

// load is what an open-loop run has shown.
type load struct {
	Histogram // from the moment at which a request was due, so that waiting for a slow answer counts
	failed    atomic.Int64
	first     error
}

// openLoop asks at a fixed rate, whatever becomes of the answers, over a number of clients, each of which asks one thing
// at a time. A request whose turn comes after the end of the run, twice its length, counts as not answered until then.
func (l *load) openLoop(ctx context.Context, perSecond float64, clients int, length time.Duration, ask func(ctx context.Context, i int) error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var next atomic.Int64
	count := max(int(perSecond*length.Seconds()), 1)
	began := time.Now()
	end := began.Add(2 * length)
	ctx, cancel := context.WithDeadline(ctx, end.Add(length))
	defer cancel()
	for range clients {
		wg.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				due := began.Add(time.Duration(float64(i) / perSecond * float64(time.Second)))
				var err error
				if time.Now().After(end) {
					err = errTooLate
				} else {
					pause(ctx, time.Until(due))
					err = ask(ctx, i)
				}
				mu.Lock()
				l.Add(time.Since(due))
				if err != nil {
					l.failed.Add(1)
					if l.first == nil {
						l.first = err
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
}

var errTooLate = errors.New("still waiting at the end")
