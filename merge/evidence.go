package merge

// Evidence is a set of things that two copies agree in.
type Evidence uint64

// The kinds of evidence, in the order in which they are told.
const (
	byIdentifier Evidence = 1 << iota
	byOrigin
	byCode
	byText
	byTime
	byDay
	byRecorded
	byValue
	byComponent
	byDose
	byStatus
	byCategory
	byClass
	bySite
	byMethod
	byLot
	byRequester
	byPerformer
	byProvider
	byEncounter
	byResults
	byAttachment
	byContent
	byPeriod
	byMember
	byPayor
	byRelationship
	byName
	byAddress
	byBirthDate
	byGender
	byTelecom
	byType
)

// evidenceNames are the names of the kinds, in their order.
var evidenceNames = [...]string{"identifier", "origin", "code", "text", "time", "day", "recorded", "value", "component", "dose", "status",
	"category", "class", "site", "method", "lot", "requester", "performer", "provider", "encounter", "results", "attachment", "content",
	"period", "member", "payor", "relationship", "name", "address", "birth-date", "gender", "telecom", "type"}

// Names are what the set holds, from a closed set of words such as "code" and "time"; no PHI.
func (e Evidence) Names() []string {
	var out []string
	for i, n := range evidenceNames {
		if e&(1<<i) != 0 {
			out = append(out, n)
		}
	}
	return out
}

// Why tells on what copies were joined, as it was found while joining them. No PHI.
type Why struct {
	// Strength is "exactly", "nearly" within the rule's tolerances, or "loosely" where neither had another candidate. It is
	// the weakest between any two of the copies.
	Strength string
	// Agreed is what every two of the copies say alike, such as "code", "time", "value".
	Agreed Evidence
	// Some is what at least two of them say alike beyond that; the others do not say it.
	Some Evidence
	// Pairs tell it of every two copies; empty when all say alike the same things, as Agreed has it.
	Pairs []Pair
	// of is how many copies there were, to which Pairs refer.
	of int
}

// Pair is what two copies of an entry are to each other. No PHI.
type Pair struct {
	// Agreed is what both say alike; empty for two that can't be compared, such as words here and a code there, for which
	// the other copies stand.
	Agreed Evidence
	// A and B are their places in the entry's Copies as it was merged.
	A, B uint16
	// Relation is Loosely, Nearly or Exactly.
	Relation Relation
}

var strengths = [...]string{Distinct: "", Conflict: "", Loosely: "loosely", Nearly: "nearly", Exactly: "exactly"}
