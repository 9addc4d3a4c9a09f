package connectors

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/go-retryablehttp"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// Client is a Connector to one source by its vendor's rules. It is safe for concurrent use.
type Client struct {
	cfg    Config
	rules  *Rules
	at     origin
	http   *retryablehttp.Client
	once   *http.Client                       // what is sent by it is never sent again
	hedges *hedges                            // nil: none
	learnt map[fhir.ResourceType]*atomic.Bool // the source has shown that a search of this type needs a category
}

var _ federation.Connector = (*Client)(nil)

// New makes the Connector of the source that cfg describes, by rules. Its error is a *concord.Fault of Kind Invalid, when
// Source is not valid or Base is not an http or https URL without user, query or fragment.
func New(cfg Config, rules *Rules) (*Client, error) {
	cfg = cfg.complete()
	base, ok := parseBase(cfg.Base)
	if !ok {
		return nil, &concord.Fault{Op: "configure: base URL", Kind: concord.Invalid, Source: cfg.Source}
	}
	if !cfg.Source.Valid() {
		return nil, &concord.Fault{Op: "configure: source name", Kind: concord.Invalid}
	}
	c := &Client{cfg: cfg, rules: rules, at: newOrigin(base), learnt: map[fhir.ResourceType]*atomic.Bool{}}
	transport := gated{cfg.Transport, cfg.Gate}
	c.http, c.once = newRetrier(transport), plainClient(transport)
	if cfg.Hedge {
		c.hedges = newHedges()
	}
	for t := range rules.Types {
		c.learnt[t] = new(atomic.Bool)
	}
	return c, nil
}

// About is what cfg said.
func (c *Client) About() federation.About {
	return federation.About{Source: c.cfg.Source, Base: c.cfg.Base, Budget: c.cfg.Budget}
}

// Supports tells whether the vendor has resources of type t, whether to search or only to read.
func (c *Client) Supports(t fhir.ResourceType) bool { return c.rules.supports(t) }

// Search asks as the vendor's rules plan it.
func (c *Client) Search(ctx context.Context, q federation.Query) (federation.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Budget)
	defer cancel()
	rule, ok := c.rules.Types[q.Type]
	var page federation.Page
	var fault *concord.Fault
	switch {
	case !ok:
		fault = unsupported(opSearch, c.cfg.Source)
	case !q.Patient.IsZero() && (q.Patient.Source != c.cfg.Source || c.foreign(q.Patient.Reveal())):
		fault = &concord.Fault{Op: opSearch, Kind: concord.NotFound, Source: c.cfg.Source}
	case q.Type == "Patient" && !q.Patient.IsZero():
		page, fault = c.readPatient(ctx, q.Patient.Reveal())
	case !q.Patient.IsZero() && rule.ReadOnly:
		fault = unsupported(opSearch, c.cfg.Source)
	case !q.Patient.IsZero():
		page, fault = c.run(ctx, q, c.planPatient(q, rule))
		fault = c.traced(ctx, fault, q.Patient.Reveal())
	default:
		page, fault = c.searchFree(ctx, q)
	}
	if fault != nil {
		return page, fault
	}
	return page, nil
}

// traced is the fault of a search for a patient's resources. When it may be that the patient was merged, a read of the
// Patient tells into whom.
func (c *Client) traced(ctx context.Context, fault *concord.Fault, patient string) *concord.Fault {
	if fault == nil || fault.Kind != concord.Moved && !c.mayBeMerged(fault.Status) {
		return fault
	}
	if _, why := c.read(ctx, "Patient", patient); why != nil && why.Kind == concord.Moved {
		return c.fault(opSearch, concord.Moved, fault.Status, why.Err)
	}
	if fault.Kind == concord.Moved { // and nobody says where to
		fault.Kind = concord.NotFound
	}
	return fault
}

// searchFree is a search that names no patient.
func (c *Client) searchFree(ctx context.Context, q federation.Query) (federation.Page, *concord.Fault) {
	for _, p := range q.Params {
		if p.Key == paramID {
			return c.readAll(ctx, q.Type, unescapedSplit(p.Value))
		}
	}
	if q.Type != "Patient" {
		return federation.Page{}, unsupported(opSearch, c.cfg.Source)
	}
	steps, fault := c.planPatients(q)
	if fault != nil {
		return federation.Page{}, fault
	}
	return c.run(ctx, q, steps)
}

// Read reads one resource.
func (c *Client) Read(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Budget)
	defer cancel()
	r, fault := c.read(ctx, t, id)
	if fault != nil {
		return fhir.Resource{}, fault
	}
	return r, nil
}

const (
	acceptFHIR   = "application/fhir+json, application/json+fhir;q=0.9, application/json;q=0.8"
	acceptBinary = "application/fhir+json, */*;q=0.5"
)

func (c *Client) read(ctx context.Context, t fhir.ResourceType, id string) (fhir.Resource, *concord.Fault) {
	if !c.rules.supports(t) {
		return fhir.Resource{}, unsupported(opRead, c.cfg.Source)
	}
	if id == "" || id == "." || id == ".." || c.foreign(id) {
		return fhir.Resource{}, &concord.Fault{Op: opRead, Kind: concord.NotFound, Source: c.cfg.Source}
	}
	u := *c.at.base
	u.Path += "/" + string(t) + "/" + id
	u.RawPath = c.at.base.EscapedPath() + "/" + string(t) + "/" + url.PathEscape(id)
	accept := acceptFHIR
	if t == "Binary" {
		accept = acceptBinary
	}
	rep, fault := c.get(ctx, call{op: opRead, typ: t, url: &u, accept: accept, limit: c.cfg.Limits.PageBytes, first: true})
	if fault != nil {
		if ref, ok := c.survivor(rep, t, id); ok {
			return fhir.Resource{}, &concord.Fault{Op: opRead, Kind: concord.Moved, Source: c.cfg.Source, Status: rep.status, Err: &federation.MovedTo{Ref: ref}}
		}
		if fault.Kind == concord.Moved { // merged, and it does not say into whom
			fault.Kind = concord.NotFound
		}
		return fhir.Resource{}, fault
	}
	return c.resourceOf(rep, t, id)
}

// resourceOf is the resource of an answer that the source calls good.
func (c *Client) resourceOf(rep reply, t fhir.ResourceType, id string) (fhir.Resource, *concord.Fault) {
	r, err := fhir.Parse(rep.body, fhir.Limits{Bytes: c.cfg.Limits.PageBytes})
	switch {
	case t == "Binary" && (err != nil || !rep.isJSON() || r.Type() != "Binary" && r.Type() != "OperationOutcome"):
		return c.wrapBinary(rep, id)
	case err != nil:
		return fhir.Resource{}, c.fault(opRead, concord.Malformed, rep.status, err)
	case r.Type() == "OperationOutcome":
		var v verdict
		c.rules.judge(&v, r)
		kind := v.failed
		if kind == concord.Unknown || kind == concord.Moved {
			kind = concord.Malformed
		}
		return fhir.Resource{}, c.fault(opRead, kind, rep.status, errOutcome)
	case r.Type() != t || r.ID() != id:
		return fhir.Resource{}, c.fault(opRead, concord.Malformed, rep.status, errOther)
	}
	return r, nil
}

// survivor is the patient that an answer to a read names in place of one that was merged: a redirect, never followed, to
// another Patient at the source.
func (c *Client) survivor(rep reply, t fhir.ResourceType, id string) (concord.PatientRef, bool) {
	if t != "Patient" || rep.location == "" || !rep.verdict.merged && !c.mayBeMerged(rep.status) {
		return concord.PatientRef{}, false
	}
	u, ok := c.at.resolve(rep.location)
	if !ok {
		return concord.PatientRef{}, false
	}
	rest, ok := strings.CutPrefix(u.EscapedPath(), c.at.base.EscapedPath()+"/Patient/")
	if !ok {
		return concord.PatientRef{}, false
	}
	rest, _, _ = strings.Cut(rest, "/") // a version may follow
	to, err := url.PathUnescape(rest)
	if err != nil || to == "" || to == id {
		return concord.PatientRef{}, false
	}
	return concord.NewPatientRef(c.cfg.Source, to), true
}

// mayBeMerged tells whether a status is the redirect by which the vendor speaks of a merged patient.
func (c *Client) mayBeMerged(status int) bool {
	return c.rules.MergedRedirect && status >= 300 && status < 400
}

// foreign tells whether an id is another practice's.
func (c *Client) foreign(id string) bool {
	return c.rules.Foreign != nil && c.cfg.Practice != "" && c.rules.Foreign(c.cfg.Practice, id)
}

// fault makes a fault of this source.
func (c *Client) fault(op string, kind concord.Kind, status int, err error) *concord.Fault {
	return &concord.Fault{Op: op, Kind: kind, Source: c.cfg.Source, Status: status, Err: err}
}

// readPatient is a search of Patients with the patient known. That it is not there is a fault, since it was.
func (c *Client) readPatient(ctx context.Context, id string) (federation.Page, *concord.Fault) {
	r, fault := c.read(ctx, "Patient", id)
	if fault != nil {
		return federation.Page{Requests: 1}, fault
	}
	return federation.Page{Matches: []fhir.Resource{r}, Requests: 1}, nil
}

// maxReads bounds the ids of a search by _id.
const maxReads = 100

// readAll is a search by _id: a read each, since not every vendor searches every type by _id. An id that is not there
// is no fault.
func (c *Client) readAll(ctx context.Context, t fhir.ResourceType, ids []string) (federation.Page, *concord.Fault) {
	if len(ids) == 0 || len(ids) > maxReads {
		return federation.Page{}, c.fault(opSearch, concord.Invalid, 0, nil)
	}
	got := make([]harvest, len(ids))
	faults := make([]*concord.Fault, len(ids))
	c.parallel(len(ids), func(i int) {
		faults[i] = c.fault(opRead, concord.Malformed, 0, errPanic) // what stands if the next line panics
		r, fault := c.read(ctx, t, ids[i])
		got[i].requests = 1
		if fault == nil {
			got[i].whole = 1
			got[i].matches.put(r)
		} else if fault.Kind == concord.NotFound {
			got[i].whole, fault = 1, nil
		}
		faults[i] = fault
	})
	return c.combine(got, faults, nil)
}
