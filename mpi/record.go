package mpi

import (
	"context"
	"iter"
	"slices"

	"concord"
)

// Record is what is kept of a source's patient for matching and review. PHI throughout.
type Record struct {
	Demographics Demographics
	// Keys are the blocking keys: patients that have none in common are never compared. Digests of them are kept so that
	// they can be looked up.
	Keys []uint64
}

// Clone is a copy of r that shares nothing with it.
func (r Record) Clone() Record {
	return Record{Demographics: r.Demographics.Clone(), Keys: slices.Clone(r.Keys)}
}

// Canonical is r as every store keeps it, in a copy: keys sorted and once, empty lists nil. Invalid when it is nobody's.
func (r Record) Canonical() (Record, error) {
	if !IsPatient(r.Demographics.Ref) {
		return Record{}, &concord.Fault{Op: "mpi record", Kind: concord.Invalid}
	}
	r = r.Clone()
	slices.Sort(r.Keys)
	r.Keys = slices.Compact(r.Keys)
	if len(r.Keys) == 0 {
		r.Keys = nil
	}
	return r, nil
}

// Clone is a copy of d that shares nothing with it; empty lists are nil.
func (d Demographics) Clone() Demographics {
	d.Names = own(d.Names)
	for i := range d.Names {
		d.Names[i].Given, d.Names[i].Suffix = own(d.Names[i].Given), own(d.Names[i].Suffix)
	}
	d.Addresses = own(d.Addresses)
	for i := range d.Addresses {
		d.Addresses[i].Lines = own(d.Addresses[i].Lines)
	}
	d.Phones, d.Emails, d.Identifiers = own(d.Phones), own(d.Emails), own(d.Identifiers)
	return d
}

// own is a copy of s, nil when it is empty.
func own[T any](s []T) []T { return append([]T(nil), s...) }

// Records are the sources' patients as they were last seen. Its errors are those of Store, and Unsupported for all but
// Keeps when the store keeps none.
type Records interface {
	// Keeps tells whether demographics are kept at all: a store without a key to encrypt them keeps none.
	Keeps() bool
	// Record is what is kept of ref; NotFound.
	Record(ctx context.Context, ref concord.PatientRef) (Record, error)
	// Blocked are the records that have one of the keys, ordered by ref. A key that more than most records have is passed
	// over, and counted in over; most 0 passes over none.
	Blocked(ctx context.Context, keys []uint64, most int) (found []Record, over int, err error)
	// Records are all, in an order of the store's own; after a record that was in it, it goes on behind that one. The
	// zero ref is the beginning. It ends with the first error.
	Records(ctx context.Context, after concord.PatientRef) iter.Seq2[Record, error]
}
