package merge

import (
	"concord/fhir"
)

// Rule says, for the copies of one resource type, which of them record one event. It is pure and total, and passes
// the properties of this package's tests: Compare is symmetric, and two copies that it calls Same share a key.
type Rule interface {
	// Name is the rule's name in explanations, such as "Observation:code+time+value"; no PHI.
	Name() string
	// Read reads once what Compare needs of a copy. A copy without keys is never merged.
	Read(c Copy) Facts
	// Compare says what two copies of different sources are to each other. It is asked only for copies that share a
	// key.
	Compare(a, b *Facts) Verdict
}

// Key is a digest of what copies of one event have in common. Equal keys make copies candidates, and no more.
type Key uint64

// Facts are what a rule reads of one copy. PHI.
type Facts struct {
	Copy
	LocalID string
	// Keys are those under which the copy is found and looks for others.
	Keys []Key
	// Seek are further keys under which the copy looks for others, and is not found: a result at 10:32 looks for one
	// that has only the day, without being compared with all others of the day.
	Seek []Key
	// Codes are the digests of the codes that tell what the event is, by the rule's own reading.
	Codes []Key
	// When is the time of the event; the zero Date when there is none.
	When fhir.Date
}

// Relation is what two copies are to each other. The zero value is Distinct.
type Relation uint8

// The relations. Same at several strengths: the strongest are joined first.
const (
	Distinct Relation = iota
	Conflict          // one event, told in ways that exclude each other
	Loosely           // the same, if neither has another candidate
	Nearly            // the same within the rule's tolerance
	Exactly           // the same
)

// Verdict is the answer of Compare.
type Verdict struct {
	Relation Relation
	In       ConflictCode // in what they disagree; only with Conflict
}

// Default is a rule for each resource type that copies can be merged of; others are never merged.
func Default() map[fhir.ResourceType]Rule {
	out := map[fhir.ResourceType]Rule{}
	for t, r := range exactRules() {
		out[t] = r
	}
	return out
}
