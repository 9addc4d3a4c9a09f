package federation

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"concord"
	"concord/fhir"
)

// Status is what became of one ask. The zero value is no status.
type Status uint8

// The statuses.
const (
	OK      Status = iota + 1 // answered in full; a source that does not know the patient has answered in full
	Partial                   // part of the answer is there
	Failed                    // nothing is there
	Skipped                   // not asked: it has no such resources, or its breaker is open
)

// String is ok, partial, failed or skipped.
func (s Status) String() string {
	switch s {
	case OK:
		return "ok"
	case Partial:
		return "partial"
	case Failed:
		return "failed"
	case Skipped:
		return "skipped"
	}
	return "none"
}

// Outcome is what became of asking one source for one type. It holds no PHI.
type Outcome struct {
	Source    concord.SourceID
	Type      fhir.ResourceType
	Status    Status
	Fault     *concord.Fault // why it is not OK; nil when it is, or when Notes say why
	Notes     []NoteCode     // sorted, each once
	Resources int            // copies that it gave and that were kept
	Requests  int
	Began     time.Time // when the source was first asked for it; zero when it was not
	Elapsed   time.Duration
}

// Complete tells whether nothing is missing.
func (o Outcome) Complete() bool { return o.Status == OK }

// sortOutcomes puts outcomes in the order in which they are told: by source, then type.
func sortOutcomes(all []Outcome) {
	slices.SortStableFunc(all, func(a, b Outcome) int {
		return cmp.Or(strings.Compare(string(a.Source), string(b.Source)), strings.Compare(string(a.Type), string(b.Type)))
	})
}

// note adds a code once, and makes an answer partial when the note says that data are missing.
func (o *Outcome) note(c NoteCode) {
	if !slices.Contains(o.Notes, c) {
		o.Notes = append(o.Notes, c)
		slices.Sort(o.Notes)
	}
	if c.Incomplete() && o.Status == OK {
		o.Status = Partial
	}
}

// failed is the outcome of an ask that ended with err, having given n resources.
func (o *Outcome) failed(err error, n int) {
	f := faultOf(o.Source, err)
	o.Fault = f
	switch {
	case n > 0:
		o.Status = Partial
	case f.Kind == concord.Unsupported:
		o.Status = Skipped
	default:
		o.Status = Failed
	}
}
