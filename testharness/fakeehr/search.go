package fakeehr

import (
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strings"
	"sync"

	"concord/testharness/population"
)

// fixedBodies are answers made beforehand.
type fixedBodies struct {
	mu sync.RWMutex
	m  map[string][]byte
}

// Fix makes every search for the patient and type answer with body as it is, after authorization and faults and without
// paging, so that a benchmark measures the client. A nil body ends it. patient "" is for any patient.
func (e *EHR) Fix(patient, typ string, body []byte) {
	e.fixed.mu.Lock()
	defer e.fixed.mu.Unlock()
	if e.fixed.m == nil {
		e.fixed.m = map[string][]byte{}
	}
	if body == nil {
		delete(e.fixed.m, typ+"/"+patient)
		return
	}
	e.fixed.m[typ+"/"+patient] = body
}

func (e *EHR) fixedBody(patient, typ string) []byte {
	e.fixed.mu.RLock()
	defer e.fixed.mu.RUnlock()
	if b := e.fixed.m[typ+"/"+patient]; b != nil {
		return b
	}
	return e.fixed.m[typ+"/"]
}

// Searchset is the whole of what a patient has of a type as one Bundle in the vendor's form without next, cut off once it
// has least bytes; 0 is all. It is meant for Fix.
func (e *EHR) Searchset(patient, typ string, least int) []byte {
	c := &call{e: e, r: &http.Request{URL: &url.URL{}, Method: http.MethodGet}, typ: typ, query: url.Values{"patient": {patient}}}
	b := newBundle(c)
	for _, r := range e.store.all(typ, patient) {
		if least > 0 && len(b.buf) >= least {
			break
		}
		b.record(r, "match")
	}
	return b.close()
}

// question is a search, understood.
type question struct {
	patients  []string // ids of the patient parameter
	ids       []string
	primary   []criterion // decide what is on the pages
	secondary []criterion // Epic applies them to a page that is cut already
	ignored   []string    // names of parameters that are not known
	sort      string
}

// postFilter names the parameters that Epic applies late.
var postFilter = map[string]bool{"date": true, "status": true, "clinical-status": true, "verification-status": true, "onset-date": true, "recorded-date": true,
	"authoredon": true, "issued": true, "lifecycle-status": true, "period": true, "encounter": true}

// understand sorts the parameters out; a problem is answered already when it returns false.
func (c *call) understand() (question, bool) {
	var q question
	names := make([]string, 0, len(c.query))
	for k := range c.query {
		names = append(names, k)
	}
	sort.Strings(names)
	for _, full := range names {
		name, modifier, _ := strings.Cut(full, ":")
		if control[name] || strings.HasPrefix(name, "ah-") {
			if name == "_sort" {
				q.sort = c.query.Get(full)
			}
			continue
		}
		pa, ok := lookup(c.typ, name)
		if !ok || name == "_lastUpdated" && c.e.is(population.Epic) {
			q.ignored = append(q.ignored, name)
			continue
		}
		for _, v := range c.query[full] {
			values := strings.Split(v, ",")
			switch {
			case name == "patient" || name == "subject" && c.typ != "Patient":
				for _, x := range values {
					if id, ok := patientID("/" + strings.TrimPrefix(x, "/")); ok {
						x = id
					}
					q.patients = append(q.patients, x)
				}
				continue
			case name == "_id":
				q.ids = append(q.ids, values...)
				continue
			}
			if pa.kind == 'd' {
				if prefix, rest := splitPrefix(v); c.e.is(population.Epic) && slices.Contains([]string{"ne", "sa", "eb", "ap"}, prefix) {
					q.ignored = append(q.ignored, name)
					continue
				} else if _, _, good := span(rest); !good && modifier != "missing" {
					c.problem(http.StatusBadRequest, "fatal", "value", "59111", "invalid date in "+name)
					return q, false
				}
			}
			k := criterion{name, modifier, pa, values}
			if c.e.is(population.Epic) && c.e.manners.PostFilters && postFilter[name] {
				q.secondary = append(q.secondary, k)
			} else {
				q.primary = append(q.primary, k)
			}
		}
	}
	return q, true
}

// search answers a search: a page of it, for all but the first come by the vendor's own means.
func (c *call) search() {
	if c.laterPage() {
		return
	}
	if c.refusedByVendor() {
		return
	}
	q, ok := c.understand()
	if !ok {
		return
	}
	if len(q.ignored) > 0 && c.e.is(population.Cerner) && c.e.manners.UnknownParams {
		c.problem(http.StatusBadRequest, "error", "not-supported", "", "unknown parameter: "+strings.Join(q.ignored, ", "))
		return
	}
	if len(q.patients) == 1 || len(q.patients) == 0 {
		patient := ""
		if len(q.patients) == 1 {
			patient = q.patients[0]
		}
		if body := c.e.fixedBody(patient, c.typ); body != nil {
			c.send(http.StatusOK, c.mediaType(), body)
			return
		}
	}
	if c.typ == "Patient" {
		if c.patientRules(q) {
			return
		}
	} else if len(q.patients) > 0 && c.e.is(population.Epic) && c.e.manners.RequiredParams {
		for _, id := range q.patients {
			if c.e.store.get("Patient", id) == nil {
				c.problem(http.StatusBadRequest, "fatal", "not-found", "59102", "the patient id is not valid")
				return
			}
		}
	}
	list := c.find(q)
	if c.typ == "Patient" && c.tooMany(len(list)) {
		return
	}
	c.firstPage(q, list)
}

// find is what a search finds, in order; the late filters are still to come.
func (c *call) find(q question) []*record {
	if list, hit := c.wrongOnes(q); hit {
		return list
	}
	var list []*record
	switch {
	case len(q.ids) > 0:
		for _, id := range q.ids {
			if r := c.e.store.get(c.typ, id); r != nil && (len(q.patients) == 0 || slices.Contains(q.patients, r.patient)) {
				list = append(list, r)
			}
		}
	case len(q.patients) > 0:
		for _, id := range q.patients {
			list = append(list, c.e.store.all(c.typ, id)...)
		}
	default:
		list = c.e.store.all(c.typ, "")
	}
	if len(q.primary) > 0 {
		list = c.e.filter(list, q.primary)
	}
	if q.sort != "" {
		list = c.sorted(list, q.sort)
	}
	if c.e.is(population.Cerner) && c.typ == "Observation" && c.e.manners.SocialFirst {
		social := criterion{"category", "", p('t', "category"), []string{"social-history"}}
		var first, rest []*record
		for _, r := range list {
			if social.holds(r.doc()) {
				first = append(first, r)
			} else {
				rest = append(rest, r)
			}
		}
		list = append(first, rest...)
	}
	return list
}

// wrongOnes is what an EHR with a bug finds.
func (c *call) wrongOnes(q question) ([]*record, bool) {
	patient := ""
	if len(q.patients) > 0 {
		patient = q.patients[0]
	}
	switch c.fault.Kind {
	case WrongPatient:
		return c.e.store.another(c.typ, patient, 5), true
	case WrongType:
		for _, t := range []string{"Encounter", "Condition", "Observation", "Immunization", "Practitioner", "Patient"} {
			if list := c.e.store.all(t, patient); t != c.typ && len(list) > 0 {
				return list[:min(5, len(list))], true
			}
		}
		return nil, true
	}
	return nil, false
}

func (e *EHR) filter(list []*record, by []criterion) []*record {
	out := make([]*record, 0, len(list))
next:
	for _, r := range list {
		doc := r.doc()
		for _, k := range by {
			if !k.holds(doc) && !(r.typ == "Patient" && k.name == "identifier" && e.store.unshown(r.id, k.values)) {
				continue next
			}
		}
		out = append(out, r)
	}
	return out
}

// sorted orders by parameters such as -date; what has no value comes last.
func (c *call) sorted(list []*record, by string) []*record {
	out := slices.Clone(list)
	for _, name := range slices.Backward(strings.Split(by, ",")) {
		name, down := strings.CutPrefix(name, "-")
		pa, ok := lookup(c.typ, name)
		if !ok {
			continue
		}
		key := map[*record]string{}
		for _, r := range out {
			for _, path := range pa.paths {
				if v := collect(nil, r.doc(), strings.Split(path, ".")); len(v) > 0 {
					key[r] = sortKey(pa.kind, v[0])
					break
				}
			}
		}
		slices.SortStableFunc(out, func(a, b *record) int {
			x, y := key[a], key[b]
			switch {
			case x == y:
				return 0
			case x == "":
				return 1
			case y == "":
				return -1
			case down:
				return strings.Compare(y, x)
			}
			return strings.Compare(x, y)
		})
	}
	return out
}

func sortKey(kind byte, v any) string {
	if kind == 'd' {
		if from, _, ok := valueSpan(v); ok {
			return from.UTC().Format("2006-01-02T15:04:05.000")
		}
	}
	s, _ := v.(string)
	return s
}
