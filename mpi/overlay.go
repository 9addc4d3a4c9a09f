package mpi

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"concord"
)

// Observe takes note of what a source says of a patient now, and is the patient's person, NotFound when it has none. What
// was kept of the patient is renewed. If name, birth date and sex have all become others since, the record may be another
// human's (an overlay): then its link is frozen, somebody has to look, and what was kept stays, so that the two can be
// compared. A replaced-by of the patient is followed. A store that keeps no demographics has nothing to compare with.
// Errors are the store's.
func (x *Index) Observe(ctx context.Context, d Demographics) (Person, error) {
	if survivor := replacedBy(d); IsPatient(survivor) {
		p, err := x.Replaced(ctx, d.Ref, survivor)
		if !errors.Is(err, concord.NotFound) {
			return p, err
		}
	}
	return retry(ctx, "mpi observe", func() (Person, error) {
		p, err := x.store.ByRef(ctx, d.Ref)
		if err != nil || !x.store.Keeps() {
			return p, err
		}
		was, err := x.store.Record(ctx, d.Ref)
		if err != nil && !errors.Is(err, concord.NotFound) {
			return Person{}, err
		}
		kept := err == nil
		l, _ := p.link(d.Ref)
		var c Change
		switch {
		case kept && l.Frozen, kept && same(was, Record{Demographics: d, Keys: x.keys(d)}):
			return p, nil
		case kept && Overlaid(was.Demographics, d):
			looks := mark(d)
			known, err := x.store.Overlay(ctx, d.Ref, looks)
			if err != nil && !errors.Is(err, concord.NotFound) {
				return Person{}, err
			}
			if err == nil && known.State != ReviewOpen { // somebody has decided about just that
				x.keep(&c, d)
				break
			}
			l.Frozen = true
			c.Persons = []Person{p.with(l)}
			c.Queue = []Review{{A: d.Ref, Reason: ReasonOverlay, Mark: looks, Queued: time.Now()}}
			x.tell(&c, Event{Kind: EventFrozen, Person: p.ID, Refs: []concord.PatientRef{d.Ref}})
			return x.first(ctx, c)
		default:
			x.keep(&c, d)
		}
		_, err = x.apply(ctx, c)
		return p, err
	})
}

// replacedBy is the patient that the source says has replaced d's; the zero ref for what is no relative reference to one.
func replacedBy(d Demographics) concord.PatientRef {
	id, ok := strings.CutPrefix(d.ReplacedBy, "Patient/")
	if !ok || strings.Contains(id, "/") || id == "" || !IsPatient(d.Ref) || id == d.Ref.Reveal() {
		return concord.PatientRef{}
	}
	return concord.NewPatientRef(d.Ref.Source, id)
}

// Overlaid tells whether a record that said was and says now has become another human's by its looks: no name, neither
// the birth date nor the sex is what it was, and each of them was and is stated.
func Overlaid(was, now Demographics) bool {
	before, after := nameParts(was), nameParts(now)
	if len(before) == 0 || len(after) == 0 || was.BirthDate == "" || now.BirthDate == "" || was.Gender == "" || now.Gender == "" {
		return false
	}
	return !slices.ContainsFunc(after, func(s string) bool { return slices.Contains(before, s) }) &&
		!strings.HasPrefix(was.BirthDate, now.BirthDate) && !strings.HasPrefix(now.BirthDate, was.BirthDate) && was.Gender != now.Gender
}

// nameParts are the words of all names, folded.
func nameParts(d Demographics) (out []string) {
	for _, n := range d.Names {
		for _, s := range append([]string{n.Family}, n.Given...) {
			for w := range strings.FieldsFuncSeq(strings.ToLower(s), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsMark(r) }) {
				if len(w) > 1 {
					out = append(out, w)
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// mark tells what d looks like from all else that the record may come to look like.
func mark(d Demographics) string {
	return strings.Join(nameParts(d), " ") + "|" + d.BirthDate + "|" + d.Gender
}

// same tells whether a and b say the same in every respect.
func same(a, b Record) bool {
	a, err := a.Canonical()
	b, other := b.Canonical()
	return err == nil && other == nil && reflect.DeepEqual(a, b)
}
