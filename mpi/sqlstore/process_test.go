package sqlstore_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/cached"
	"concord/mpi/mpitest"
	"concord/mpi/sqlstore"
)

// childArg makes of the test program another gateway's process: what follows is what it does, a store's name, and the
// key file's text.
const childArg = "a process of its own"

func child(args []string) int {
	ctx := context.Background()
	k, err := sqlstore.ParseKeys([]byte(args[2]))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	s, err := sqlstore.Open(ctx, args[1], sqlstore.Options{Keys: k})
	if err == nil {
		err = map[string]func(context.Context, *sqlstore.Store) error{"answer": answer, "move": move}[args[0]](ctx, s)
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// answer is a gateway: for each line, a patient of epic, it says how many patients the person has, as it knows at once.
func answer(ctx context.Context, s *sqlstore.Store) error {
	c, err := cached.New(s, cached.Options{})
	if err != nil {
		return err
	}
	x := mpi.NewIndex(c)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := c.Sync(ctx); err != nil {
			return err
		}
		p, err := x.Lookup(ctx, concord.NewPatientRef("epic", lines.Text()))
		fmt.Println(len(p.Refs()), concord.KindOf(err))
	}
	return lines.Err()
}

// move moves a patient to and fro between two persons, as often as it can, and says each time that it has.
func move(ctx context.Context, s *sqlstore.Store) error {
	moves := concord.NewPatientRef("cerner", "2")
	for i := 0; ; i++ {
		p, err := s.Person(ctx, "p")
		if err != nil {
			return err
		}
		q, err := s.Person(ctx, "q")
		if err != nil {
			return err
		}
		if q.Has(moves) {
			p, q = q, p
		}
		q.Links = append(q.Links, mpi.Link{Ref: moves, Grade: mpi.Certain, Score: 1})
		var rest []mpi.Link
		for _, l := range p.Links {
			if l.Ref != moves {
				rest = append(rest, l)
			}
		}
		p.Links = rest
		c := mpi.Change{Persons: []mpi.Person{p, q}, Events: []mpi.Event{{Kind: mpi.EventUnlinked, Person: p.ID}, {Kind: mpi.EventLinked, Person: q.ID}},
			Records: []mpi.Record{{Demographics: mpi.Demographics{Ref: moves, BirthDate: string(q.ID)}}}}
		if _, err := s.Apply(ctx, c); err != nil {
			return err
		}
		fmt.Println("moved", i)
	}
}

// process is a child that runs, its input and its output, which ends with it.
func process(t *testing.T, what, name string) (io.Writer, *bufio.Scanner, func()) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, childArg, what, name, keyFile("k1"))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill := func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	t.Cleanup(kill)
	return in, bufio.NewScanner(out), kill
}

// What one process decides is what the next answer of another one goes by.
func TestTwoProcesses(t *testing.T) {
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			url := fresh(t)
			s := openStore(t, url, sqlstore.Options{Keys: keys(t)})
			x := mpi.NewIndex(s).By("alice")
			mpitest.Fill(t, s, 3)
			in, out, _ := process(t, "answer", url)
			wants := func(when, want string) {
				t.Helper()
				for range 3 { // the last ones from its cache
					if _, err := fmt.Fprintln(in, "1"); err != nil || !out.Scan() {
						t.Fatalf("%s: no answer: %v", when, err)
					}
					if got := out.Text(); got != want {
						t.Fatalf("%s: %q instead of %q", when, got, want)
					}
				}
			}
			wants("before", "3 unknown")
			for range 8 {
				p, err := x.Lookup(ctx, concord.NewPatientRef("epic", "1"))
				if err != nil {
					t.Fatal(err)
				}
				kept, _, err := x.Unlink(ctx, p.ID, concord.NewPatientRef("cerner", "1"))
				if err != nil {
					t.Fatal(err)
				}
				wants("unlinked", "2 unknown")
				if _, err := x.Link(ctx, kept.ID, concord.NewPatientRef("cerner", "1")); err != nil {
					t.Fatal(err)
				}
				wants("linked again", "3 unknown")
			}
		})
	}
}

// A process that is killed while it changes something leaves all of it or nothing.
func TestKilled(t *testing.T) {
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			url := fresh(t)
			s := openStore(t, url, sqlstore.Options{Keys: keys(t)})
			link := func(source, id string) mpi.Link {
				return mpi.Link{Ref: concord.NewPatientRef(concord.SourceID(source), id), Grade: mpi.Certain, Score: 1}
			}
			if _, err := s.PutAll(ctx, mpi.Person{ID: "p", Links: []mpi.Link{link("epic", "1"), link("cerner", "2")}}, mpi.Person{ID: "q", Links: []mpi.Link{link("epic", "3")}}); err != nil {
				t.Fatal(err)
			}
			said := 0
			for round := range 4 {
				_, out, kill := process(t, "move", url)
				for range 5 + 3*round {
					if !out.Scan() || !strings.HasPrefix(out.Text(), "moved") {
						t.Fatalf("it ended by itself: %q", out.Text())
					}
					said++
				}
				kill()
				for out.Scan() {
					said++
				}
				p, err := s.Person(ctx, "p")
				if err != nil {
					t.Fatal(err)
				}
				q, err := s.Person(ctx, "q")
				if err != nil {
					t.Fatal(err)
				}
				owner, err := s.ByRef(ctx, concord.NewPatientRef("cerner", "2"))
				if err != nil || len(p.Links)+len(q.Links) != 3 || p.Version != q.Version || len(owner.Links) != 2 {
					t.Fatalf("%v: %d and %d links in versions %d and %d, the one that moves with %d", err, len(p.Links), len(q.Links), p.Version, q.Version, len(owner.Links))
				}
				events := 0
				var last mpi.Event
				for e, err := range s.Events(ctx, 0) {
					if err != nil {
						t.Fatal(err)
					}
					events, last = events+1, e
				}
				r, err := s.Record(ctx, concord.NewPatientRef("cerner", "2"))
				moves := int(p.Version - 1)
				if err != nil || events != 2*moves || last.Person != owner.ID || r.Demographics.BirthDate != string(owner.ID) || moves < said {
					t.Fatalf("%v: %d moves of which %d were said, %d events of which the last is of %q, the owner is %q", err, moves, said, events, last.Person, owner.ID)
				}
			}
		})
	}
}

// keyFile is the text of a key file.
func keyFile(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		_, _ = fmt.Fprintf(&b, "%s %s\n", name, keyOf(name))
	}
	return b.String()
}

// Two caches in front of two stores of one database, with many who decide at both.
func TestTwoGateways(t *testing.T) {
	for name, fresh := range keyed(t) {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			url := fresh(t)
			type gateway struct {
				cache *cached.Store
				index *mpi.Index
			}
			var all [2]gateway
			for i := range all {
				c, err := cached.New(openStore(t, url, sqlstore.Options{Keys: keys(t)}), cached.Options{})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				all[i] = gateway{c, mpi.NewIndex(c).By("gateway" + strconv.Itoa(i))}
			}
			epic, cerner := concord.NewPatientRef("epic", "1"), concord.NewPatientRef("cerner", "1")
			if _, err := all[0].index.Register(ctx, mpi.Demographics{Ref: epic}); err != nil {
				t.Fatal(err)
			}
			for round := range 30 {
				decides, obeys := all[round%2], all[1-round%2]
				if round%3 != 1 { // the other one has it in its cache
					if _, err := obeys.index.Lookup(ctx, epic); err != nil {
						t.Fatal(err)
					}
				}
				if err := decides.cache.Sync(ctx); err != nil {
					t.Fatal(err)
				}
				p, err := decides.index.Lookup(ctx, epic)
				if err != nil {
					t.Fatal(err)
				}
				linked := p.Has(cerner)
				if linked {
					p, _, err = decides.index.Unlink(ctx, p.ID, cerner)
				} else {
					p, err = decides.index.Link(ctx, p.ID, cerner)
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := obeys.cache.Sync(ctx); err != nil {
					t.Fatal(err)
				}
				got, err := obeys.index.Lookup(ctx, epic)
				if err != nil || got.ID != p.ID || got.Has(cerner) == linked {
					t.Fatalf("round %d: %v, %q instead of %q, linked: %t", round, err, got.ID, p.ID, got.Has(cerner))
				}
			}
		})
	}
}
