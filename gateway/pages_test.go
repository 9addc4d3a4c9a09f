package gateway

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

func entryOf(t *testing.T, source concord.SourceID, body string) merge.Entry {
	t.Helper()
	r, err := fhir.Parse([]byte(body), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	c := merge.Copy{Source: source, Resource: r}
	return merge.Entry{Survivor: c, Copies: []merge.Copy{c}}
}

var ann = smart.Caller{Issuer: "https://idp.example.org", Subject: "ann", Client: "chart", Tenant: "north"}

func TestPages(t *testing.T) {
	now := time.Now()
	p := newPages(Shared{})
	p.now = func() time.Time { return now }
	b := &book{caller: ann, matches: []merge.Entry{entryOf(t, "epic", `{"resourceType":"Observation","id":"1"}`)}}
	id, everywhere := p.put(t.Context(), b)
	if !everywhere {
		t.Error("a gateway alone is everywhere")
	}
	for _, c := range []struct {
		token string
		n     int
		bad   bool
	}{{id + ".0", 0, false}, {id + ".3", 3, false}, {id, 0, true}, {id + ".", 0, true}, {id + ".-1", 0, true}, {id + ".x", 0, true},
		{id + ".99999999999999999999", 0, true}, {"." + id, 0, true}, {"", 0, true}} {
		name, n, ok := parsePage(c.token)
		if ok == c.bad || n != c.n || ok && name != id {
			t.Errorf("%q: %v, page %d", strings.ReplaceAll(c.token, id, "ID"), ok, n)
		}
	}
	if got, err := p.get(t.Context(), id, ann); err != nil || got != b {
		t.Errorf("the book is not there: %v", err)
	}
	if _, err := p.get(t.Context(), id, smart.Caller{Subject: "bob"}); !errors.Is(err, concord.Forbidden) {
		t.Errorf("another caller: %v", err)
	}
	if _, err := p.get(t.Context(), strings.ToUpper(id), ann); !errors.Is(err, concord.NotFound) {
		t.Errorf("another name: %v", err)
	}
	if again, _ := p.put(t.Context(), b); again == id {
		t.Error("two books of one name")
	}
	now = now.Add(pagesFor + time.Second)
	if _, err := p.get(t.Context(), id, ann); !errors.Is(err, concord.NotFound) {
		t.Error("a book outlives its time")
	}
	p.put(t.Context(), &book{})
	if len(p.books) != 1 || p.order.Len() != 1 || p.bytes != bookBytes {
		t.Errorf("%d books of %d bytes are kept, want the new one alone", len(p.books), p.bytes)
	}
}

// TestPagesBound: what is kept in memory is bounded, and the book that was used last stays.
func TestPagesBound(t *testing.T) {
	p := newPages(Shared{})
	big := entryOf(t, "epic", `{"resourceType":"Observation","id":"1","note":[{"text":"`+strings.Repeat("x", 8<<20)+`"}]}`)
	first, _ := p.put(t.Context(), &book{matches: []merge.Entry{big}})
	var last string
	for range 40 {
		last, _ = p.put(t.Context(), &book{matches: []merge.Entry{big}})
		if p.here(first) == nil {
			t.Fatal("the book that was used last is gone")
		}
	}
	if p.bytes > pagesBytes || len(p.books) >= 41 || len(p.books) != p.order.Len() {
		t.Errorf("%d books of %d bytes", len(p.books), p.bytes)
	}
	if p.here(last) == nil {
		t.Error("the newest book is gone")
	}
}

// TestCompact: a book keeps its entries and not the documents that they came in.
func TestCompact(t *testing.T) {
	bundle, err := fhir.ParseBundle([]byte(`{"resourceType":"Bundle","type":"searchset","entry":[
		{"resource":{"resourceType":"Observation","id":"1","status":"final"}},
		{"resource":{"resourceType":"Observation","id":"2","status":"final","note":[{"text":"n"}]}},
		{"resource":{"resourceType":"Observation","id":"3","note":[{"text":"`+strings.Repeat("x", 1<<20)+`"}]}}]}`), fhir.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	a := merge.Copy{Source: "epic", Resource: bundle.Entries[0].Resource}
	c := merge.Copy{Source: "cerner", Resource: bundle.Entries[1].Resource}
	e := merge.Entry{Survivor: a, Copies: []merge.Copy{c, a}, Add: []merge.Addition{{From: "cerner", ID: c.ID(), Value: c.Get("note")}}, Conflicts: []merge.ConflictCode{merge.ConflictValue}, Rule: "r"}
	tell := func(e merge.Entry) string {
		s := fmt.Sprintf("%s %s %v %s", e.Survivor.Source, e.Survivor.Raw(), e.Conflicts, e.Rule)
		for _, c := range e.Copies {
			s += fmt.Sprintf(" %s %s", c.Source, c.Raw())
		}
		for _, a := range e.Add {
			s += fmt.Sprintf(" %s %s %s", a.From, a.Value.Name(), a.Value.Raw())
		}
		return s
	}
	got := compacted([]merge.Entry{e})[0]
	if d := cmp.Diff(tell(e), tell(got)); d != "" {
		t.Error(d)
	}
	if got.Survivor == e.Survivor || got.Survivor != got.Copies[1] || got.Add[0].Value != got.Copies[0].Get("note") {
		t.Error("it still refers to the old document, or its parts don't belong together")
	}
	if got.Survivor.Value.Parent().Exists() || cap(got.Survivor.Raw()) > 1000 {
		t.Error("it stands within another document")
	}
}

// FuzzPage: what is no link that was handed out leads to no page.
func FuzzPage(f *testing.F) {
	p := newPages(Shared{})
	id, _ := p.put(f.Context(), &book{})
	for _, s := range []string{"ID.0", "ID.1048576", "ID.1048577", "ID.-1", "ID", "ID.+1", ".0", "ID.0.0", "ID.0x1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		token = strings.Replace(token, "ID", id, 1)
		got, n, ok := parsePage(token)
		if !ok {
			return
		}
		if n < 0 || n > 1<<20 || !strings.HasPrefix(token, got+".") {
			t.Fatalf("%q is page %d of %q", token, n, got)
		}
		if b := p.here(got); (b != nil) != (got == id) {
			t.Fatal("another name leads to the book, or its own does not")
		}
		if again, m, ok := parsePage(got + "." + strconv.Itoa(n)); !ok || again != got || m != n {
			t.Fatal("the same link by another way leads elsewhere")
		}
	})
}
