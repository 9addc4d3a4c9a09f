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
	Frozen    Why = "frozen"    // its record looks like another human's all at once, and nobody has looked yet
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
// smaller if they are as old; the other id leads to it from then on. Links that somebody made are kept as they are.
// Candidates that are not linked are queued for somebody to look at, unless somebody has decided or they contradict.
// Errors are the store's.
func (x *Index) Attach(ctx context.Context, id PersonID, candidates []Candidate) (Attachment, error) {
	return retry(ctx, "mpi attach", func() (Attachment, error) {
		p, err := x.Person(ctx, id)
		if err != nil {
			return Attachment{}, err
		}
		j := joining{x: x, whole: p, candidates: candidates}
		for _, c := range j.certain() {
			other, err := x.owner(ctx, c.Ref())
			if err != nil {
				return Attachment{}, err
			}
			j.take(c, other)
		}
		if err := j.queue(ctx); err != nil {
			return Attachment{}, err
		}
		if !j.changed && len(j.change.Queue) == 0 {
			return Attachment{Person: p, Left: j.left}, nil
		}
		if j.changed {
			j.finish()
		}
		j.change.Events = append(j.change.Events, j.pending.Events...)
		done, err := x.apply(ctx, j.change)
		if err != nil {
			return Attachment{}, err
		}
		if j.changed {
			p = done[0]
		}
		return Attachment{Person: p, Left: j.left}, nil
	})
}

// joining is an Attach under way.
type joining struct {
	x          *Index
	candidates []Candidate
	whole      Person   // what the person becomes
	absorbed   []Person // who becomes a part of it, or lends it the id
	left       []Left
	changed    bool
	change     Change
	pending    Change // events that have their person already
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
	mine, known := j.whole.link(c.Ref())
	theirs, _ := other.link(c.Ref())
	_, taken := j.whole.at(c.Ref().Source)
	switch {
	case mine.Frozen || theirs.Frozen:
		j.left = append(j.left, Left{c.Ref(), Frozen})
	case !theirs.ReplacedBy.IsZero(): // the source still tells of one that it has merged into another
	case known:
		if mine.Grade != Certain && !mine.Manual {
			j.add(c, link)
		}
	case taken:
		j.left = append(j.left, Left{c.Ref(), Taken})
	case j.whole.rejects(c.Ref()):
		j.left = append(j.left, Left{c.Ref(), Refused})
	case len(other.Links) == 0:
		j.add(c, link)
	case j.whole.rejects(other.refs()...) || other.rejects(j.whole.refs()...):
		j.left = append(j.left, Left{c.Ref(), Refused})
	case !j.joins(other):
		j.left = append(j.left, Left{c.Ref(), Elsewhere})
	default:
		j.join(c, other, link)
	}
}

// add gives the person the link.
func (j *joining) add(c Candidate, link Link) {
	j.whole, j.changed = j.whole.with(link), true
	j.change.Events = append(j.change.Events, Event{Kind: EventLinked, Refs: []concord.PatientRef{link.Ref}, Rule: link.Rule})
	j.x.keep(&j.change, c.Demographics)
}

// joins tells whether other can become one with the person: one patient that matches must not bring in others that don't.
func (j *joining) joins(other Person) bool {
	return !other.frozen() && !j.whole.frozen() && !slices.ContainsFunc(other.Links, func(l Link) bool {
		if !l.ReplacedBy.IsZero() {
			return false
		}
		_, common := j.whole.at(l.Ref.Source)
		return common || !slices.ContainsFunc(j.candidates, func(c Candidate) bool {
			return c.Ref() == l.Ref && c.Decision.Grade > 0 && !c.Decision.Contradicts
		})
	})
}

// join makes other a part of the person. The link that joins them says why; other's further links stay as they are.
func (j *joining) join(c Candidate, other Person, by Link) {
	for i, l := range other.Links {
		if l.Ref == by.Ref && !l.Manual {
			other.Links[i] = by
		}
	}
	gone := unite(&j.whole, other)
	j.absorbed = append(j.absorbed, gone)
	j.change.Events = append(j.change.Events, Event{Kind: EventJoined, Former: gone.ID, Refs: other.refs(), Rule: by.Rule})
	j.x.keep(&j.change, c.Demographics)
	j.changed = true
}

// unite gives whole all that other has, and the id of the older of the two. gone is whose id names nobody from now on.
func unite(whole *Person, other Person) (gone Person) {
	for _, l := range other.Links {
		*whole = whole.with(l)
	}
	whole.Rejected = append(whole.Rejected, other.Rejected...)
	for s, at := range other.Absent {
		if _, linked := whole.at(s); !linked && whole.Absent[s].Before(at) {
			if whole.Absent == nil {
				whole.Absent = map[concord.SourceID]time.Time{}
			}
			whole.Absent[s] = at
		}
	}
	gone = Person{ID: other.ID, Version: other.Version}
	if other.Created.Before(whole.Created) || other.Created.Equal(whole.Created) && other.ID < whole.ID {
		gone = Person{ID: whole.ID, Version: whole.Version}
		whole.ID, whole.Version, whole.Created = other.ID, other.Version, other.Created
	}
	return gone
}

// finish makes the change of what was joined.
func (j *joining) finish() {
	j.change.Persons = append([]Person{j.whole}, j.absorbed...)
	for _, gone := range j.absorbed {
		j.change.Retired = append(j.change.Retired, Retired{ID: gone.ID, Into: []PersonID{j.whole.ID}})
	}
	events := j.change.Events
	j.change.Events = nil
	for _, e := range events {
		e.Person = j.whole.ID
		j.x.tell(&j.change, e)
	}
}

// queue has somebody look at whoever may be the person and is not linked, unless that pair is known.
func (j *joining) queue(ctx context.Context) error {
	self := j.whole.spokesman()
	for _, c := range j.candidates {
		ref := c.Ref()
		if c.Decision.Grade == 0 || c.Decision.Contradicts || !IsPatient(ref) || !IsPatient(self) || j.whole.owns(ref) || j.whole.rejects(ref) ||
			slices.ContainsFunc(j.left, func(l Left) bool { return l.Ref == ref && l.Why == Refused }) {
			continue
		}
		_, err := j.x.store.Pair(ctx, self, ref)
		if err == nil {
			continue
		}
		if !errors.Is(err, concord.NotFound) {
			return err
		}
		j.x.tell(&j.pending, Event{Kind: EventQueued, Refs: []concord.PatientRef{self, ref}, Rule: c.Decision.Rule})
		j.x.keep(&j.change, c.Demographics) // whoever looks has to see it
		j.change.Queue = append(j.change.Queue, Review{A: self, B: ref, Reason: ReasonMatch, Decision: c.Decision, Queued: time.Now()})
	}
	return nil
}
