package federation

import (
	"context"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// Strategy is what one source's failure does to the request.
type Strategy uint8

// The strategies.
const (
	Warn  Strategy = iota // the answer holds what the others gave, and says what is missing
	Abort                 // the request fails
)

// Request asks for resources of one person. It holds PHI.
type Request struct {
	Person     mpi.Person
	Types      []fhir.ResourceType
	Params     []Param  // as in Query
	Provenance bool     // as in Query
	Strategy   Strategy // default Warn
	// Optional makes a type that a source does not have no gap: $everything asks for what there is.
	Optional bool
	// Keep decides, copy by copy and before anything is merged, what belongs to the answer: the client's own parameters
	// and the caller's rights. It is made when all sources have answered, for the person as it is known then: a patient
	// of that person's may have been found meanwhile. Nil keeps everything.
	Keep func(mpi.Person) func(merge.Copy) bool
}

// Result is the answer to a Request.
type Result struct {
	Person   mpi.Person // as it is now: a source's patient may have been found meanwhile
	Record   merge.Record
	Included []merge.Copy // what came along, such as Provenance; unmerged, sorted by source, type and id
	Outcomes []Outcome    // one for each source and type asked for, sorted, always
}

// slot is what one ask leaves.
type slot struct {
	outcome  Outcome
	matches  []fhir.Resource
	included []fhir.Resource
}

// Fetch asks every source that may hold something of the person, all at once. Its error is a *concord.Fault: with
// Strategy Abort the first failure by source and type, otherwise only Canceled. Sources that fail are Outcomes.
func (s *Session) Fetch(r Request) (Result, error) {
	known := s.locate(r.Person)
	slots := make([][]slot, len(s.sources))
	var g errgroup.Group
	for i, c := range s.sources {
		slots[i] = make([]slot, len(r.Types))
		g.Go(func() error {
			s.fetchFrom(c, r, known, slots[i])
			return nil
		})
	}
	_ = g.Wait() // the asks put their errors into their slots
	res := Result{Person: known.person()}
	keep := func(merge.Copy) bool { return true }
	if r.Keep != nil {
		keep = r.Keep(res.Person)
	}
	batches := make([]merge.Batch, 0, len(slots))
	for i, c := range s.sources {
		b := merge.Batch{Source: c.About().Source}
		for _, x := range slots[i] {
			b.Resources = slices.Grow(b.Resources, len(x.matches))
			for _, m := range x.matches {
				if keep(merge.Copy{Source: b.Source, Resource: m}) {
					b.Resources = append(b.Resources, m)
					x.outcome.Resources++
				}
			}
			s.f.opts.Observe(x.outcome)
			res.Outcomes = append(res.Outcomes, x.outcome)
			for _, inc := range x.included {
				res.Included = append(res.Included, merge.Copy{Source: b.Source, Resource: inc})
			}
		}
		batches = append(batches, b)
	}
	sortOutcomes(res.Outcomes)
	if s.ctx.Err() != nil && endedBy(s.ctx) == concord.Canceled {
		return res, &concord.Fault{Op: "fetch", Kind: concord.Canceled}
	}
	if r.Strategy == Abort {
		if f := firstGap(res.Outcomes); f != nil {
			return res, f
		}
	}
	res.Record = s.f.engine.Merge(batches)
	return res, nil
}

// firstGap is the fault of the first outcome that is not complete.
func firstGap(all []Outcome) *concord.Fault {
	for _, o := range all {
		switch {
		case o.Complete():
		case o.Fault != nil:
			return o.Fault
		default:
			return &concord.Fault{Op: "fetch", Kind: concord.Incomplete, Source: o.Source}
		}
	}
	return nil
}

// fetchFrom asks one source for all types, each into its own slot.
func (s *Session) fetchFrom(c Connector, r Request, known *locator, slots []slot) {
	about := c.About()
	for i, t := range r.Types {
		slots[i].outcome = Outcome{Source: about.Source, Type: t, Status: OK}
	}
	refs, fault := known.at(c)
	if fault != nil {
		for i := range slots {
			slots[i].outcome.failed(fault, 0)
			slots[i].outcome.Began, slots[i].outcome.Elapsed = s.began, time.Since(s.began)
		}
		return
	}
	var g errgroup.Group
	for i, t := range r.Types {
		if !c.Supports(t) {
			if !r.Optional {
				slots[i].outcome.failed(&concord.Fault{Op: "search", Kind: concord.Unsupported, Source: about.Source}, 0)
			}
			continue
		}
		for _, ref := range refs { // more than one only if the source itself keeps a person twice
			g.Go(func() error {
				s.fetchOne(c, r, t, known, ref, &slots[i])
				return nil
			})
			if len(refs) > 1 {
				_ = g.Wait() // they share a slot
			}
		}
	}
	_ = g.Wait()
}

// fetchOne asks one source for one type of one patient.
func (s *Session) fetchOne(c Connector, r Request, t fhir.ResourceType, known *locator, ref concord.PatientRef, x *slot) {
	began := time.Now()
	search := func() (Page, error) {
		q := Query{Type: t, Patient: ref, Params: r.Params, Provenance: r.Provenance}
		return ask(s, c, "search", func(ctx context.Context) (Page, error) { return c.Search(ctx, q) })
	}
	page, err := search()
	asked := ref
	if ref, err = known.now(ref, page, err); ref != asked {
		x.outcome.Requests += page.Requests
		page, err = search()
	}
	chart := chart{ids: known.ids(ref), base: c.About().Base}
	before := len(x.matches) // those of another patient of the person at the same source
	x.matches = slices.Grow(x.matches, len(page.Matches))
	for _, m := range page.Matches {
		switch {
		case m.Type() != t || m.ID() == "" || !chart.holds(m):
			x.outcome.note(NoteDropped)
		default:
			x.matches = append(x.matches, m)
		}
	}
	for _, m := range page.Included {
		if !r.Provenance || m.Type() != fhir.TypeProvenance || m.ID() == "" {
			x.outcome.note(NoteDropped)
			continue
		}
		x.included = append(x.included, m)
	}
	for _, n := range page.Notes {
		x.outcome.note(n.Code)
	}
	x.outcome.Requests += page.Requests
	if err != nil {
		x.outcome.failed(err, len(page.Matches)+before)
	}
	if x.outcome.Began.IsZero() {
		x.outcome.Began = began
	}
	x.outcome.Elapsed = max(x.outcome.Elapsed, time.Since(began))
}

// chart is a patient at a source: the ids there, and the source's base URL.
type chart struct {
	ids  map[string]bool
	base string
	mine string // the reference by which a resource was found to be of the patient, which nearly all others have too
}

// holds tells whether a resource is of the patient that was asked for. The element that says whose chart it is in decides
// alone; only where there is none do the compartment's other links count. A resource that says nothing of its patient
// belongs to nobody.
func (c *chart) holds(r fhir.Resource) bool {
	if r.Type() == fhir.TypePatient {
		return c.ids[r.ID()]
	}
	for _, n := range [...]string{"subject", "patient", "beneficiary", "for"} {
		if v := r.Get(n).Get("reference"); v.Exists() {
			return c.means(v)
		}
	}
	for v := range fhir.PatientReferences(r) {
		if c.means(v) {
			return true
		}
	}
	return false
}

// means tells whether a reference means the patient.
func (c *chart) means(v fhir.Value) bool {
	if c.mine != "" && v.Is(c.mine) {
		return true
	}
	text := v.Text()
	x := fhir.ParseReference(text, c.base)
	if x.Kind != fhir.LocalReference || x.Type != fhir.TypePatient || !c.ids[x.ID] {
		return false
	}
	c.mine = text
	return true
}
