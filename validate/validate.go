package validate

import (
	"strconv"
	"strings"

	"concord/fhir"
)

// Options say what to hold a resource against beyond R4 itself. The zero value is fit for use.
type Options struct {
	// Profile is the canonical URL of a profile, with or without |version; "" for those that meta.profile claims alone.
	// Without a version, the earliest of US Core that is known here, 6.1.0, is meant.
	Profile string
	// Issues bounds how many issues are told; 0 means DefaultIssues. At least half of them are kept for errors.
	Issues int
}

// DefaultIssues is how many issues a report has at most, unless Options say otherwise, beside those of what was not
// looked at.
const DefaultIssues = 200

// Resource validates a resource, and each one within it, against R4 and the profiles that it claims or that o names.
// It does not fail: what it can't do is an issue. Its time is linear in the size of the resource.
func Resource(r fhir.Resource, o Options) Report {
	x := &run{limit: o.Issues}
	if x.limit <= 0 {
		x.limit = DefaultIssues
	}
	x.resource(r.Value, nil, o.Profile)
	x.unchecked()
	return Report{Issues: x.issues, Truncated: x.full}
}

// run is one validation under way.
type run struct {
	limit    int
	issues   []Issue
	warnings int
	muted    int  // warnings that were not told
	full     bool // there was one issue too many: nothing more is looked for
	path     []step
	in       *scope // of the resource that is being looked at
	by       string // URL of the profile that is being applied

	skippedKeys  [(len(constraints) + 64) / 64]uint64 // invariants that apply and can't be evaluated
	skippedSets  [(len(valueSets) + 64) / 64]uint64   // value sets that apply and whose codes are not known
	skippedBases [(len(profiles) + 64) / 64]uint64    // profiles whose base is not known
}

// step is one part of a path. Its name comes from the tables, never from the resource.
type step struct {
	name  string
	index int // -1 for none
}

// scope is a resource that others may be contained in.
type scope struct {
	v         fhir.Value
	shape     *shape
	contained map[string]*shape // shapes of the contained resources by id; nil until asked for
	local     map[string]bool   // strings that begin with "#", without it; nil until asked for
}

func (x *run) enter(name string, index int) { x.path = append(x.path, step{name, index}) }
func (x *run) leave()                       { x.path = x.path[:len(x.path)-1] }

// expression is the path, and child below it if it is not "".
func (x *run) expression(child string) string {
	var b strings.Builder
	for i, s := range x.path {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(s.name)
		if s.index >= 0 {
			b.WriteString("[" + strconv.Itoa(s.index) + "]")
		}
	}
	if child != "" {
		b.WriteString("." + child)
	}
	return b.String()
}

// fault reports an error at the path.
func (x *run) fault(code Code, text string) { x.report(SeverityError, code, "", text) }

// report reports an issue at the path, or at child below it.
func (x *run) report(s Severity, code Code, child, text string) {
	if x.full {
		return
	}
	if s != SeverityError && x.warnings >= x.limit/2 {
		x.muted++ // the rest is kept for errors
		return
	}
	if len(x.issues) == x.limit {
		x.full = true
		x.issues = append(x.issues, Issue{Severity: SeverityError, Code: CodeTooCostly,
			Text: "there are more issues than are told; what comes behind was not looked at"})
		return
	}
	if s != SeverityError {
		x.warnings++
	}
	x.issues = append(x.issues, Issue{Severity: s, Code: code, Expression: x.expression(child), Text: text})
}

// resource validates a resource in its place. outer is the scope of the one that contains it, nil for none; profile is one
// to hold it against beside those it claims.
func (x *run) resource(v fhir.Value, outer *scope, profile string) {
	name := v.Get("resourceType")
	s := shapeNamed(name.Text())
	if !name.IsString() || s == nil || !s.resource {
		if len(x.path) == 0 {
			x.enter("Resource", -1)
			defer x.leave()
		}
		switch {
		case !v.IsObject():
			x.fault(CodeStructure, "this must be a resource, an object")
		case !name.Exists():
			x.report(SeverityError, CodeRequired, "resourceType", "a resource must have a resourceType")
		default:
			x.fault(CodeStructure, "resourceType is no resource type of R4")
		}
		return
	}
	if len(x.path) == 0 {
		x.enter(s.name, -1)
		defer x.leave()
	}
	was := x.in
	if outer == nil {
		x.in = &scope{v: v, shape: s}
	}
	x.object(v, s)
	x.claims(v, s, profile)
	x.in = was
}

// unchecked says what was not told, and what was not looked at.
func (x *run) unchecked() {
	if x.muted > 0 {
		x.issues = append(x.issues, Issue{Severity: SeverityInformation, Code: CodeInformational, Text: "further warnings that are not told: " + strconv.Itoa(x.muted)})
	}
	var keys, sets, bases []string
	for i := range constraints {
		if x.skippedKeys[i/64]&(1<<(i%64)) != 0 {
			keys = append(keys, constraints[i].key)
		}
	}
	for i := range valueSets {
		if x.skippedSets[i/64]&(1<<(i%64)) != 0 {
			sets = append(sets, valueSets[i].url)
		}
	}
	for i := range profiles {
		if x.skippedBases[i/64]&(1<<(i%64)) != 0 {
			bases = append(bases, profiles[i].missing)
		}
	}
	for _, m := range []struct {
		what string
		list []string
	}{
		{"invariants that apply and were not evaluated: ", keys},
		{"required value sets that apply, whose codes are not known here, and that were not checked: ", sets},
		{"profiles that a profile builds on, that are not known here, and that were not applied: ", bases},
	} {
		if len(m.list) > 0 {
			x.issues = append(x.issues, Issue{Severity: SeverityInformation, Code: CodeInformational, Text: m.what + strings.Join(m.list, ", ")})
		}
	}
}
