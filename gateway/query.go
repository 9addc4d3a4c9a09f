package gateway

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"concord/federation"
	"concord/fhir"
	"concord/merge"
)

// pageSize is the default of _count, maxPage its most.
const (
	pageSize = 100
	maxPage  = 10_000
)

// query is a search as it was understood. PHI.
type query struct {
	typ      fhir.ResourceType
	asked    []pair              // as the client put it
	patients []patientName       // what the parameters that name the patient say
	ids      map[string]bool     // _id; nil: not asked
	filters  []fhir.Filter       // what Match can decide
	refs     []refFilter         // what must be compared in the gateway's ids
	params   []federation.Param  // all of them, for the sources
	sort     []sortBy            //
	count    int                 // matches on a page; 0: only how many there are
	includes []include           //
	extra    []fhir.ResourceType // the types that includes lead to and that are found by patient
	types    []fhir.ResourceType // _type of $everything; none: all
	history  bool                // _revinclude=Provenance:target
	elements []string            // _elements, or what _summary stands for; nil: all
	noTotal  bool                // _total=none
	ignored  []issue             // parameters that were not understood
	self     []string            // the parameters that were, encoded, in order
}

// patientName is one way in which a search names its patient.
type patientName struct {
	value      string
	identifier bool // an identifier, system|value, and not an id or a reference
}

type sortBy struct {
	param string
	down  bool
}

// include is one _include: what a reference parameter of the searched type leads to.
type include struct {
	param   string
	targets []fhir.ResourceType // nil: any
}

// refFilter is a parameter that names other resources by the ids of this gateway.
type refFilter struct {
	filter fhir.Filter
	want   []string
}

// pair is one parameter as the client sent it, decoded once.
type pair struct{ key, value string }

// pairs reads the parameters of a query string or form in their order, which url.Values does not keep.
func pairs(encoded string) ([]pair, *problem) {
	bad := refuse(http.StatusBadRequest, "invalid", "the parameters can't be read")
	var out []pair
	for encoded != "" {
		var part string
		part, encoded, _ = strings.Cut(encoded, "&")
		if part == "" {
			continue
		}
		k, v, _ := strings.Cut(part, "=")
		key, err := url.QueryUnescape(k)
		if err != nil || strings.Contains(part, ";") {
			return nil, bad
		}
		value, err := url.QueryUnescape(v)
		if err != nil || strings.ContainsRune(value, 0) {
			return nil, bad
		}
		if value == "" {
			continue // an empty parameter is none (R4 search, 3.1.1.3)
		}
		if out = append(out, pair{key, value}); len(out) > 200 {
			return nil, refuse(http.StatusBadRequest, "too-costly", "too many parameters")
		}
	}
	return out, nil
}

// parseQuery reads a search for t. Strict refuses what otherwise is ignored and named.
func parseQuery(t fhir.ResourceType, all []pair, strict bool) (*query, *problem) {
	q := &query{typ: t, count: pageSize}
	for _, p := range all {
		ok, bad := q.result(p)
		if !ok && bad == nil {
			ok, bad = q.filter(p)
		}
		switch {
		case bad != nil:
			return nil, bad
		case ok:
			if p.key == "_count" {
				p.value = strconv.Itoa(q.count)
			}
			q.self = append(q.self, url.QueryEscape(p.key)+"="+url.QueryEscape(p.value))
		case strict:
			x := refuse(http.StatusBadRequest, "not-supported", "this parameter is not supported")
			x.issues[0].param = shown(p.key)
			return nil, x
		default:
			q.ignored = append(q.ignored, issue{severity: "warning", code: "not-supported", text: "this parameter was ignored", param: shown(p.key)})
		}
	}
	if len(q.includes) > 0 && slices.Equal(q.elements, []string{"text"}) {
		return nil, invalidParam("_summary", "_summary=text does not go with _include")
	}
	return q, nil
}

// shown is a parameter's name as it may be told back, without its modifier; "" when it does not look like one.
func shown(key string) string {
	key, _, _ = strings.Cut(key, ":")
	if key == "" || len(key) > 64 {
		return ""
	}
	for _, c := range []byte(key) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != '.' && c != '-' {
			return ""
		}
	}
	return key
}

func invalidParam(key, text string) *problem {
	p := refuse(http.StatusBadRequest, "invalid", text)
	p.issues[0].param = shown(key)
	return p
}

// result takes the parameters that say how the answer shall look.
func (q *query) result(p pair) (bool, *problem) {
	switch p.key {
	case "_count":
		n, err := strconv.Atoi(p.value)
		if err != nil || n < 0 {
			return false, invalidParam(p.key, "_count is a number of entries")
		}
		q.count = min(n, maxPage)
	case "_sort":
		var by []sortBy
		for s := range strings.SplitSeq(p.value, ",") {
			name := strings.TrimPrefix(s, "-")
			if !fhir.Sortable(q.typ, name) || name == "_lastUpdated" {
				return false, nil // a part of an order is none
			}
			by = append(by, sortBy{name, name != s})
		}
		q.sort = append(q.sort, by...)
	case "_include":
		return q.include(p.value), nil
	case "_revinclude":
		if p.value != "Provenance:target" {
			return false, nil
		}
		q.history = true
	case "_elements":
		q.elements = append(q.elements, strings.Split(p.value, ",")...)
	case "_summary":
		switch p.value {
		case "count":
			q.count = 0
		case "text":
			q.elements = []string{"text"}
		case "false":
		case "data":
			q.elements = []string{allButText}
		default:
			return false, nil
		}
	case "_total":
		switch p.value {
		case "none":
			q.noTotal = true
		case "accurate", "estimate":
		default:
			return false, invalidParam(p.key, "_total is none, estimate or accurate")
		}
	case "_format":
		if !jsonFormat(p.value) {
			x := refuse(http.StatusNotAcceptable, "not-supported", "only JSON is offered")
			return false, x
		}
	case "_contained":
		if p.value != "false" {
			return false, nil
		}
	default:
		return false, nil
	}
	return true, nil
}

// allButText stands in query.elements for everything but the narrative.
const allButText = "-text"

func (q *query) include(value string) bool {
	parts := strings.Split(value, ":")
	if value == "*" || len(parts) < 2 || len(parts) > 3 || parts[0] != string(q.typ) {
		return false
	}
	targets, ok := fhir.IncludeParam(q.typ, parts[1])
	if !ok {
		return false
	}
	if len(parts) == 3 {
		t := fhir.ResourceType(parts[2])
		if len(targets) > 0 && !slices.Contains(targets, t) || !fhir.KnownType(t) {
			return false
		}
		targets = []fhir.ResourceType{t}
	}
	q.includes = append(q.includes, include{parts[1], targets})
	for _, t := range targets {
		if fhir.InPatientCompartment(t) && t != fhir.TypePatient && !byReference(t) && !slices.Contains(q.extra, t) && t != q.typ {
			q.extra = append(q.extra, t)
		}
	}
	return true
}

// byReference tells of types that are no part of a patient's chart, and are read one by one where something refers to
// them.
func byReference(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypePractitioner, fhir.TypePractitionerRole, fhir.TypeOrganization, fhir.TypeLocation, fhir.TypeMedication, fhir.TypeDevice,
		fhir.TypeSpecimen, fhir.TypeGroup, fhir.TypeHealthcareService, fhir.TypeEndpoint, fhir.TypeRelatedPerson, fhir.TypeBinary:
		return true
	}
	return false
}

// filter takes the parameters that say what is looked for. One that is not understood is neither taken nor a problem,
// unless the answer without it could be about somebody else.
func (q *query) filter(p pair) (bool, *problem) {
	name, modifier, _ := strings.Cut(p.key, ":")
	head, _, _ := strings.Cut(name, ".")
	switch {
	case name == "_id" && modifier == "":
		return true, q.byID(p)
	case name == "_id":
		return false, invalidParam(p.key, "this modifier is not supported")
	case name == "_lastUpdated":
		return false, nil // not every source fills it: who filters by it loses what those have
	case name == "_has":
		return false, invalidParam(p.key, "this way to name a patient is not supported")
	case q.typ != fhir.TypePatient && slices.Contains(fhir.PatientParam(q.typ), head):
		return true, q.patient(p, p.key[len(head):])
	}
	f, err := fhir.ParseFilter(q.typ, p.key, p.value)
	if err != nil {
		var pe *fhir.ParamError
		switch {
		case !errors.As(err, &pe):
			return false, ofFault(err)
		case pe.Reason == fhir.ParamUnknown:
			return false, nil
		case pe.Reason == fhir.ParamModifier:
			return false, invalidParam(p.key, "this modifier is not supported")
		}
		return false, invalidParam(p.key, "this value is not one of the parameter's type")
	}
	if want := f.References(); want != nil {
		q.refs = append(q.refs, refFilter{f, want})
	} else {
		q.filters = append(q.filters, f)
	}
	q.params = append(q.params, federation.Param{Key: p.key, Value: p.value})
	return true, nil
}

// byID takes _id: alternatives within one parameter, all of them over several.
func (q *query) byID(p pair) *problem {
	ids := map[string]bool{}
	for id := range strings.SplitSeq(p.value, ",") {
		id = strings.TrimPrefix(id, string(q.typ)+"/")
		if q.ids == nil || q.ids[id] {
			ids[id] = true
		}
	}
	if len(ids) > 100 {
		return invalidParam(p.key, "too many ids")
	}
	q.ids = ids
	return nil
}

// patient takes a parameter that names the patient; it is never ignored. how is what follows the parameter's name.
func (q *query) patient(p pair, how string) *problem {
	switch how {
	case "", ":Patient":
		for v := range strings.SplitSeq(p.value, ",") {
			q.patients = append(q.patients, patientName{value: v})
		}
	case ":identifier", ".identifier", ":Patient.identifier":
		if _, err := fhir.ParseFilter(fhir.TypePatient, "identifier", p.value); err != nil {
			return invalidParam(p.key, "this value is no identifier")
		}
		q.patients = append(q.patients, patientName{p.value, true})
	default:
		return invalidParam(p.key, "this way to name a patient is not supported")
	}
	if len(q.patients) > 10 {
		return invalidParam(p.key, "one patient at a time")
	}
	return nil
}

// keeps tells whether a source's copy is one that is looked for.
func (q *query) keeps(r *renderer, c merge.Copy) bool {
	for _, f := range q.filters {
		if !f.Match(c.Resource) {
			return false
		}
	}
	for _, f := range q.refs {
		if !f.matches(r, c) {
			return false
		}
	}
	if q.ids == nil {
		return true
	}
	public, _ := publicID(c.Source, q.typ, c.ID())
	return q.ids[public]
}

// matches compares what a source's references mean here with what the client asks for.
func (f refFilter) matches(r *renderer, c merge.Copy) bool {
	for e := range f.filter.Elements(c.Resource) {
		x := fhir.ParseReference(e.Text(), r.bases[c.Source])
		if x.Kind != fhir.LocalReference {
			continue
		}
		copied, _ := publicID(c.Source, x.Type, x.ID)
		for _, public := range []string{copied, r.person(c.Source, x)} {
			full := string(x.Type) + "/" + public
			for _, w := range f.want {
				if public != "" && (w == full || w == public || w == r.base+"/"+full) {
					return true
				}
			}
		}
	}
	return false
}

// jsonFormat tells whether a media type or _format asks for JSON.
func jsonFormat(s string) bool {
	s, params, _ := strings.Cut(s, ";")
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "fhirVersion") && strings.Trim(value, `"`) != "4.0" {
			return false
		}
	}
	switch strings.TrimSpace(strings.ToLower(s)) {
	case "json", "application/json", "application/fhir+json", "application/json+fhir", "text/json", "*/*", "application/*", "":
		return true
	}
	return false
}
