package gateway

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

// sourceParam names the source of a create, as R4's search parameter of that name names meta.source.
const sourceParam = "_source"

// create files a new resource at exactly one source.
func (x *exchange) create() (*answer, *problem) {
	t := x.route.typ
	access := smart.Access{Type: t, Interaction: fhir.Create}
	if p := x.check(access); p != nil {
		return nil, p
	}
	sent, bad := x.sentResource()
	if bad != nil {
		return nil, bad
	}
	source, bad := x.home(sent)
	if bad != nil {
		return nil, bad
	}
	own, bad := x.forSource(source, sent)
	if bad != nil {
		return nil, bad
	}
	if !x.grant.Visible(merge.Copy{Source: source, Resource: own}, access) {
		return nil, x.hidden()
	}
	once, done, bad := x.claim(source, sent)
	switch {
	case bad != nil:
		return nil, bad
	case done != "":
		return x.createdAnswer(source, federation.Created{ID: done})
	}
	// the intent is down before the EHR hears of it: a crash in between shows
	e := x.event(&answer{status: http.StatusOK})
	e.Type, e.Outcome, e.Sources = audit.EventIntended, audit.UnknownOutcome, []audit.SourceAccess{{Source: source}}
	if err := x.g.cfg.Trail.Record(x.ctx, e); err != nil {
		once.forget(x)
		x.g.cfg.Metrics.auditFailures.Inc()
		p := refuse(http.StatusServiceUnavailable, "transient", "the request can't be recorded, so it is not done; try again")
		p.retryAfter = time.Second
		return nil, p
	}
	if bad := once.sending(x); bad != nil {
		return nil, bad
	}
	created, outcome, err := x.session.Create(source, t, own.Raw())
	x.g.repeats.forget() // whatever became of it
	x.note([]federation.Outcome{outcome})
	if err != nil {
		if !errors.Is(err, federation.ErrUnsure) { // it was not filed, so it may be tried again
			once.forget(x)
		}
		return nil, ofCreate(err)
	}
	once.filed(x, created.ID)
	return x.createdAnswer(source, created)
}

// sentResource is the body: one resource of the path's type.
func (x *exchange) sentResource() (fhir.Resource, *problem) {
	switch {
	case !isJSON(x.r.Header.Get("Content-Type")):
		return fhir.Resource{}, refuse(http.StatusUnsupportedMediaType, "not-supported", "the body of a create is application/fhir+json")
	case x.r.Header.Get("If-None-Exist") != "":
		return fhir.Resource{}, refuse(http.StatusNotImplemented, "not-supported", "a conditional create is not offered: no source does it")
	}
	body, err := io.ReadAll(x.r.Body)
	if err != nil {
		return fhir.Resource{}, refuse(http.StatusRequestEntityTooLarge, "too-long", "the body is too long")
	}
	r, err := fhir.Parse(body, fhir.Limits{})
	switch {
	case err != nil:
		return r, refuse(http.StatusBadRequest, "structure", "the body is no FHIR resource in JSON")
	case !r.Get("resourceType").Is(string(x.route.typ)):
		return r, refuse(http.StatusBadRequest, "invalid", "the body is not of the path's type")
	}
	return r, nil
}

func isJSON(contentType string) bool {
	t, _, _ := strings.Cut(contentType, ";")
	t = strings.ToLower(strings.TrimSpace(t))
	return t == "application/fhir+json" || t == "application/json"
}

// home is the one source at which a resource is filed: the one that the parameter or meta.source names, or otherwise the
// only one that takes resources of its type.
func (x *exchange) home(r fhir.Resource) (concord.SourceID, *problem) {
	all, bad := pairs(x.r.URL.RawQuery)
	if bad != nil {
		return "", bad
	}
	var named []concord.SourceID
	for _, p := range all {
		switch {
		case p.key == sourceParam:
			named = append(named, concord.SourceID(p.value))
		case p.key != "_format" && p.key != "_pretty":
			return "", refuse(http.StatusBadRequest, "not-supported", "a create has no such parameter")
		}
	}
	if v := r.Path("meta", "source"); v.IsString() && len(named) == 0 {
		named = append(named, concord.SourceID(strings.TrimPrefix(v.Text(), systemSource+":")))
	}
	var take []concord.SourceID
	for s, p := range x.g.cfg.Sources {
		if slices.Contains(p.Creates, r.Type()) && x.session.Takes(s) {
			take = append(take, s)
		}
	}
	switch {
	case len(take) == 0:
		return "", refuse(http.StatusNotImplemented, "not-supported", "no source takes new resources of this type here")
	case len(named) == 0 && len(take) > 1:
		return "", refuse(http.StatusUnprocessableEntity, "required", "several sources take resources of this type: name one in _source or meta.source")
	case len(named) == 0:
		return take[0], nil
	case len(named) > 1 || !slices.Contains(take, named[0]):
		return "", refuse(http.StatusUnprocessableEntity, "not-supported", "the source that is named takes no resources of this type here")
	}
	return named[0], nil
}

// forSource is the resource as the source shall get it: references by the source's own ids, and without what only a server
// may say. A reference that the source could not follow is refused: it would be filed as something else than it was sent as.
func (x *exchange) forSource(source concord.SourceID, r fhir.Resource) (fhir.Resource, *problem) {
	var edits []fhir.Edit
	patients := 0
	for ref := range r.References() {
		local, isPatient, bad := x.localReference(source, ref.Text())
		if bad != nil {
			return r, bad
		}
		if local != "" {
			edits = append(edits, fhir.Replace(ref, fhir.AppendString(nil, local)))
		}
		if isPatient {
			patients++
		}
	}
	for c := range r.Get("contained").Items() {
		if c.Get("resourceType").Is(string(fhir.TypePatient)) {
			return r, refuse(http.StatusUnprocessableEntity, "business-rule", "a patient can't be contained: it has to be one that the source knows")
		}
	}
	if r.Type() != fhir.TypePatient && fhir.InPatientCompartment(r.Type()) && patients == 0 {
		return r, refuse(http.StatusUnprocessableEntity, "required", "the resource names no patient")
	}
	out, err := fhir.Parse(fhir.Splice(nil, r.Value, edits), fhir.Limits{})
	if err == nil {
		out, err = fhir.Parse(withoutServersOwn(out), fhir.Limits{})
	}
	if err != nil {
		return r, ofFault(&concord.Fault{Op: "create", Kind: concord.Internal, Err: err})
	}
	return out, nil
}

// localReference is a reference in the source's own ids; "" for one that stays as it is.
func (x *exchange) localReference(source concord.SourceID, text string) (local string, patient bool, bad *problem) {
	if strings.HasPrefix(text, "#") {
		return "", false, nil
	}
	elsewhere := refuse(http.StatusUnprocessableEntity, "business-rule", "a reference is to nothing that the source has")
	ref := fhir.ParseReference(text, x.g.base)
	if ref.Kind != fhir.LocalReference {
		return "", false, elsewhere
	}
	a, err := x.resolve(ref.Type, ref.ID)
	switch {
	case errors.Is(err, concord.NotFound):
		return "", false, elsewhere
	case err != nil:
		return "", false, ofFault(err)
	}
	if ref.Type != fhir.TypePatient {
		if a.source != source {
			return "", false, elsewhere
		}
		return string(ref.Type) + "/" + a.id, false, nil
	}
	p, err := x.person(ref.ID)
	unknown := errors.Is(err, concord.NotFound)
	switch {
	case err != nil && !unknown:
		return "", true, x.sourceDown(err)
	case x.grant.Confined(x.access) && (unknown || p.ID != x.grant.Person()):
		return "", true, x.hidden()
	case unknown:
		return "", true, elsewhere
	case a.source == source:
		x.concerns(p.ID)
		return "Patient/" + a.id, true, nil
	}
	x.concerns(p.ID)
	p = x.session.Patients(p).Person // whoever is not known at the source yet may be found there
	x.regrant(p)
	refs := slices.DeleteFunc(p.Refs(), func(r concord.PatientRef) bool { return r.Source != source })
	if len(refs) != 1 {
		return "", true, refuse(http.StatusUnprocessableEntity, "business-rule", "the source does not know this patient, or knows it more than once")
	}
	return "Patient/" + refs[0].Reveal(), true, nil
}

// withoutServersOwn is the resource without id and without what in meta is a server's to say, or this gateway's.
func withoutServersOwn(r fhir.Resource) []byte {
	out := []byte{'{'}
	add := func(name string, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(fhir.AppendString(out, name), ':'), value...)
	}
	for m := range r.Members() {
		switch m.Name() {
		case "id":
		case "meta":
			if meta := ownMeta(m); len(meta) > 2 {
				add("meta", meta)
			}
		default:
			add(m.Name(), m.Raw())
		}
	}
	return append(out, '}')
}

func ownMeta(meta fhir.Value) []byte {
	out := []byte{'{'}
	for m := range meta.Members() {
		var value []byte
		switch m.Name() {
		case "versionId", "lastUpdated", "source":
			continue
		case "extension", "tag":
			value = notOurs(m)
		default:
			value = m.Raw()
		}
		if len(value) == 0 {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(fhir.AppendString(out, m.Name()), ':'), value...)
	}
	return append(out, '}')
}

// notOurs is an array of extensions or tags without the gateway's marks; nil when nothing is left.
func notOurs(all fhir.Value) []byte {
	var out []byte
	for v := range all.Items() {
		if strings.HasPrefix(v.Get("url").Text(), "urn:concord:") || strings.HasPrefix(v.Get("system").Text(), "urn:concord:") {
			continue
		}
		sep := byte(',')
		if len(out) == 0 {
			sep = '['
		}
		out = append(append(out, sep), v.Raw()...)
	}
	if len(out) > 0 {
		out = append(out, ']')
	}
	return out
}

// createdAnswer tells where the new resource is. It shows the resource when the source gave it back, the client did not ask
// for less, and the token may read it.
func (x *exchange) createdAnswer(source concord.SourceID, done federation.Created) (*answer, *problem) {
	t := x.route.typ
	r := x.g.newRenderer(x.of)
	id := r.name(source, t, done.ID)
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	x.resource = id
	a := &answer{status: http.StatusCreated, header: map[string]string{"Location": x.g.base + "/" + string(t) + "/" + id}}
	if done.Resource.ID() == "" || x.prefers("return=minimal") || x.prefers("return=OperationOutcome") {
		return a, nil
	}
	c := merge.Copy{Source: source, Resource: done.Resource}
	if !x.grant.Visible(c, smart.Access{Type: t, Interaction: fhir.Read}) {
		return a, nil
	}
	r = x.g.newRenderer(x.owner(c))
	e := merge.Entry{Survivor: c, Copies: []merge.Copy{c}}
	a.body, a.contentType = r.entry(nil, &e, id), fhirJSON
	a.etag = `W/"` + version(e) + `"`
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	x.disclose(t)
	return a, nil
}
