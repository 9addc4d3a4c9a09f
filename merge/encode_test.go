package merge_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// TestEncoded: entries that were written and read say the same, what was added to them and why included.
func TestEncoded(t *testing.T) {
	c := charts{}
	added, others := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		rec := merge.NewEngine(merge.Default()).Merge(c.draw(rt, t))
		b, ok := merge.AppendEntries([]byte("before"), rec.Entries)
		if !ok {
			rt.Fatal("they can't be written")
		}
		got, rest, err := merge.ParseEntries(append(b[len("before"):], "behind"...))
		if err != nil || string(rest) != "behind" {
			rt.Fatalf("%v, %q is left", err, rest)
		}
		if d := cmp.Diff(whole(rec), whole(merge.Record{Entries: got})); d != "" {
			rt.Fatal(d)
		}
		for i, e := range got {
			checkAdditions(t, e)
			was := rec.Entries[i]
			added, others = added+len(e.Add), others+len(e.Others)
			if len(e.Add) != len(was.Add) || e.Survivor.Source != was.Survivor.Source || e.Survivor.ID() != was.Survivor.ID() {
				rt.Fatal("another survivor, or other additions")
			}
			if d := cmp.Diff(was.Others, e.Others); d != "" {
				rt.Fatal(d)
			}
			name := func(s concord.SourceID, t fhir.ResourceType, id string) string { return fmt.Sprint(s, t, id) }
			if d := cmp.Diff(was.Explain(name), e.Explain(name)); d != "" {
				rt.Fatal(d)
			}
		}
	})
	if added == 0 || others == 0 {
		t.Errorf("%d additions and %d others were looked at", added, others)
	}
}

// TestEncodedBroken: what is cut or changed is an error or other entries, never a panic.
func TestEncodedBroken(t *testing.T) {
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(t, in("1", lab))}}, {Source: "b", Resources: []fhir.Resource{resource(t, in("2", lab))}}})
	b, ok := merge.AppendEntries(nil, rec.Entries)
	if !ok {
		t.Fatal("they can't be written")
	}
	for n := range b {
		if _, _, err := merge.ParseEntries(b[:n]); !errors.Is(err, merge.ErrEncoded) {
			t.Errorf("cut at %d of %d: %v", n, len(b), err)
		}
		for _, x := range []byte{1, 0x80} {
			other := slices.Clone(b)
			other[n] ^= x
			_, _, _ = merge.ParseEntries(other)
		}
	}
}

// FuzzParseEntries: whatever is read is an error, or can be written, and read as the same.
func FuzzParseEntries(f *testing.F) {
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{{Source: "a", Resources: []fhir.Resource{resource(f, in("1", lab))}}, {Source: "b", Resources: []fhir.Resource{resource(f, in("2", lab))}}})
	b, _ := merge.AppendEntries(nil, rec.Entries)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		entries, _, err := merge.ParseEntries(b)
		if err != nil {
			return
		}
		once, ok := merge.AppendEntries(nil, entries)
		if !ok {
			t.Fatal("what was read can't be written")
		}
		again, rest, err := merge.ParseEntries(once)
		if err != nil || len(rest) > 0 || len(again) != len(entries) {
			t.Fatalf("what was written can't be read: %v", err)
		}
		if twice, _ := merge.AppendEntries(nil, again); !bytes.Equal(once, twice) {
			t.Fatal("it is another the second time")
		}
	})
}
