package fhir

import (
	"slices"
	"sort"
	"strings"
)

// ParamKind is the type of a search parameter, as http://hl7.org/fhir/search-param-type names it.
type ParamKind string

// The kinds of search parameter that can be evaluated here.
const (
	KindToken     ParamKind = "token"
	KindString    ParamKind = "string"
	KindDate      ParamKind = "date"
	KindReference ParamKind = "reference"
	KindQuantity  ParamKind = "quantity"
	KindNumber    ParamKind = "number"
	KindURI       ParamKind = "uri"
)

// form is how the element at the end of a path is read.
type form uint8

const (
	formCode form = iota
	formConcept
	formCoding
	formIdentifier
	formContact
	formBoolean
	formDeceased // Patient.deceased: a value even when it is absent
	formString
	formName
	formAddress
	formText // a CodeableConcept's
	formDate
	formPeriod
	formTiming
	formQuantity
	formMoney
	formRange
	formNumber
	formReference
	formCanonical
	formURI
)

// path leads from a resource to the values of a parameter.
type path struct {
	form    form
	at      string   // names of members with dots between; arrays are passed through
	list    string   // when set, only its items
	member  string   // whose member of this name
	has     string   // is this, and at goes on from them
	systems []string // the code systems that a bare code is of; none: any
}

// param is a search parameter of a type.
type param struct {
	name    string
	kind    ParamKind
	targets []ResourceType // types that a reference may go to; none: any
	patient bool
	paths   []path
}

type typeParams struct {
	typ    string
	params []param
}

// common is the parameters of every type; Resource is their name in the definitions.
const common = "Resource"

// paramsOf is the table of type t, without the common ones; nil when there is none.
func paramsOf(t string) []param {
	i := sort.Search(len(searchParams), func(i int) bool { return searchParams[i].typ >= t })
	if i < len(searchParams) && searchParams[i].typ == t {
		return searchParams[i].params
	}
	return nil
}

// lookup finds the parameter of type t called name; nil when it is unknown.
func lookup(t ResourceType, name string) *param {
	if !KnownType(t) {
		return nil
	}
	table := paramsOf(string(t))
	if strings.HasPrefix(name, "_") {
		table = paramsOf(common)
	}
	i := sort.Search(len(table), func(i int) bool { return table[i].name >= name })
	if i < len(table) && table[i].name == name {
		return &table[i]
	}
	return nil
}

// takes tells whether a reference of the parameter may go to a resource of type t. A type that can't be told may.
func (p *param) takes(t ResourceType) bool {
	return t == "" || len(p.targets) == 0 || slices.Contains(p.targets, t)
}

// ParamInfo says what one search parameter of a type is. It holds no PHI.
type ParamInfo struct {
	// Name is as a query has it, without a modifier.
	Name string
	// Kind is its search parameter type.
	Kind ParamKind
	// Patient says that it names the patient whom the resource is about, such as patient, subject or beneficiary. It
	// may name something else besides: a subject can be a Group.
	Patient bool
}

// Params is the search parameters of type t that Filter can evaluate, sorted by name; those common to all types, such
// as _id, come first. It is nil when R4 has no such type.
func Params(t ResourceType) []ParamInfo {
	if !KnownType(t) {
		return nil
	}
	own, all := paramsOf(string(t)), paramsOf(common)
	out := make([]ParamInfo, 0, len(own)+len(all))
	for _, table := range [][]param{all, own} {
		for i := range table {
			out = append(out, ParamInfo{Name: table[i].name, Kind: table[i].kind, Patient: table[i].patient})
		}
	}
	return out
}

// PatientParam is the names of the parameters of type t that name the patient whom the resource is about, patient
// first when there is one.
func PatientParam(t ResourceType) []string {
	var out []string
	for _, p := range paramsOf(string(t)) {
		switch {
		case !p.patient:
		case p.name == "patient":
			out = append([]string{p.name}, out...)
		default:
			out = append(out, p.name)
		}
	}
	return out
}

// IncludeParam is the types that references of type t's parameter called name may go to; none for a reference to any
// type. ok is false when there is no such parameter, or its values are no literal references.
func IncludeParam(t ResourceType, name string) (targets []ResourceType, ok bool) {
	p := lookup(t, name)
	if p == nil || !p.literal() {
		return nil, false
	}
	return slices.Clone(p.targets), true
}

// literal tells whether the parameter goes to elements of type Reference, and not to canonical URLs.
func (p *param) literal() bool {
	return p.kind == KindReference && slices.ContainsFunc(p.paths, func(q path) bool { return q.form == formReference })
}

// IncludeValues is the reference string of each element of r that its type's reference parameter called name stands
// for, in the order of the elements: what _include resolves. A reference to a type that the parameter does not go to
// is not among them.
func IncludeValues(r Resource, t ResourceType, name string) []Value {
	p := lookup(t, name)
	if p == nil || !p.literal() || !r.Get("resourceType").Is(string(t)) {
		return nil
	}
	var out []Value
	p.references(r.Value, func(v Value) bool {
		out = append(out, v)
		return true
	})
	return out
}

// walk passes every value that p leads to within v to visit, until that says false; it tells whether it never did.
func (p *path) walk(v Value, visit func(Value) bool) bool {
	if p.list == "" {
		return walk(v, p.at, visit)
	}
	return walk(v, p.list, func(item Value) bool {
		return !item.Get(p.member).Is(p.has) || walk(item, p.at, visit)
	})
}

func walk(v Value, at string, visit func(Value) bool) bool {
	for at != "" {
		switch v.first() {
		case '{':
			name := at
			if i := strings.IndexByte(at, '.'); i >= 0 {
				name, at = at[:i], at[i+1:]
			} else {
				at = ""
			}
			v = v.Get(name)
		case '[':
			return walkItems(v, at, visit)
		default:
			return true
		}
	}
	switch v.first() {
	case 0, 'n':
		return true
	case '[':
		return walkItems(v, "", visit)
	}
	return visit(v)
}

func walkItems(v Value, at string, visit func(Value) bool) bool {
	for j, end := v.n+1, v.d.nodes[v.n].next; j < end; j = v.d.nodes[j].next {
		if !walk(Value{d: v.d, n: j}, at, visit) {
			return false
		}
	}
	return true
}
