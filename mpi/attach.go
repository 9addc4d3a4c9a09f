package mpi

import (
	"context"
	"errors"
	"slices"
	"time"

	"concord"
)

// Why says why a certain candidate was not linked, from a closed set.
type Why string

// The reasons.
const (
	Ambiguous Why = "ambiguous" // several patients of its source are certain, and at most one can be
	Taken     Why = "taken"     // the person has another patient of its source
	Refused   Why = "refused"   // somebody decided that the two are not one person
	Elsewhere Why = "elsewhere" // it belongs to a person with whom this one can't be joined
)

// Left is a certain candidate that was not linked.
type Left struct {
	Ref concord.PatientRef
	Why Why
}

// Attachment is what Attach made.
type Attachment struct {
	Person Person // with the new links; its id is another one when an older person joined
	Left   []Left // by source and id
}

// Attach links the certain candidates to the person, at most one of each source, and none of a source of which several
// are certain. One that is a person of its own already brings that person along if the two have no source in common,
// nobody has decided against it, and each of that person's patients is among the candidates and contradicts nothing: so
// give all candidates, of whatever grade. Of persons that become one the older keeps its id, or the one whose id is the
// smaller if they are as old; the other id is NotFound from then on. Links that somebody made are kept as they are.
// Errors are the store's.
func (x *Index) Attach(ctx context.Context, id PersonID, candidates []Candidate) (Attachment, error) {
	return retry(ctx, "mpi attach", func() (Attachment, error) {
		p, err := x.store.Person(ctx, id)
		if err != nil {
			return Attachment{}, err
		}
		j := joining{whole: p, candidates: candidates}
		for _, c := range j.certain() {
			other, err := x.store.ByRef(ctx, c.Ref())
			if err != nil && !errors.Is(err, concord.NotFound) {
				return Attachment{}, err
			}
			j.take(c, other)
		}
		if !j.changed {
			return Attachment{Person: p, Left: j.left}, nil
		}
		done, err := x.store.PutAll(ctx, j.persons()...)
		if err != nil {
			return Attachment{}, err
		}
		return Attachment{Person: done[0], Left: j.left}, nil
	})
}

// joining is an Attach under way.
type joining struct {
	candidates []Candidate
	whole      Person   // what the person becomes
	absorbed   []Person // who becomes a part of it, or lends it the id
	left       []Left
	changed    bool
}

// certain is each certain candidate that is alone so in its source, by source and id; the others are left.
func (j *joining) certain() []Candidate {
	var all []Candidate
	for _, c := range j.candidates {
		known := func(o Candidate) bool { return o.Ref() == c.Ref() }
		if c.Decision.Grade == Certain && IsPatient(c.Ref()) && !slices.ContainsFunc(all, known) {
			all = append(all, c)
		}
	}
	slices.SortFunc(all, func(a, b Candidate) int { return CompareRefs(a.Ref(), b.Ref()) })
	var single []Candidate
	for i, c := range all {
		alone := (i == 0 || all[i-1].Ref().Source != c.Ref().Source) && (i == len(all)-1 || all[i+1].Ref().Source != c.Ref().Source)
		if l, taken := j.whole.at(c.Ref().Source); alone || taken && l.Ref == c.Ref() {
			single = append(single, c)
		} else {
			j.left = append(j.left, Left{c.Ref(), Ambiguous})
		}
	}
	return single
}

// take links c, which other belongs to; other is the zero Person when nobody does.
func (j *joining) take(c Candidate, other Person) {
	link := Link{Ref: c.Ref(), Grade: Certain, Score: c.Decision.Score, Rule: c.Decision.Rule}
	had, taken := j.whole.at(c.Ref().Source)
	switch {
	case taken && had.Ref == c.Ref():
		if had.Grade != Certain && !had.Manual {
			j.whole, j.changed = j.whole.with(link), true
		}
	case taken:
		j.left = append(j.left, Left{c.Ref(), Taken})
	case j.whole.rejects(c.Ref()):
		j.left = append(j.left, Left{c.Ref(), Refused})
	case len(other.Links) == 0:
		j.whole, j.changed = j.whole.with(link), true
	case j.whole.rejects(other.refs()...) || other.rejects(j.whole.refs()...):
		j.left = append(j.left, Left{c.Ref(), Refused})
	case !j.joins(other):
		j.left = append(j.left, Left{c.Ref(), Elsewhere})
	default:
		j.join(other, link)
	}
}

// joins tells whether other can become one with the person: one patient that matches must not bring in others that don't.
func (j *joining) joins(other Person) bool {
	return !slices.ContainsFunc(other.Links, func(l Link) bool {
		_, common := j.whole.at(l.Ref.Source)
		return common || !slices.ContainsFunc(j.candidates, func(c Candidate) bool {
			return c.Ref() == l.Ref && c.Decision.Grade > 0 && !c.Decision.Contradicts
		})
	})
}

// join makes other a part of the person. The link that joins them says why; other's further links stay as they are.
func (j *joining) join(other Person, by Link) {
	for _, l := range other.Links {
		if l.Ref == by.Ref && !l.Manual {
			l = by
		}
		j.whole = j.whole.with(l)
	}
	j.whole.Rejected = append(j.whole.Rejected, other.Rejected...)
	for s, at := range other.Absent {
		if _, linked := j.whole.at(s); !linked && j.whole.Absent[s].Before(at) {
			if j.whole.Absent == nil {
				j.whole.Absent = map[concord.SourceID]time.Time{}
			}
			j.whole.Absent[s] = at
		}
	}
	older := other.Created.Before(j.whole.Created) || other.Created.Equal(j.whole.Created) && other.ID < j.whole.ID
	gone := other
	if older {
		gone = Person{ID: j.whole.ID, Version: j.whole.Version}
		j.whole.ID, j.whole.Version, j.whole.Created = other.ID, other.Version, other.Created
	}
	gone.Links = nil
	j.absorbed = append(j.absorbed, gone)
	j.changed = true
}

// persons are what the store has to put: the person, and those that are one with it now and go.
func (j *joining) persons() []Person { return append([]Person{j.whole}, j.absorbed...) }
