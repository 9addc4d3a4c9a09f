package connectors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/connectors"
	"concord/federation"
	"concord/fhir"
)

// scripted answers with its error, and counts how often it is asked.
type scripted struct {
	err   error
	asked int
	wait  time.Duration
}

func (s *scripted) About() federation.About           { return federation.About{Source: source, Base: "b"} }
func (s *scripted) Supports(t fhir.ResourceType) bool { return t == "Goal" }

func (s *scripted) Search(context.Context, federation.Query) (federation.Page, error) {
	s.asked++
	time.Sleep(s.wait) // in a bubble
	return federation.Page{Requests: 7}, s.err
}

func (s *scripted) Read(context.Context, fhir.ResourceType, string) (fhir.Resource, error) {
	s.asked++
	return fhir.Resource{}, s.err
}

func (s *scripted) Create(context.Context, fhir.ResourceType, []byte) (federation.Created, error) {
	s.asked++
	return federation.Created{ID: "new"}, s.err
}

func fail(kind concord.Kind, status int, err error) error {
	return &concord.Fault{Op: "search", Kind: kind, Source: source, Status: status, Err: err}
}

func TestGuardOpensAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &scripted{err: fail(concord.Internal, 500, nil)}
		var states []connectors.State
		g := connectors.Guard(s, connectors.GuardConfig{OnState: func(id concord.SourceID, to connectors.State) {
			if id != source {
				t.Errorf("told of %q", id)
			}
			states = append(states, to)
		}})
		if g.About().Source != source || !g.Supports("Goal") || g.Supports("Device") {
			t.Error("the guard is not what it guards")
		}
		for range 40 {
			page, err := g.Search(t.Context(), goals())
			if k := concord.KindOf(err); s.asked < 5 && (k != concord.Internal || page.Requests != 7) {
				t.Errorf("%v, %d requests", k, page.Requests)
			}
		}
		_, err := g.Read(t.Context(), "Goal", "x")
		var f *concord.Fault
		if !errors.As(err, &f) || f.Kind != concord.Unavailable || f.Source != source || f.Op != "read" || s.asked != 5 {
			t.Errorf("open: %v; asked %d times", err, s.asked)
		}
		time.Sleep(11 * time.Second)
		s.wait = time.Second
		done := make(chan error)
		go func() { _, err := g.Search(t.Context(), goals()); done <- err }()
		synctest.Wait()
		if _, err := g.Search(t.Context(), goals()); concord.KindOf(err) != concord.Unavailable || s.asked != 6 {
			t.Errorf("beside the one that tries: %v; asked %d times", err, s.asked)
		}
		if err := <-done; concord.KindOf(err) != concord.Internal {
			t.Errorf("the one that tries: %v", err)
		}
		time.Sleep(11 * time.Second)
		s.err = nil
		for range 3 {
			if _, err := g.Search(t.Context(), goals()); err != nil {
				t.Errorf("well again: %v", err)
			}
		}
		want := []connectors.State{connectors.Open, connectors.HalfOpen, connectors.Open, connectors.HalfOpen, connectors.Closed}
		if d := cmp.Diff(want, states); d != "" {
			t.Error(d)
		}
	})
}

func TestWhatOpensAGuard(t *testing.T) {
	whole := func(inner error) error { return fail(concord.Incomplete, 0, inner) }
	for _, x := range []struct {
		name  string
		err   error
		opens bool
	}{
		{"no connection", fail(concord.Unavailable, 0, nil), true},
		{"503", fail(concord.Unavailable, 503, nil), true},
		{"500", fail(concord.Internal, 500, nil), true},
		{"429", fail(concord.RateLimited, 429, nil), true},
		{"no answer in time", fail(concord.Timeout, 0, context.DeadlineExceeded), true},
		{"a later page was not in time", whole(fail(concord.Timeout, 0, nil)), true},
		{"an error that is no Fault", errors.New("x"), true},
		{"400", fail(concord.Invalid, 400, nil), false},
		{"401", fail(concord.Unauthorized, 401, nil), false},
		{"403", fail(concord.Forbidden, 403, nil), false},
		{"404", fail(concord.NotFound, 404, nil), false},
		{"406", fail(concord.Unsupported, 406, nil), false},
		{"not FHIR", fail(concord.Malformed, 200, nil), false},
		{"merged", fail(concord.Moved, 301, nil), false},
		{"a foreign next", whole(nil), false},
		{"a later page is forbidden", whole(fail(concord.Forbidden, 403, nil)), false},
		{"the caller left", fail(concord.Canceled, 0, context.Canceled), false},
		{"the caller left a later page", whole(fail(concord.Canceled, 0, context.Canceled)), false},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := &scripted{err: x.err}
			g := connectors.Guard(s, connectors.GuardConfig{Failures: 3, Open: time.Hour})
			for range 10 {
				_, err := g.Search(t.Context(), goals())
				if err == nil {
					t.Fatal("no error")
				}
			}
			if want := map[bool]int{true: 3, false: 10}[x.opens]; s.asked != want {
				t.Errorf("asked %d times, want %d", s.asked, want)
			}
		})
	}
}

// TestWhatIsNoAnswer: neither a caller's leaving nor a question that is not sent makes a source well.
func TestWhatIsNoAnswer(t *testing.T) {
	for _, x := range []struct {
		name string
		err  error
	}{{"the caller left", fail(concord.Canceled, 0, context.Canceled)}, {"not sent", fail(concord.Unsupported, 0, nil)}} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &scripted{}
				g := connectors.Guard(s, connectors.GuardConfig{Failures: 3})
				for i := range 6 {
					if s.err = fail(concord.Unavailable, 0, nil); i%2 == 1 {
						s.err = x.err
					}
					_, _ = g.Search(t.Context(), goals())
				}
				if s.asked != 5 {
					t.Errorf("asked %d times, want 5", s.asked)
				}
				time.Sleep(11 * time.Second)
				s.err = x.err
				_, _ = g.Search(t.Context(), goals())
				s.err = fail(concord.Unavailable, 0, nil)
				_, _ = g.Search(t.Context(), goals())
				_, err := g.Search(t.Context(), goals())
				if s.asked != 7 || concord.KindOf(err) != concord.Unavailable {
					t.Errorf("half open: asked %d times, want 7", s.asked)
				}
			})
		})
	}
}
