package validate

import (
	"strconv"
	"strings"

	"concord/fhir"
)

const hl7Structures = "http://hl7.org/fhir/StructureDefinition/"

// profile is what a StructureDefinition, and those that it builds on, say beyond R4.
type profile struct {
	url, version string
	typ          string // the shape that it constrains
	missing      string // a profile that it builds on and that is not known here
	constraints  []uint16
	rules        []rule
}

// rule is what a profile says of one element.
type rule struct {
	at          string   // the element's name
	only        string   // of a choice, the names that are allowed, each between two bars; "" for all
	min         int      // how many there must be
	max         int      // one more than how many there may be; 0 when it is not said
	want        *pattern // what each value must have; nil for nothing
	set         uint16   // value set that each must be of, from 1
	targets     uint16   // resource types that references may go to, from 1
	profile     uint16   // profile of an extension, from 1
	constraints []uint16
	rules       []rule
	slices      []slice
}

// slice is a rule for those values of an element that match.
type slice struct {
	name  string
	match []match // all of which must be so
	rule  rule
}

// match is one way to tell the values of a slice.
type match struct {
	path string   // where to look within the value; "" for itself
	only string   // the names that it may stand under
	want *pattern // what is there
	set  uint16   // the value set that a coding of it is of, from 1
}

// pattern is a string, or some members of an object and patterns of them.
type pattern struct {
	at  string // the member
	is  string // the string, when all is empty
	all []pattern
}

// in tells whether v has the pattern.
func (p *pattern) in(v fhir.Value) bool {
	if len(p.all) == 0 {
		return v.Is(p.is)
	}
	for i := range p.all {
		found := false
		for item := range v.Get(p.all[i].at).Items() {
			if p.all[i].in(item) {
				found = true
				break
			}
		}
		if !found {
			return false
		}
	}
	return true
}

// claims holds a resource against the profiles that it claims, each once, and against one more.
func (x *run) claims(v fhir.Value, s *shape, asked string) {
	var done [(len(profiles) + 63) / 64]uint64
	if asked != "" {
		x.claim(v, s, asked, "", done[:])
	}
	n := 0
	for c := range v.Path("meta", "profile").Items() {
		if x.full {
			return
		}
		if c.IsString() {
			x.claim(v, s, c.Text(), "meta.profile["+strconv.Itoa(n)+"]", done[:])
		}
		n++
	}
}

// claim holds a resource against a profile unless that was done. One that is not known is an issue at child: an error when
// it was asked for, which is when child is "", as what was asked can't be told; else a warning, as the resource may be right.
func (x *run) claim(v fhir.Value, s *shape, canonical, child string, done []uint64) {
	i, typ := profileNamed(canonical)
	general := typ == "Resource" || typ == "DomainResource" && s.base > 0 && s.parent().name == typ
	switch {
	case typ == "":
		severity := SeverityWarning
		if child == "" {
			severity = SeverityError
		}
		x.report(severity, CodeNotFound, child, "this profile, or this version of it, is not known here and was not applied")
	case typ != s.name && !general:
		x.report(SeverityError, CodeStructure, child, "this profile is one of "+typ)
	case i >= 0 && done[i/64]&(1<<(i%64)) == 0:
		done[i/64] |= 1 << (i % 64)
		x.apply(v, s, &profiles[i])
	}
}

// profileNamed is the index of a profile, -1 for R4's own definition of a type, and the type that it is of; "" when it is
// not known.
func profileNamed(canonical string) (int, string) {
	if !strings.HasPrefix(canonical, "http://hl7.org/fhir/") {
		return -1, ""
	}
	url, version, _ := strings.Cut(canonical, "|")
	for i := range profiles {
		if profiles[i].url == url && (version == "" || profiles[i].version == version) {
			return i, profiles[i].typ
		}
	}
	if name, ok := strings.CutPrefix(url, hl7Structures); ok && (version == "" || version == "4.0.1") {
		if s := shapeNamed(name); s != nil && (s.resource || name == "Resource" || name == "DomainResource") {
			return -1, s.name
		}
	}
	return -1, ""
}

// Profiles are the canonical URLs, with versions, of the profiles of a resource type that Options.Profile can name beside
// R4's own definition of it, in no order that means anything.
func Profiles(t fhir.ResourceType) []string {
	var out []string
	for i := range profiles {
		if profiles[i].typ == string(t) {
			out = append(out, profiles[i].url+"|"+profiles[i].version)
		}
	}
	return out
}

// apply holds v, of shape s, against a profile.
func (x *run) apply(v fhir.Value, s *shape, p *profile) {
	if p.missing != "" {
		for i := range profiles {
			if &profiles[i] == p {
				x.skippedBases[i/64] |= 1 << (i % 64)
			}
		}
	}
	was := x.by
	x.by = p.url
	x.constraints(v, s, p.constraints)
	x.rules(v, s, p.rules)
	x.by = was
}

func (x *run) rules(v fhir.Value, s *shape, list []rule) {
	for i := range list {
		x.rule(v, s, &list[i])
	}
}

// rule holds one element of v against r.
func (x *run) rule(v fhir.Value, s *shape, r *rule) {
	if x.full {
		return
	}
	d, value := s.find(r.at), v.Get(r.at)
	if d == nil { // a choice
		value = choice(v, r.at)
		if d = s.find(strings.TrimPrefix(value.Name(), "_")); d == nil {
			x.occurs(0, r, "")
			return
		}
		if strings.HasPrefix(value.Name(), "_") { // it has no value, as far as was seen
			value = v.Get(d.name)
		}
	}
	extra := fhir.Value{}
	if d.kind.extensible() {
		extra = v.Get("_" + d.name)
	}
	n := max(value.Len(), extra.Len())
	x.occurs(n, r, "")
	if r.only != "" && n > 0 && !listed(r.only, d.name) {
		x.report(SeverityError, CodeStructure, r.at, "this is of a type that "+x.by+" does not allow")
		return
	}
	if r.max == 1 {
		return // it may not be there at all, which was said
	}
	counts := make([]int, len(r.slices))
	i := -1
	if value.IsArray() {
		i = 0
	}
	for item := range value.Items() {
		if x.full {
			return
		}
		x.enter(r.at, i)
		x.ruled(item, extra, d, r, counts)
		x.leave()
		if i >= 0 {
			i++
		}
	}
	if !value.Exists() && extra.IsObject() {
		x.enter(r.at, -1)
		x.rules(extra, shapeNamed("Element"), r.rules)
		x.leave()
	}
	for i := range r.slices {
		x.occurs(counts[i], &r.slices[i].rule, r.slices[i].name)
	}
}

// ruled holds one value of an element against r and the slice that it is of.
func (x *run) ruled(item, extra fhir.Value, d *member, r *rule, counts []int) {
	x.value(item, extra, d, r)
	if len(r.slices) == 0 {
		return
	}
	for i := range r.slices {
		if x.of(item, d, r.slices[i].match) {
			counts[i]++
			x.value(item, extra, d, &r.slices[i].rule)
			return
		}
	}
}

// occurs keeps how often an element, or a slice of it, may be there.
func (x *run) occurs(n int, r *rule, name string) {
	if name != "" {
		name = " of the slice " + name
	}
	switch {
	case n < r.min:
		x.report(SeverityError, CodeRequired, r.at, "at least "+strconv.Itoa(r.min)+name+" is required, by "+x.by)
	case r.max > 0 && n >= r.max:
		x.report(SeverityError, CodeStructure, r.at, "at most "+strconv.Itoa(r.max-1)+name+" may be there, by "+x.by)
	}
}

// value holds a value of d against what r says of each.
func (x *run) value(v, extra fhir.Value, d *member, r *rule) {
	s := d.kind.shape()
	if d.kind.primitive() == v.IsObject() || isNull(v) {
		return // of the wrong type, which was said, or without a value
	}
	if r.want != nil && !r.want.in(v) {
		x.fault(CodeValue, "this is not what "+x.by+" has here")
	}
	if r.set > 0 {
		x.bound(v, d.kind, r.set, x.by)
	}
	if r.targets > 0 && d.kind.shape() != nil && s.name == "Reference" {
		x.target(v, r.targets)
	}
	x.constraints(v, s, r.constraints)
	if s == nil {
		v, s = extra, shapeNamed("Element")
	}
	x.rules(v, s, r.rules)
	if r.profile > 0 {
		x.apply(v, s, &profiles[r.profile-1])
	}
}

// of tells whether a value of d matches.
func (x *run) of(v fhir.Value, d *member, all []match) bool {
	for i := range all {
		m := &all[i]
		switch {
		case m.only != "":
			if !listed(m.only, d.name) {
				return false
			}
		case !anyAt(v, m.path, func(w fhir.Value) bool { return m.is(w) }):
			return false
		}
	}
	return len(all) > 0
}

// is tells whether v is what m looks for.
func (m *match) is(v fhir.Value) bool {
	if m.want != nil {
		return m.want.in(v)
	}
	s := &valueSets[m.set-1]
	return anyAt(v, "coding", func(c fhir.Value) bool { return s.has(c.Get("system").Text(), c.Get("code").Text(), true) })
}

// anyAt tells whether ok holds for any value at the path, the names of which are joined by dots; "" is v itself.
func anyAt(v fhir.Value, path string, ok func(fhir.Value) bool) bool {
	if path == "" {
		return ok(v)
	}
	name, rest, _ := strings.Cut(path, ".")
	for item := range v.Get(name).Items() {
		if anyAt(item, rest, ok) {
			return true
		}
	}
	return false
}
