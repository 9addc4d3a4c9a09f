package merge_test

import (
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"concord/fhir"
	"concord/merge"
)

// TestDetached: an entry says the same when its resources no longer stand in their Bundles.
func TestDetached(t *testing.T) {
	parse := func(s string) fhir.Resource {
		b, err := fhir.ParseBundle([]byte(`{"resourceType":"Bundle","entry":[{"resource":`+s+`},{"resource":{"resourceType":"Basic"}}]}`), fhir.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return b.Entries[0].Resource
	}
	rec := merge.NewEngine(merge.Default()).Merge([]merge.Batch{
		{Source: "a", Resources: []fhir.Resource{parse(in("1", plus(lab, `"issued":"2024-05-01T14:00:00Z"`)))}},
		{Source: "b", Resources: []fhir.Resource{parse(in("2", plus(with(lab, `"coding":[`, `"coding":[{"system":"urn:local:b","code":"CA"},`), `"note":[{"text":"n"}]`)))}},
	})
	e := rec.Entries[0]
	if len(e.Add) < 2 {
		t.Fatalf("%d additions", len(e.Add))
	}
	got := e.Detached()
	if d := cmp.Diff(whole(rec), whole(merge.Record{Entries: []merge.Entry{got}})); d != "" {
		t.Error(d)
	}
	checkAdditions(t, got)
	for i := range got.Add {
		if unsafe.StringData(got.Add[i].ID) == unsafe.StringData(e.Add[i].ID) {
			t.Error("an id keeps the Bundle alive")
		}
	}
	if got.Survivor == e.Survivor || got.Survivor.Value.Parent().Exists() {
		t.Error("it still stands in its Bundle")
	}
}
