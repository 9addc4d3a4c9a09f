package gateway

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// pix answers Patient/$ihe-pix (IHE PIXm ITI-83): what else the patient with an identifier is known by.
func (x *exchange) pix() (*answer, *problem) {
	if p := x.check(smart.Access{Type: fhir.TypePatient, Interaction: fhir.Pix}); p != nil {
		return nil, p
	}
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	q, bad := pixQueryOf(all)
	if bad != nil {
		return nil, bad
	}
	for _, t := range q.targets {
		known, err := x.knowsDomain(t)
		if err != nil {
			return nil, ofFault(err)
		}
		if !known {
			return nil, refuse(http.StatusForbidden, "code-invalid", "targetSystem not found")
		}
	}
	person, found, bad := x.identifiedBy(q)
	switch {
	case bad != nil:
		return nil, bad
	case !found:
		known, err := x.knowsDomain(q.system)
		switch {
		case err != nil:
			return nil, ofFault(err)
		case known:
			return nil, notFound("sourceIdentifier Patient Identifier not found")
		}
		return nil, refuse(http.StatusBadRequest, "code-invalid", "sourceIdentifier Assigning Authority not found")
	}
	x.concerns(person.ID)
	u := x.session.Patients(person)
	x.note(u.Outcomes)
	x.regrant(u.Person)
	if x.strict() {
		if p := gaps(u.Outcomes); p != nil {
			return nil, p
		}
	}
	seen := x.visible(u)
	if len(seen) == 0 {
		if p := allFailed(u.Outcomes); p != nil {
			return nil, p
		}
		return nil, notFound("sourceIdentifier Patient Identifier not found")
	}
	return x.crossReferences(q, u.Person, seen)
}

// pixQuery is what $ihe-pix was asked. PHI.
type pixQuery struct {
	system, value string
	targets       []string
}

func pixQueryOf(all []pair) (q pixQuery, _ *problem) {
	given := false
	for _, p := range all {
		switch p.key {
		case "sourceIdentifier":
			if given {
				return q, invalidParam(p.key, "one identifier at a time")
			}
			given = true
			var ok bool
			if q.system, q.value, ok = strings.Cut(p.value, "|"); !ok || q.system == "" || q.value == "" || len(p.value) > 512 {
				return q, invalidParam(p.key, "an identifier is written system|value")
			}
		case "targetSystem":
			if q.targets = append(q.targets, p.value); len(q.targets) > 20 {
				return q, invalidParam(p.key, "too many of them")
			}
		case "_format":
		default:
			return q, invalidParam(p.key, "this parameter is not one of $ihe-pix")
		}
	}
	if !given {
		bad := refuse(http.StatusBadRequest, "required", "which sourceIdentifier?")
		bad.issues[0].param = "sourceIdentifier"
		return q, bad
	}
	return q, nil
}

// sourceOf is the source that a domain is the ids of: by its base URL, or by the name that the marks have.
func (x *exchange) sourceOf(domain string) (concord.SourceID, bool) {
	domain = strings.TrimSuffix(domain, "/")
	for s, base := range x.g.bases {
		if (domain == strings.TrimSuffix(base, "/") || domain == systemSource+":"+string(s)) && x.may(s) {
			return s, true
		}
	}
	return "", false
}

// knowsDomain tells whether identifiers of a system are known here: those of this gateway, of the caller's sources, and those
// that records of the caller's sources have.
func (x *exchange) knowsDomain(system string) (bool, error) {
	if strings.TrimSuffix(system, "/") == x.g.base {
		return true, nil
	}
	if _, ok := x.sourceOf(system); ok {
		return true, nil
	}
	known, err := x.g.domains.at(x.ctx, x.g.cfg.Registry.Store)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(known[system], x.reaches), nil
}

// identifiedBy is the person who has the source identifier; found is false when the answer is that nobody has.
func (x *exchange) identifiedBy(q pixQuery) (p mpi.Person, found bool, bad *problem) {
	id, isReference := strings.CutPrefix(q.value, "Patient/")
	source, ofSource := x.sourceOf(q.system)
	var err error
	switch {
	case ofSource:
		p, err = x.session.Identify(concord.NewPatientRef(source, id))
	case isReference && strings.TrimSuffix(q.system, "/") == x.g.base:
		p, err = x.person(id)
	default:
		return x.carrier(q)
	}
	switch {
	case errors.Is(err, concord.NotFound):
		return p, false, nil
	case err != nil:
		return p, false, x.sourceDown(err)
	}
	return p, true, nil
}

// carrier is the person of whom a source's Patient has the identifier.
func (x *exchange) carrier(q pixQuery) (p mpi.Person, found bool, bad *problem) {
	escaped := strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace
	f, bad := parseQuery(fhir.TypePatient, []pair{{"identifier", escaped(q.system) + "|" + escaped(q.value)}}, true)
	if bad != nil {
		return p, false, bad
	}
	people, outcomes, bad := x.findMatching(f)
	switch {
	case bad != nil:
		return p, false, bad
	case len(people) == 0:
		return p, false, gaps(outcomes) // who did not answer may know the patient
	case len(people) > 1:
		return p, false, refuse(http.StatusUnprocessableEntity, "multiple-matches", "the identifier is that of several people")
	}
	return people[0], true, nil
}

// crossReferences answers with all that the person is known by in the systems that were asked for, but for what was asked by.
func (x *exchange) crossReferences(q pixQuery, person mpi.Person, seen []merge.Copy) (*answer, *problem) {
	wants := func(system string) bool { return len(q.targets) == 0 || slices.Contains(q.targets, system) }
	r := x.g.newRenderer(person)
	out := []byte(`{"resourceType":"Parameters"`)
	count := 0
	add := func(item string) {
		sep := `,`
		if count == 0 {
			sep = `,"parameter":[`
		}
		out = append(append(out, sep...), item...)
		count++
	}
	type identifier struct{ system, value string }
	told := map[identifier]bool{{q.system, q.value}: true}
	for _, c := range seen {
		for v := range c.Get("identifier").Items() {
			i := identifier{v.Get("system").Text(), v.Get("value").Text()}
			if i.system == "" || i.value == "" || told[i] || !wants(i.system) {
				continue
			}
			told[i] = true
			b := fhir.AppendString([]byte(`{"name":"targetIdentifier","valueIdentifier":{"system":`), i.system)
			b = fhir.AppendString(append(b, `,"value":`...), i.value)
			add(string(b) + `}}`)
		}
	}
	reference := func(id string) { add(`{"name":"targetId","valueReference":{"reference":"Patient/` + id + `"}}`) }
	for _, c := range seen {
		asked, is := x.sourceOf(q.system)
		if is && asked == c.Source && strings.TrimPrefix(q.value, "Patient/") == c.ID() {
			continue
		}
		base := strings.TrimSuffix(x.g.bases[c.Source], "/")
		if wants(base) || wants(base+"/") || wants(systemSource+":"+string(c.Source)) {
			reference(r.id(c))
		}
	}
	if wants(x.g.base) && q.system != x.g.base {
		reference(string(person.ID))
	}
	if count > 0 {
		out = append(out, ']')
	}
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	for range seen {
		x.disclose(fhir.TypePatient)
	}
	a := okay(append(out, '}'))
	_, a.partial = sourceIssues(x.outcomes)
	return a, nil
}

// domains remembers which systems of identifiers the records of which sources have, from a sample of them: every source's own
// system is in nearly all of its records.
type domains struct {
	mu    sync.Mutex
	until time.Time
	known map[string][]concord.SourceID
}

const (
	domainSample = 2000
	domainsFor   = time.Minute
)

func (d *domains) at(ctx context.Context, store mpi.Records) (map[string][]concord.SourceID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if now := time.Now(); d.known != nil && now.Before(d.until) || !store.Keeps() {
		return d.known, nil
	}
	known := map[string][]concord.SourceID{}
	n := 0
	for r, err := range store.Records(ctx, concord.PatientRef{}) { // in the order of digests, which is none
		if err != nil {
			return nil, err
		}
		for _, i := range r.Demographics.Identifiers {
			if s := r.Demographics.Ref.Source; !slices.Contains(known[i.System], s) {
				known[i.System] = append(known[i.System], s)
			}
		}
		if n++; n == domainSample {
			break
		}
	}
	d.known = known
	d.until = time.Now().Add(domainsFor)
	if n < domainSample { // there are few, and each tells more
		d.until = time.Now().Add(time.Second)
	}
	return known, nil
}
