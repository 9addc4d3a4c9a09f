package natslog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"concord"
	"concord/events"
	"concord/events/natslog"
	"concord/mpi"
	"concord/mpi/memstore"
	"concord/testharness/servers"
)

const stream = "CONCORD"

func open(t testing.TB, n *servers.NATS) *natslog.Log {
	t.Helper()
	l, err := natslog.Open(natslog.Options{URL: n.URL, Stream: stream, Source: "https://hie.example.org", Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// run runs a feed until the function that it returns is called.
func run(t testing.TB, j mpi.Journal, l events.Log) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		events.NewFeed(j, l, events.Options{Interval: 10 * time.Millisecond, Rest: 50 * time.Millisecond}).Run(ctx)
	})
	stop = sync.OnceFunc(func() {
		cancel()
		done.Wait()
	})
	t.Cleanup(stop)
	return stop
}

// change puts n persons into the store, each with an event, and now and then one that is about nobody.
func change(t testing.TB, s *memstore.Store, n int) {
	t.Helper()
	for range n {
		ref := concord.NewPatientRef("epic", "SECRET-"+string(mpi.NewPersonID()))
		p := mpi.Person{ID: mpi.NewPersonID(), Links: []mpi.Link{{Ref: ref, Grade: mpi.Certain}}}
		_, err := s.Apply(t.Context(), mpi.Change{Persons: []mpi.Person{p}, Events: []mpi.Event{
			{Kind: mpi.EventQueued, By: "SECRET-user", Refs: []concord.PatientRef{ref}},
			{Kind: mpi.EventCreated, By: "SECRET-user", Person: p.ID, Refs: []concord.PatientRef{ref}, At: time.Now()}}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// want is what the journal says of persons.
func want(t testing.TB, s *memstore.Store) (out []int64) {
	t.Helper()
	for e, err := range s.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if e.Person != "" {
			out = append(out, e.Seq)
		}
	}
	return out
}

// follower is a durable consumer of its own.
type follower struct {
	t    testing.TB
	conn *nats.Conn
	cons jetstream.Consumer
}

func follow(t testing.TB, n *servers.NATS) *follower {
	t.Helper()
	conn, err := nats.Connect(n.URL, nats.MaxReconnects(-1), nats.ReconnectWait(20*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	f := &follower{t: t, conn: conn}
	for deadline := time.Now().Add(20 * time.Second); ; {
		f.cons, err = js.CreateOrUpdateConsumer(t.Context(), stream, jetstream.ConsumerConfig{Durable: "test", AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 1})
		if err == nil {
			return f
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// read reads until there are n, and then whether another comes soon.
func (f *follower) read(n int) (seqs []int64, text string) {
	f.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		patience := 300 * time.Millisecond
		b, err := f.cons.Fetch(100, jetstream.FetchMaxWait(patience))
		got := 0
		if err == nil {
			for m := range b.Messages() {
				var e struct {
					SpecVersion, ID, Source, Type string
					Data                          struct {
						Seq    int64
						Kind   string
						Person mpi.PersonID
					}
				}
				if err := json.Unmarshal(m.Data(), &e); err != nil || e.SpecVersion != "1.0" || e.Type != "concord.mpi.link."+e.Data.Kind || !e.Data.Person.Valid() ||
					e.ID != fmt.Sprint("mpi.link.", e.Data.Seq) || m.Headers().Get(nats.MsgIdHdr) != e.ID || e.Source != "https://hie.example.org" {
					f.t.Fatalf("%v: %s", err, m.Data())
				}
				seqs, text = append(seqs, e.Data.Seq), text+string(m.Data())+fmt.Sprint(m.Headers())
				got++
				if err := m.DoubleAck(context.Background()); err != nil {
					f.t.Fatal(err)
				}
			}
		}
		if len(seqs) >= n && got == 0 {
			return seqs, text
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d of %d events: %v", len(seqs), n, err)
		}
	}
}

// TestFeed: every change is told once, in the order of the journal, by however many gateways, and says nothing of a patient.
func TestFeed(t *testing.T) {
	n, s := servers.StartNATS(t), memstore.New()
	change(t, s, 30)
	for range 3 {
		run(t, s, open(t, n))
	}
	change(t, s, 120)
	f := follow(t, n)
	got, text := f.read(150)
	if d := cmp.Diff(want(t, s), got); d != "" {
		t.Error(d)
	}
	if strings.Contains(text, "SECRET") || strings.Contains(text, "epic") {
		t.Error("it tells of a patient, a source or a user")
	}
	change(t, s, 1)
	if got, _ := f.read(1); len(got) != 1 {
		t.Errorf("%d events more", len(got))
	}
}

// TestFeedAfterFaults: nothing is lost or told twice when a gateway ends in the middle, or the server is gone for a while.
func TestFeedAfterFaults(t *testing.T) {
	n, s := servers.StartNATS(t), memstore.New()
	n.Stop() // and is not there to begin with
	change(t, s, 50)
	stop := run(t, s, open(t, n))
	<-time.After(100 * time.Millisecond)
	n.Start()
	f := follow(t, n)
	for round := range 4 {
		var more sync.WaitGroup
		more.Go(func() { change(t, s, 100) })
		<-time.After(20 * time.Millisecond)
		if round%2 == 0 {
			stop() // in the middle of whatever it does
			stop = run(t, s, open(t, n))
		} else {
			n.Stop()
			n.Start()
		}
		more.Wait()
	}
	got, _ := f.read(450)
	if !slices.Equal(got, want(t, s)) {
		t.Errorf("%d events, in order %v", len(got), slices.IsSorted(got))
	}
}

// TestFeedAfterAge: when what was told has gone from the stream, it is not told again.
func TestFeedAfterAge(t *testing.T) {
	n, s := servers.StartNATS(t), memstore.New()
	change(t, s, 20)
	l := open(t, n)
	stop := run(t, s, l)
	f := follow(t, n)
	f.read(20)
	for deadline := time.Now().Add(10 * time.Second); ; {
		if p, err := l.Last(t.Context()); err == nil && p.Seq >= 40 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("where it was is not remembered")
		}
		<-time.After(10 * time.Millisecond)
	}
	stop()
	js, err := jetstream.New(f.conn)
	if err != nil {
		t.Fatal(err)
	}
	st, err := js.Stream(t.Context(), stream)
	if err != nil {
		t.Fatal(err)
	}
	if err := st.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	change(t, s, 1)
	run(t, s, open(t, n))
	if got, _ := f.read(1); !slices.Equal(got, want(t, s)[20:]) {
		t.Errorf("%d events", len(got))
	}
}

// TestAppend: who does not know how far the log has come appends nothing.
func TestAppend(t *testing.T) {
	n := servers.StartNATS(t)
	l := open(t, n)
	var at events.Place
	var err error
	for deadline := time.Now().Add(20 * time.Second); ; {
		if at, err = l.Last(t.Context()); err == nil || time.Now().After(deadline) {
			break
		}
		<-time.After(10 * time.Millisecond)
	}
	if err != nil || at != (events.Place{}) {
		t.Fatalf("%+v, %v", at, err)
	}
	e := events.Event{Seq: 7, Kind: mpi.EventLinked, Person: "p-1"}
	next, err := l.Append(t.Context(), at, e)
	if err != nil || next.Seq != 7 {
		t.Fatalf("%+v, %v", next, err)
	}
	for _, e := range []events.Event{e, {Seq: 8, Kind: mpi.EventLinked, Person: "p-1"}} {
		if _, err := l.Append(t.Context(), at, e); !errors.Is(err, concord.Conflict) {
			t.Errorf("%d: %v", e.Seq, err)
		}
	}
	if got, err := l.Last(t.Context()); err != nil || got != next {
		t.Errorf("%+v, %v", got, err)
	}
	n.Stop()
	if _, err := l.Last(t.Context()); !errors.Is(err, concord.Unavailable) {
		t.Errorf("without a server: %v", err)
	}
	if _, err := l.Append(t.Context(), next, e); !errors.Is(err, concord.Unavailable) {
		t.Errorf("without a server: %v", err)
	}
	if _, err := natslog.Open(natslog.Options{URL: "nats://\x00", Stream: stream}); !errors.Is(err, concord.Invalid) {
		t.Errorf("what is no URL: %v", err)
	}
}
