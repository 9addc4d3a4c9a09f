package fhir_test

import (
	"reflect"
	"testing"

	"concord/fhir"
)

// FuzzBundle: a Bundle is split as encoding/json's reading of it says: every entry, in order, with what it holds, and no
// other.
func FuzzBundle(f *testing.F) {
	for _, s := range []string{
		`{"resourceType":"Bundle","type":"searchset","link":[{"relation":"self","url":"a"},{"relation":"next","url":"b?c=\u00e9"}],"entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Goal","id":"g"},"search":{"mode":"match"}},{}]}`,
		`{"resourceType":"Bundle","entry":{"resource":{"resourceType":"Goal","entry":[{"resource":{}}]}},"link":{"relation":"next","url":7}}`,
		`{"resourceType":"Bundle","entry":[null,1,"x",[{"resource":{"id":"a"}}],{"resource":[],"search":"match","fullUrl":null},{"search":{"mode":["match"]}}],"link":null}`,
		`{"entry":[],"resourceType":"Bundle","type":true}`, `{"resourceType":"Patient","entry":[{}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		b, err := fhir.ParseBundle(in, fhir.Limits{})
		if err != nil {
			return
		}
		v, err := oracle(in)
		if err != nil {
			t.Fatalf("taken, but the oracle says: %v", err)
		}
		m, _ := v.(map[string]any)
		if m["resourceType"] != "Bundle" || b.Kind != stringOf(m["type"]) {
			t.Fatalf("a %q of type %q", m["resourceType"], b.Kind)
		}
		next := ""
		for _, l := range itemsOf(m, "link") {
			if x, _ := l.(map[string]any); x["relation"] == "next" {
				next = stringOf(x["url"])
			}
		}
		if b.Next != next {
			t.Fatalf("goes on at %q, not %q", b.Next, next)
		}
		entries := itemsOf(m, "entry")
		if len(entries) != len(b.Entries) {
			t.Fatalf("%d entries, not %d", len(b.Entries), len(entries))
		}
		for i, e := range b.Entries {
			x, _ := entries[i].(map[string]any)
			search, _ := x["search"].(map[string]any)
			if e.FullURL != stringOf(x["fullUrl"]) || string(e.Mode) != stringOf(search["mode"]) {
				t.Fatalf("entry %d is %q %q", i, e.FullURL, e.Mode)
			}
			want, ok := x["resource"].(map[string]any)
			if ok != e.Resource.Exists() || ok && !reflect.DeepEqual(decode(e.Resource.Value), any(want)) {
				t.Fatalf("entry %d holds something else", i)
			}
			if ok && string(e.Resource.Type()) != stringOf(want["resourceType"]) {
				t.Fatalf("entry %d is of type %q", i, e.Resource.Type())
			}
		}
	})
}

// itemsOf is a member's items, or itself when it is no array.
func itemsOf(m map[string]any, name string) []any {
	v, ok := m[name]
	if !ok {
		return nil
	}
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// stringOf is a string, and "" for anything else.
func stringOf(v any) string {
	s, _ := v.(string)
	return s
}
