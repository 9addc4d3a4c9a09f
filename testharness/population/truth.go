package population

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"concord"
)

// Copy names one resource at one source.
type Copy struct {
	Source concord.SourceID `json:"source"`
	Type   string           `json:"type"`
	ID     string           `json:"id"`
}

// String is source/type/id.
func (c Copy) String() string { return string(c.Source) + "/" + c.Type + "/" + c.ID }

func compareCopies(a, b Copy) int {
	if n := strings.Compare(string(a.Source), string(b.Source)); n != 0 {
		return n
	}
	if n := strings.Compare(a.Type, b.Type); n != 0 {
		return n
	}
	return strings.Compare(a.ID, b.ID)
}

// PersonKey names one human.
type PersonKey string

// EventKey names one thing that happened, is so, or exists. It begins with the person's key, or with "shared".
type EventKey string

// Person is whose event it is, or "" for what is shared, such as a Practitioner.
func (k EventKey) Person() PersonKey {
	p, _, _ := strings.Cut(string(k), "/")
	if p == shared {
		return ""
	}
	return PersonKey(p)
}

const shared = "shared"

// ConflictKind says what the copies disagree about.
type ConflictKind string

// The kinds of planted conflict.
const (
	ConflictValue    ConflictKind = "value"    // an Observation's value
	ConflictDose     ConflictKind = "dose"     // a MedicationRequest's dose
	ConflictStatus   ConflictKind = "status"   // a MedicationRequest active here and stopped there
	ConflictNegation ConflictKind = "negation" // done and not done, confirmed and refuted
)

// Conflict is one event that sources tell differently. Copies of one side agree; copies of different sides must not be
// merged silently.
type Conflict struct {
	Event EventKey     `json:"event"`
	Kind  ConflictKind `json:"kind"`
	Sides [][]Copy     `json:"sides"`
}

// Truth is what a gateway should find out.
type Truth struct {
	// Person has every Patient copy.
	Person map[Copy]PersonKey
	// Event has every other copy.
	Event map[Copy]EventKey
	// Alike has every event: two events of one person with the same value say the same, ids and references aside, and
	// then which copy belongs to which is nobody's to tell.
	Alike map[EventKey]string
	// Conflicts are the planted ones, in the order of their events.
	Conflicts []Conflict
}

// Copies lists the copies of each event, in order.
func (t *Truth) Copies() map[EventKey][]Copy { return invert(t.Event) }

// Patients lists the Patient copies of each person, in order.
func (t *Truth) Patients() map[PersonKey][]Copy { return invert(t.Person) }

func invert[K comparable](m map[Copy]K) map[K][]Copy {
	out := map[K][]Copy{}
	for c, k := range m {
		out[k] = append(out[k], c)
	}
	for _, cs := range out {
		slices.SortFunc(cs, compareCopies)
	}
	return out
}

// apart tells whether a conflict says that two copies of one event must not be one entry.
func (t *Truth) apart() map[[2]Copy]bool {
	out := map[[2]Copy]bool{}
	for _, c := range t.Conflicts {
		for i, side := range c.Sides {
			for j, other := range c.Sides {
				if i == j {
					continue
				}
				for _, a := range side {
					for _, b := range other {
						out[[2]Copy{a, b}] = true
					}
				}
			}
		}
	}
	return out
}

// WriteTruth writes t as JSON, in a fixed order.
func (t *Truth) WriteTruth(w io.Writer) error {
	type row struct {
		Copy
		Key string `json:"key"`
	}
	rows := func(n int, each func(func(Copy, string))) []row {
		out := make([]row, 0, n)
		each(func(c Copy, k string) { out = append(out, row{c, k}) })
		slices.SortFunc(out, func(a, b row) int { return compareCopies(a.Copy, b.Copy) })
		return out
	}
	e := json.NewEncoder(w)
	e.SetIndent("", " ")
	return e.Encode(struct {
		Persons   []row               `json:"persons"`
		Events    []row               `json:"events"`
		Alike     map[EventKey]string `json:"alike"`
		Conflicts []Conflict          `json:"conflicts"`
	}{
		rows(len(t.Person), func(f func(Copy, string)) {
			for c, k := range t.Person {
				f(c, string(k))
			}
		}),
		rows(len(t.Event), func(f func(Copy, string)) {
			for c, k := range t.Event {
				f(c, string(k))
			}
		}),
		t.Alike, t.Conflicts,
	})
}
