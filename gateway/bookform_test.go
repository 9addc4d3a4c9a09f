package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/gateway/shelf"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

func keysOf(t testing.TB, lines ...string) *shelf.Keys {
	t.Helper()
	k, err := shelf.ParseKeys([]byte(strings.Join(lines, "")))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// wholeBook has something in each field that a shelf keeps.
func wholeBook(t testing.TB) *book {
	t.Helper()
	person := mpi.Person{ID: "p-1", Links: []mpi.Link{{Ref: concord.NewPatientRef("epic", "e1"), Grade: mpi.Certain}, {Ref: concord.NewPatientRef("cerner", "c1"), Grade: mpi.Certain}}}
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "epic", Resources: []fhir.Resource{parsed(t, `{"resourceType":"Condition","id":"1","code":{"text":"Asthma"},"subject":{"reference":"Patient/e1"},"note":[{"text":"SECRET-NOTE"}]}`)}},
		{Source: "cerner", Resources: []fhir.Resource{parsed(t, `{"resourceType":"Condition","id":"2","code":{"text":"Gout"},  "subject":{"reference":"Patient/c1"}}`)}},
		{Source: "athena", Resources: []fhir.Resource{parsed(t, `{"resourceType":"Encounter","id":"9","status":"finished"}`)}},
	})
	return &book{caller: ann, route: route{interaction: fhir.SearchType, typ: "Condition", id: ""}, access: smart.Access{Type: "Condition", Interaction: fhir.SearchType, Patient: "p-1"},
		q: &query{typ: "Condition", count: 1, noTotal: true, history: true, elements: []string{"code"}}, people: []mpi.Person{person},
		matches: rec.Entries[:2], others: rec.Entries[2:], first: []int{1}, issues: []issue{{severity: "warning", code: "timeout", source: "athena", text: "t", on: "Condition", param: "code"}},
		partial: true, sources: "epic;dur=1", self: "https://x/Condition?patient=p-1", recorded: "2024-05-01T00:00:00.000Z", params: []federation.Param{{Key: "patient", Value: "p-1"}},
		bases: map[concord.SourceID]string{"epic": "https://epic.example.org", "cerner": "https://cerner.example.org", "athena": "https://athena.example.org", "other": "https://other.example.org"}}
}

func parsed(t testing.TB, s string) fhir.Resource {
	t.Helper()
	r, err := fhir.Parse([]byte(s), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is all that a page is made of.
func told(b *book) string {
	var s strings.Builder
	fmt.Fprintf(&s, "%+v %+v %+v %d %v %v %v\n%v %v %v %s %s %s %v\n", b.caller, b.route, b.access, b.q.count, b.q.noTotal, b.q.history, b.q.elements, b.first, b.issues, b.partial, b.sources,
		b.self, b.recorded, b.params)
	for _, p := range b.people {
		fmt.Fprintf(&s, "%s", p.ID)
		for _, r := range meant(p) {
			fmt.Fprintf(&s, " %s.%s", r.Source, r.Reveal())
		}
	}
	for _, source := range b.from {
		fmt.Fprintf(&s, " %s at %s", source, b.bases[source])
	}
	for _, all := range [][]merge.Entry{b.matches, b.others} {
		s.WriteString("\n--\n")
		for _, e := range all {
			fmt.Fprintf(&s, "%s %s %d %d\n", e.Survivor.Source, e.Survivor.Raw(), len(e.Copies), len(e.Add))
		}
	}
	return s.String()
}

// TestSharedPages: a book that one gateway has put down is the same at another, is nobody else's, is sealed, and ends.
func TestSharedPages(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	line := shelf.NewKeyLine()
	both := shelf.NewMemory(64<<20, clock)
	gateway := func(s shelf.Shelf, lines ...string) *pages {
		p := newPages(Shared{Shelf: s, Keys: keysOf(t, lines...)})
		p.now = clock
		return p
	}
	one, two := gateway(both, line), gateway(both, line)
	b := wholeBook(t)
	id, everywhere := one.put(t.Context(), b)
	if !everywhere {
		t.Fatal("it is not on the shelf")
	}
	got, err := two.get(t.Context(), id, ann)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(told(b), told(got)); d != "" {
		t.Error(d)
	}
	for moved, want := range map[concord.SourceID]bool{"epic": false, "athena": false, "other": true} {
		x := &exchange{g: &Gateway{bases: maps.Clone(b.bases)}}
		if !x.reachesAll(got) {
			t.Error("where all sources are the same they are said not to be")
		}
		if x.g.bases[moved] = "https://elsewhere.example.org"; x.reachesAll(got) != want {
			t.Errorf("%s is elsewhere: the page can be had: %v", moved, !want)
		}
		if delete(x.g.bases, moved); x.reachesAll(got) != want {
			t.Errorf("%s is there no more: the page can be had: %v", moved, !want)
		}
	}
	if again, err := two.get(t.Context(), id, ann); err != nil || again != got {
		t.Error("it is read from the shelf again")
	}
	for name, c := range map[string]smart.Caller{"subject": {Issuer: ann.Issuer, Subject: "bob", Client: ann.Client, Tenant: ann.Tenant}, "tenant": {Issuer: ann.Issuer, Subject: ann.Subject, Client: ann.Client, Tenant: "south"},
		"issuer": {Subject: ann.Subject, Client: ann.Client, Tenant: ann.Tenant}, "shifted": {Issuer: ann.Issuer + ann.Subject, Client: ann.Client, Tenant: ann.Tenant}} {
		for _, p := range []*pages{two, gateway(both, line)} {
			if _, err := p.get(t.Context(), id, c); !errors.Is(err, concord.Forbidden) {
				t.Errorf("another %s: %v", name, err)
			}
		}
	}
	if p := gateway(both, shelf.NewKeyLine(), line); true { // keys are exchanged: the new one first
		if _, err := p.get(t.Context(), id, ann); err != nil {
			t.Errorf("with the key as a second one: %v", err)
		}
	}
	if _, err := gateway(both, shelf.NewKeyLine()).get(t.Context(), id, ann); !errors.Is(err, concord.NotFound) {
		t.Errorf("with other keys: %v", err)
	}
	name := two.keys.Names(sortPages, id)[0]
	sealed, err := both.Get(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"SECRET-NOTE", "Condition", "p-1", "epic", "ann", id} {
		if bytes.Contains(sealed, []byte(word)) || strings.Contains(name, word) {
			t.Errorf("%q can be read on the shelf", word)
		}
	}
	// what was moved to another name, cut or changed is no page
	other := strings.Repeat("0", 32)
	for what, value := range map[string][]byte{"moved": sealed, "cut": sealed[:len(sealed)-1], "empty": {1}} {
		if err := both.Put(t.Context(), two.keys.Names(sortPages, other)[0], value, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := two.get(t.Context(), other, ann); !errors.Is(err, concord.Malformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i := range sealed {
		x := bytes.Clone(sealed)
		x[i] ^= 1
		if _, _, err := two.open(id, ann, x); err == nil {
			t.Fatalf("byte %d may be another", i)
		}
	}
	now = now.Add(pagesFor)
	for _, p := range []*pages{one, two, gateway(both, line)} {
		if _, err := p.get(t.Context(), id, ann); !errors.Is(err, concord.NotFound) && p != one {
			t.Errorf("it outlives its time: %v", err)
		}
	}
}

// gone is a shelf that can't be reached.
type gone struct{ shelf.Shelf }

var errGone = &concord.Fault{Op: "test", Kind: concord.Unavailable}

func (gone) Put(context.Context, string, []byte, time.Duration) error { return errGone }
func (gone) Get(context.Context, string) ([]byte, error)              { return nil, errGone }

// TestSharedPagesGone: without the shelf a page can be had where it was made, and elsewhere nobody knows.
func TestSharedPagesGone(t *testing.T) {
	keys := keysOf(t, shelf.NewKeyLine())
	one, two := newPages(Shared{gone{}, keys}), newPages(Shared{gone{}, keys})
	id, everywhere := one.put(t.Context(), wholeBook(t))
	if everywhere {
		t.Error("it is said to be everywhere")
	}
	if _, err := one.get(t.Context(), id, ann); err != nil {
		t.Error(err)
	}
	if _, err := two.get(t.Context(), id, ann); !errors.Is(err, concord.Unavailable) {
		t.Errorf("elsewhere: %v", err)
	}
}
