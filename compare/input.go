package compare

import (
	"slices"
	"strings"

	"concord"
	"concord/fhir"
	"concord/merge"
)

// Input is what a comparison is made of. PHI.
type Input struct {
	// Patient is the person's id at the gateway.
	Patient string
	// Entries are the merged record as the caller may see it, the person's own entry (merge.Unify) included. Entries of
	// types without an Answer are not compared; references are looked up among all of them.
	Entries []merge.Entry
	// Answers say of each source and type whether the record is whole; a type without any was not asked for.
	Answers []Answer
	// Options are the operation's parameters, checked: Sources names what is compared.
	Options Options
	// Name is the id under which the gateway serves a copy; nil for {source}.{id}.
	Name func(merge.Copy) string
}

// Answer is what became of asking one source for one type. It holds no PHI.
type Answer struct {
	Source concord.SourceID
	Type   fhir.ResourceType
	// Reason is why the answer is not whole; "" for one that is. A source that does not know the person has answered in
	// full.
	Reason Reason
}

// Refusal decides whether there can be a comparison: the answers for want of which it would have to guess, sorted by
// source and type; none when it may go on. With Options.Partial it always may, and the Report says what it could not
// know. A type that a source does not have, or of which the caller may see only a part, refuses nothing.
func Refusal(answers []Answer, o Options) []Gap {
	if o.Partial {
		return nil
	}
	return slices.DeleteFunc(gaps(answers, o.Sources), func(g Gap) bool { return g.Reason.standing() })
}

// gaps are the answers of these sources that are not whole, sorted, one for each source and type.
func gaps(answers []Answer, sources []concord.SourceID) []Gap {
	out := []Gap{}
	for _, a := range answers {
		if a.Reason != "" && slices.Contains(sources, a.Source) {
			out = append(out, Gap(a))
		}
	}
	slices.SortFunc(out, compareGaps)
	return slices.CompactFunc(out, func(a, b Gap) bool { return a.Source == b.Source && a.Type == b.Type })
}

func compareGaps(a, b Gap) int {
	if n := strings.Compare(string(a.Source), string(b.Source)); n != 0 {
		return n
	}
	if n := rankOfType(a.Type) - rankOfType(b.Type); n != 0 {
		return n
	}
	if n := strings.Compare(string(a.Type), string(b.Type)); n != 0 {
		return n
	}
	return strings.Compare(string(a.Reason), string(b.Reason))
}

// rankOfType is where a type stands among Types; unknown ones come last.
func rankOfType(t fhir.ResourceType) int {
	all := Types()
	if i := slices.Index(all, t); i >= 0 {
		return i
	}
	return len(all)
}
