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
	ConflictStatus   ConflictCode = "status"   // active against stopped, done against not done
	ConflictNegation ConflictCode = "negation" // refuted, entered in error or not known against asserted
	ConflictDose     ConflictCode = "dose"     // dosage, route or frequency
	ConflictSite     ConflictCode = "site"     // laterality or body site
)

// Entry is one event of the merged record.
type Entry struct {
	// Survivor is the copy whose bytes stand for the event.
	Survivor Copy
	// Copies are all copies of the event, the survivor included, sorted by source and id.
	Copies []Copy
	// Add are elements that the survivor lacks and another copy has; their values are that copy's bytes.
	Add []Addition
	// Conflicts are sorted; empty when no other entry disagrees with this one.
	Conflicts []ConflictCode
	// Rule names the rule that joined the copies, such as "Observation:code+time+value"; "" for a single copy.
	Rule string
}

// Addition is one element taken over from another copy.
type Addition struct {
	From  concord.SourceID
	Value fhir.Value // a member of that copy: Value.Name is the element's name
}

// Record is a merged record: each input copy is in the Copies of exactly one entry. Entries are in a defined order,
// by type, then by survivor.
type Record struct {
	Entries []Entry
}
