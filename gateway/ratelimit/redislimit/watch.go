package redislimit

import (
	"context"
	"errors"
	"os"
	"time"

	"concord"
)

// State is how the Store is doing, for metrics and readiness.
func (s *Store) State() State {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state
}

// gone takes the Redis out of use, and has the watcher look for it.
func (s *Store) gone(why error) {
	kind := concord.Unavailable
	if errors.Is(why, context.DeadlineExceeded) || errors.Is(why, os.ErrDeadlineExceeded) {
		kind = concord.Timeout
	}
	if !s.change(State{Degraded: true, Cause: kind}) {
		return
	}
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// change makes the state another, and tells of it; false when it was so already.
func (s *Store) change(to State) bool {
	to.Since = time.Now()
	s.mu.Lock()
	if s.state.Degraded == to.Degraded || s.life.Err() != nil {
		s.mu.Unlock()
		return false
	}
	s.state = to
	s.mu.Unlock()
	s.tell(to)
	return true
}

// tell calls Options.Changed, whose panic is not ours to pass on.
func (s *Store) tell(now State) {
	if s.opts.Changed == nil {
		return
	}
	defer func() { _ = recover() }()
	s.opts.Changed(now)
}

// watch comes back to the Redis, whenever it is gone, until the Store ends.
func (s *Store) watch() {
	for {
		select {
		case <-s.life.Done():
			return
		case <-s.wake:
		}
		for s.State().Degraded {
			pause := time.NewTimer(s.opts.Rest)
			select {
			case <-s.life.Done():
				pause.Stop()
				return
			case <-pause.C:
			}
			if s.probe() == nil {
				s.change(State{})
			}
		}
	}
}

// probe tells whether the Redis counts. It does what is done for callers: one that may only be read, or has no room, would
// answer a PING.
func (s *Store) probe() error {
	_, err := s.ask(s.life, dialTimeout, s.name("probe"), "1000")
	return err
}
