package mpitest

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"concord"
	"concord/mpi"
)

// record is what epic says of a patient, with a value in each field.
func record(id string, keys ...uint64) mpi.Record {
	return mpi.Record{Keys: keys, Demographics: mpi.Demographics{Ref: ref("epic", id),
		Names:     []mpi.Name{{Use: "official", Family: "Öztürk-" + id, Given: []string{"Zoë", "M."}, Suffix: []string{"III"}, Old: true}, {Family: "Second"}},
		BirthDate: "1971-02-29", Gender: "female", Phones: []string{"+1 555 0100"}, Emails: []string{"zoe@example.org"},
		Addresses:   []mpi.Address{{Lines: []string{"1 <Main> & St"}, City: "Springfield", State: "IL", PostalCode: "62701", Old: true}},
		Identifiers: []mpi.Identifier{{System: "urn:oid:1.2.3", Value: "MRN-" + id, Old: true}},
		BirthOrder:  2, Multiple: true, ReplacedBy: "Patient/other", Deceased: "2020-01-01", Seen: "2019-12-31"}}
}

// complete fails unless each field of v has a value: a field that is new and not kept would not be missed otherwise.
func complete(t *testing.T, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Field(i)
			if f.IsZero() {
				t.Errorf("field %s.%s of the example has no value", v.Type(), v.Type().Field(i).Name)
			} else if v.Type().Field(i).IsExported() && f.Type() != reflect.TypeFor[concord.PatientRef]() {
				complete(t, f)
			}
		}
	case reflect.Slice:
		complete(t, v.Index(0))
	}
}

func records(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	if !s.Keeps() {
		t.Skip("the store keeps no demographics")
	}
	complete(t, reflect.ValueOf(record("1", 1)))
	_, err := s.Record(ctx, ref("epic", "1"))
	wantKind(t, "Record of nobody", err, concord.NotFound)
	wantRecord := func(want mpi.Record) {
		t.Helper()
		got, err := s.Record(ctx, want.Demographics.Ref)
		if diff := diffOf(want, got); err != nil || diff != "" {
			t.Errorf("Record: %v (-want +got):\n%s", err, diff)
		}
		if err == nil && len(got.Demographics.Names) > 0 { // the caller's own
			got.Demographics.Names[0].Given, got.Demographics.Names[0].Family = nil, "x"
		}
	}
	in := record("1", 3, 1, 1, 1<<63)
	apply(t, s, mpi.Change{Records: []mpi.Record{in, {Demographics: mpi.Demographics{Ref: ref("cerner", "2")}}}})
	in.Demographics.Names[0].Given[0] = "spoilt"
	for range 2 {
		wantRecord(record("1", 1, 3, 1<<63))
		wantRecord(mpi.Record{Demographics: mpi.Demographics{Ref: ref("cerner", "2")}})
	}
	changed := record("1", 3)
	changed.Demographics.BirthDate = "1972"
	apply(t, s, mpi.Change{Records: []mpi.Record{changed}})
	wantRecord(changed)

	var many []mpi.Record
	for i := range 600 {
		many = append(many, record("m"+strconv.Itoa(i), uint64(i)))
	}
	apply(t, s, mpi.Change{Records: many})
	seen := map[concord.PatientRef]bool{}
	var order []concord.PatientRef
	for _, r := range collect(t, s.Records(ctx, concord.PatientRef{})) {
		order = append(order, r.Demographics.Ref)
		seen[r.Demographics.Ref] = true
	}
	if len(order) != 602 || len(seen) != 602 {
		t.Fatalf("%d records, %d of them different", len(order), len(seen))
	}
	var rest []concord.PatientRef
	for _, r := range collect(t, s.Records(ctx, order[510])) {
		rest = append(rest, r.Demographics.Ref)
	}
	if !slices.Equal(rest, order[511:]) {
		t.Errorf("after a record come %d instead of %d, or others", len(rest), len(order[511:]))
	}
}

func blocks(t *testing.T, f Fixture) {
	ctx := context.Background()
	s := f.Backend
	if !s.Keeps() {
		t.Skip("the store keeps no demographics")
	}
	apply(t, s, mpi.Change{Records: []mpi.Record{record("1", 10, 20), record("2", 10), record("3", 10, 30), record("4")}})
	wantBlocked := func(keys []uint64, most, wantOver int, want ...string) {
		t.Helper()
		found, over, err := s.Blocked(ctx, keys, most)
		var got []string
		for _, r := range found {
			got = append(got, r.Demographics.Ref.Reveal())
		}
		if diff := diffOf(want, got); err != nil || diff != "" || over != wantOver {
			t.Errorf("%v, at most %d: %v, %d passed over (-want +got):\n%s", keys, most, err, over, diff)
		}
	}
	wantBlocked(nil, 0, 0)
	wantBlocked([]uint64{99}, 0, 0)
	wantBlocked([]uint64{10}, 0, 0, "1", "2", "3")
	wantBlocked([]uint64{10}, 3, 0, "1", "2", "3")
	wantBlocked([]uint64{10, 30, 10}, 2, 1, "3")
	wantBlocked([]uint64{20, 30}, 1, 0, "1", "3")
	apply(t, s, mpi.Change{Records: []mpi.Record{record("1", 20, 40)}})
	wantBlocked([]uint64{10}, 0, 0, "2", "3")
	wantBlocked([]uint64{40, 20}, 0, 0, "1")
	if found, _, err := s.Blocked(ctx, []uint64{30}, 0); err != nil || diffOf([]mpi.Record{record("3", 10, 30)}, found) != "" {
		t.Errorf("%v (-want +got):\n%s", err, diffOf([]mpi.Record{record("3", 10, 30)}, found))
	}
}

func restEnded(t *testing.T, f Fixture) {
	s := f.Backend
	canceled, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(0, 0))
	defer cancel()
	for kind, ctx := range map[concord.Kind]context.Context{concord.Canceled: canceled, concord.Timeout: late} {
		_, err := s.Apply(ctx, mpi.Change{Events: make([]mpi.Event, 1)})
		wantKind(t, "Apply", err, kind)
		_, err = s.Retired(ctx, "p")
		wantKind(t, "Retired", err, kind)
		_, err = s.Changes(ctx, 0)
		wantKind(t, "Changes", err, kind)
		_, err = s.Review(ctx, 1)
		wantKind(t, "Review", err, kind)
		_, err = s.Pair(ctx, ref("epic", "1"), ref("cerner", "2"))
		wantKind(t, "Pair", err, kind)
		for _, err := range s.Events(ctx, 0) {
			wantKind(t, "Events", err, kind)
		}
		for _, err := range s.Reviews(ctx, "", 0) {
			wantKind(t, "Reviews", err, kind)
		}
		if s.Keeps() {
			_, err = s.Record(ctx, ref("epic", "1"))
			wantKind(t, "Record", err, kind)
			_, _, err = s.Blocked(ctx, []uint64{1}, 0)
			wantKind(t, "Blocked", err, kind)
			for _, err := range s.Records(ctx, concord.PatientRef{}) {
				wantKind(t, "Records", err, kind)
			}
		}
	}
}

func restSurvives(t *testing.T, f Fixture) {
	if f.Reopen == nil {
		t.Skip("the backend keeps nothing beyond its process")
	}
	ctx := context.Background()
	c := mpi.Change{Retired: []mpi.Retired{{ID: "r", Into: []mpi.PersonID{"p", "q"}}}, Events: []mpi.Event{{Kind: mpi.EventSplit, Former: "r"}},
		Queue: []mpi.Review{pairing("1", "2")}}
	if f.Backend.Keeps() {
		c.Records = []mpi.Record{record("1", 5)}
	}
	apply(t, f.Backend, c)
	before, err := f.Backend.Changes(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := f.Reopen()
	wantRetired(t, s, c.Retired[0])
	if n := len(collect(t, s.Events(ctx, 0))); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := len(collect(t, s.Reviews(ctx, mpi.ReviewOpen, 0))); n != 1 {
		t.Errorf("%d reviews", n)
	}
	if after, err := s.Changes(ctx, 0); err != nil || after.Seq != before.Seq {
		t.Errorf("%v: changes up to %d, before %d", err, after.Seq, before.Seq)
	}
	if s.Keeps() {
		found, _, err := s.Blocked(ctx, []uint64{5}, 0)
		if err != nil || len(found) != 1 {
			t.Errorf("%v, %d records", err, len(found))
		}
	}
}
