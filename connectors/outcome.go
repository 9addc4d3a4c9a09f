package connectors

import (
	"strings"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// Sense is what an issue of an OperationOutcome means for the answer that it stands in.
type Sense uint8

// The senses. The zero value is Unclear, for which the issue's severity and code decide.
const (
	Unclear    Sense = iota
	Nothing          // nothing to tell, such as Epic's 4101: no results
	Disclaimer       // a standing caution
	Ignored          // a parameter was ignored
	Withheld         // data are withheld
	Cut              // there are more matches than were given, and no way to them
	Lapsed           // the paging session ended: the search starts again
	Required         // a parameter is missing that this source demands
	Merged           // the patient was merged into another
	Failed           // the request failed, with a Kind of its own
)

// Meaning is what a vendor's own code means.
type Meaning struct {
	Sense Sense
	Kind  concord.Kind // for Failed
}

// verdict is what an OperationOutcome comes to.
type verdict struct {
	seen     bool // there was one
	notes    map[federation.NoteCode]bool
	failed   concord.Kind // Unknown: the request did not fail
	own      bool         // failed is by the vendor's own code, which says more than an HTTP status
	cut      bool
	lapsed   bool
	required bool
	merged   bool
}

func (v *verdict) note(n federation.NoteCode) {
	if v.notes == nil {
		v.notes = map[federation.NoteCode]bool{}
	}
	v.notes[n] = true
}

func (v *verdict) fail(k concord.Kind, own bool) {
	if v.failed == concord.Unknown || own && !v.own {
		v.failed, v.own = k, own
	}
}

// judge reads an OperationOutcome into v.
func (r *Rules) judge(v *verdict, outcome fhir.Resource) {
	v.seen = true
	for issue := range outcome.Get("issue").Items() {
		severity, code := issue.Get("severity").Text(), issue.Get("code").Text()
		grave := severity == "error" || severity == "fatal"
		m := r.meaning(issue)
		if grave && m.Sense <= Withheld && m.Sense != Unclear { // it says so itself: no mere remark
			m = Meaning{}
		}
		switch m.Sense {
		case Nothing:
		case Disclaimer:
			v.note(federation.NoteDisclaimer)
		case Ignored:
			v.note(federation.NoteIgnored)
		case Withheld:
			v.note(federation.NoteWithheld)
		case Cut:
			v.cut = true
		case Lapsed:
			v.lapsed = true
			v.fail(concord.Unavailable, true)
		case Required:
			v.required = true
			v.fail(concord.Invalid, true)
		case Merged:
			v.merged = true
			v.fail(concord.Moved, true)
		case Failed:
			v.fail(m.Kind, true)
		default:
			v.remark(severity, code)
		}
		if grave && code == "required" {
			v.required = true
		}
	}
}

// remark takes an issue without a code of the vendor's that we know.
func (v *verdict) remark(severity, code string) {
	switch severity {
	case "error", "fatal":
		v.fail(kindOfIssue(code), false)
	case "information":
		if code == "not-supported" || code == "invalid" || code == "value" {
			v.note(federation.NoteIgnored)
		}
	default: // a warning, or no severity at all
		switch code {
		case "suppressed", "security", "forbidden":
			v.note(federation.NoteWithheld)
		default:
			v.note(federation.NoteOther)
		}
	}
}

// meaning is what the vendor's table has for an issue.
func (r *Rules) meaning(issue fhir.Value) Meaning {
	for c := range issue.Path("details", "coding").Items() {
		if system := c.Get("system").Text(); system != "" && !strings.HasPrefix(system, r.CodeSystem) {
			continue
		}
		if m, ok := r.Codes[c.Get("code").Text()]; ok {
			return m
		}
	}
	return Meaning{}
}
