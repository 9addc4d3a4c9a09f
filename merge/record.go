package merge

import (
	"concord"
	"concord/fhir"
)

// Copy is one source's copy of a resource. PHI.
type Copy struct {
	Source concord.SourceID
	fhir.Resource
}

// Batch is what one source gave, each resource once.
type Batch struct {
	Source    concord.SourceID
	Resources []fhir.Resource
}

// ConflictCode says in what two copies of one event disagree, from a closed set. It is the code of the tag
// urn:concord:conflict.
type ConflictCode string

// The conflicts.
const (
	ConflictValue    ConflictCode = "value"    // a result or measurement
	ConflictStatus   ConflictCode = "status"   // active against stopped, final against corrected
	ConflictNegation ConflictCode = "negation" // refuted, entered in error, not done or not to be done, against asserted
	ConflictDose     ConflictCode = "dose"     // dosage, route or frequency
	ConflictSite     ConflictCode = "site"     // laterality or body site
	ConflictCoding   ConflictCode = "code"     // one code in common, and others that exclude each other
	ConflictNoKnown  ConflictCode = "no-known" // "none known" against one that is

	ConflictBirthDate ConflictCode = "birth-date" // of a person
	ConflictGender    ConflictCode = "gender"     // of a person
	ConflictDeceased  ConflictCode = "deceased"   // of a person
)

// DuplicateCode says why an entry may be the same as another that it was not joined with. It is the code of the tag
// urn:concord:possible-duplicate.
type DuplicateCode string

// The reasons. The zero value is none.
const (
	DuplicateRepeated  DuplicateCode = "repeated"  // a source holds it twice, and so holds the two apart
	DuplicateAmbiguous DuplicateCode = "ambiguous" // it may be the same as either of several
)

// Entry is one event of the merged record.
type Entry struct {
	// Survivor is the copy whose bytes stand for the event.
	Survivor Copy
	// Copies are all copies of the event, the survivor included, sorted by source and id.
	Copies []Copy
	// Add is what the survivor gains from the other copies.
	Add []Addition
	// Conflicts are sorted; empty when no other entry disagrees with this one.
	Conflicts []ConflictCode
	// PossibleDuplicate is other than "" when another entry may be the same event.
	PossibleDuplicate DuplicateCode
	// Rule names the rule that joined the copies, such as "Observation"; "" for a single copy.
	Rule string
	// Why tells on what the copies were joined; zero for a single copy.
	Why Why
	// Others are the entries that this one was not joined with though they tell the same event, or may: those that
	// disagree first, then by source and id; at most MostOthers. Each of them has this one among its own, unless
	// it has too many. A caller that may not see some of the record's entries takes these from here as well.
	Others []Other
}

// MostOthers is how many Others an entry names at most: what a source holds dozens of times is told, and not listed.
const MostOthers = 16

// Other names an entry of the same record and type, by its survivor, and says what it has to do with the one at hand. PHI:
// the id.
type Other struct {
	Source concord.SourceID
	ID     string
	// Conflicts are in what the two disagree, sorted; empty when they don't.
	Conflicts []ConflictCode
	// Duplicate is why the two may be one, "" when they disagree.
	Duplicate DuplicateCode
	// Strength is what they would be if they did not disagree, or may be, as in Why; "" when they are no candidates
	// otherwise, such as an allergy and the statement that there is none.
	Strength string
	// Agreed is what their copies say alike, as far as they were compared.
	Agreed Evidence
}

// Addition is a part of another copy that the survivor gains, byte for byte.
type Addition struct {
	// From and ID name the copy whose it is.
	From concord.SourceID
	ID   string
	// Value is an element of that copy, with its name, or an item of one of its arrays.
	Value fhir.Value
	// Into is the survivor's element that it goes into, such as "code"; "" is the survivor itself.
	Into string
	// Name is "" for an element. For an item it is the array within Into, such as "coding": the items of one Into and Name
	// go behind those that the survivor has there, or make up an array of that name, in their order.
	Name string
}

// Record is a merged record: each input copy is in the Copies of exactly one entry. Entries are in a defined order,
// by type, then by the first of their copies.
type Record struct {
	Entries []Entry
}

// SourcesOf are the sources of an entry, sorted, each once.
func (e Entry) SourcesOf() []concord.SourceID {
	out := make([]concord.SourceID, 0, len(e.Copies))
	for _, c := range e.Copies {
		if len(out) == 0 || out[len(out)-1] != c.Source {
			out = append(out, c.Source)
		}
	}
	return out
}
