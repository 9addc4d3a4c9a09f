package smart

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// maxStale is for how long the last good set is used while the issuer can't be reached.
	maxStale = 24 * time.Hour
	// unknownEvery is how often unknown kids may make us ask the issuer, however many there are.
	unknownEvery = 30 * time.Second
	// retryStale and retryCold are the pauses between attempts after a failure, with and without a set to go on with.
	retryStale = 30 * time.Second
	retryCold  = time.Second
	// maxWait is how long one request waits for keys.
	maxWait = 2 * time.Second
)

// keyring keeps one issuer's key set fresh. Attempts run apart from the requests that cause them, one at a time: a caller
// that goes away must not fail the others.
type keyring struct {
	fetch fetcher
	life  context.Context // ends with the Verifier
	wait  *sync.WaitGroup // the Verifier's, for attempts under way

	mu      sync.Mutex
	set     *keySet   // the last good one; nil at first
	fetched time.Time // when set was last confirmed
	ttl     time.Duration
	tried   time.Time     // when the last attempt began
	failed  error         // how it ended; nil when well
	asked   time.Time     // when an unknown kid last caused one
	flight  chan struct{} // closed when the attempt under way ends; nil when there is none
}

// current is the set to verify with, fetched first when there is none or it is old. Its error is a Fault: Unavailable.
func (k *keyring) current(ctx context.Context) (*keySet, error) {
	now := time.Now()
	k.mu.Lock()
	age := now.Sub(k.fetched)
	usable := k.set != nil && age < maxStale
	pause := retryCold
	if usable {
		pause = retryStale
	}
	due := k.failed == nil || now.Sub(k.tried) >= pause
	switch {
	case usable && age < k.ttl*4/5:
	case usable && age < k.ttl:
		if due {
			k.begin(now)
		}
	case due || k.flight != nil:
		flight := k.begin(now)
		k.mu.Unlock()
		await(ctx, flight)
		k.mu.Lock()
	}
	defer k.mu.Unlock()
	if k.set == nil || time.Since(k.fetched) >= maxStale {
		return nil, unreachable(KeysUnreachable, k.failed, retryCold)
	}
	return k.set, nil
}

// another is the set to look an unknown kid up in once more, or old itself when the issuer was asked lately. Its error is
// a Fault, Unavailable: the issuer can't be reached, so the kid may well be one of its new ones.
func (k *keyring) another(ctx context.Context, old *keySet) (*keySet, error) {
	now := time.Now()
	k.mu.Lock()
	ask := k.asked.IsZero() || now.Sub(k.asked) >= unknownEvery
	if k.set == old && (ask || k.flight != nil) {
		if ask {
			k.asked = now
		}
		flight := k.begin(now)
		k.mu.Unlock()
		await(ctx, flight)
		k.mu.Lock()
	}
	defer k.mu.Unlock()
	switch {
	case k.set == old && k.flight != nil: // it takes longer than we wait
		return nil, unreachable(KeysUnreachable, nil, retryCold)
	case k.failed != nil || k.set == nil:
		return nil, unreachable(KeysUnreachable, k.failed, unknownEvery-time.Since(k.asked))
	}
	return k.set, nil
}

// newerThan tells whether the set was fetched after t.
func (k *keyring) newerThan(t time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fetched.After(t)
}

// begin starts an attempt unless one is under way, and returns what is closed at its end. k.mu is held.
func (k *keyring) begin(now time.Time) chan struct{} {
	if k.flight != nil {
		return k.flight
	}
	done := make(chan struct{})
	k.tried = now
	if k.life.Err() != nil {
		k.failed = k.life.Err()
		close(done)
		return done
	}
	k.flight = done
	k.wait.Add(1)
	go func() {
		defer k.wait.Done()
		defer close(done)
		ctx, cancel := context.WithTimeout(k.life, fetchTimeout)
		defer cancel()
		set, ttl, err := k.attempt(ctx)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.flight, k.failed = nil, err
		if err != nil {
			return
		}
		k.fetched, k.ttl = time.Now(), ttl
		if k.set == nil || k.set.sum != set.sum { // else what was verified with it still holds
			k.set = set
		}
	}()
	return done
}

// attempt is fetch, with a panic made an error.
func (k *keyring) attempt(ctx context.Context) (set *keySet, ttl time.Duration, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("smart: fetching keys panicked: %T", p)
		}
	}()
	return k.fetch(ctx)
}

// stop lets no further attempt begin; what ends k.life does so within it, so that none slips in between.
func (k *keyring) stop(end context.CancelFunc) {
	k.mu.Lock()
	defer k.mu.Unlock()
	end()
}

// purge forgets the set, so that the next token has it fetched anew.
func (k *keyring) purge() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.set, k.fetched, k.failed, k.asked = nil, time.Time{}, nil, time.Time{}
}

// await waits for flight, for as long as the caller and we have patience.
func await(ctx context.Context, flight <-chan struct{}) {
	t := time.NewTimer(maxWait)
	defer t.Stop()
	select {
	case <-flight:
	case <-ctx.Done():
	case <-t.C:
	}
}
