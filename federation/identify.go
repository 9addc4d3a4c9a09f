package federation

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// Identify is the person whom a source's patient is. A patient that the index does not know is read at its source,
// becomes a person, and is looked for at the other sources; those that fail are looked at again on the next use.
// The error is a *concord.Fault: NotFound when the source has no such patient, or whatever kept the source from saying.
func (s *Session) Identify(ref concord.PatientRef) (mpi.Person, error) {
	p, err := s.f.index.Lookup(s.ctx, ref)
	switch {
	case err == nil && !p.Has(ref): // linked, and not with certainty: to show that person's record would be a guess
		return mpi.Person{}, &concord.Fault{Op: "identify", Kind: concord.NotFound}
	case err == nil || !errors.Is(err, concord.NotFound):
		return p, err
	}
	r, err := s.patient(ref)
	var moved *MovedTo
	if errors.As(err, &moved) && moved.Ref != ref && moved.Ref.Source == ref.Source {
		ref = moved.Ref
		if p, err := s.f.index.Lookup(s.ctx, ref); err == nil && p.Has(ref) {
			return p, nil
		}
		r, err = s.patient(ref)
	}
	if err != nil {
		return mpi.Person{}, faultOf(ref.Source, err)
	}
	return s.register(mpi.FromPatient(ref.Source, r))
}

// register makes a person of a patient that is not known, and looks for it everywhere else. A source that is slow to say is
// not waited for to the end, lest nothing be left of the others' time: whatever is fetched next waits for it, and tells of
// it when it fails.
func (s *Session) register(d mpi.Demographics) (mpi.Person, error) {
	p, err := s.f.index.Register(s.ctx, d)
	if err != nil {
		return mpi.Person{}, err
	}
	known := s.locate(p)
	done := make(chan struct{}, len(s.sources))
	patience := time.Duration(math.MaxInt64)
	for _, c := range s.sources {
		patience = min(patience, c.About().Budget/3)
		go func() { // ends with the source's budget
			_, _ = known.at(c)
			done <- struct{}{}
		}()
	}
	enough := time.NewTimer(time.Until(s.began.Add(patience)))
	defer enough.Stop()
	for range s.sources {
		select {
		case <-done:
		case <-enough.C:
			return known.person(), nil
		}
	}
	return known.person(), nil
}

// Person is the person of that id. The error is a *concord.Fault: NotFound, or the index's.
func (s *Session) Person(id mpi.PersonID) (mpi.Person, error) { return s.f.index.Person(s.ctx, id) }

// ReadCopy is one source's copy, and what became of the source. The error is the Outcome's Fault, as of Connector.Read.
func (s *Session) ReadCopy(source concord.SourceID, t fhir.ResourceType, id string) (merge.Copy, Outcome, error) {
	began := time.Now()
	o := Outcome{Source: source, Type: t, Status: OK, Requests: 1, Resources: 1}
	r, err := s.readAny(source, t, id)
	if err != nil {
		o.Resources = 0
		o.failed(err, 0)
		err = o.Fault
	}
	o.Began, o.Elapsed = began, time.Since(began)
	s.f.opts.Observe(o)
	return merge.Copy{Source: source, Resource: r}, o, err
}

func (s *Session) readAny(source concord.SourceID, t fhir.ResourceType, id string) (fhir.Resource, error) {
	c := s.source(source)
	switch {
	case t == fhir.TypePatient:
		return s.patient(concord.NewPatientRef(source, id))
	case c == nil || !c.Supports(t):
		return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.NotFound, Source: source}
	}
	return s.read(c, t, id)
}

// read reads one resource, and takes nothing for it but the one that was asked for.
func (s *Session) read(c Connector, t fhir.ResourceType, id string) (fhir.Resource, error) {
	r, err := ask(s, c, "read", func(ctx context.Context) (fhir.Resource, error) { return c.Read(ctx, t, id) })
	if err == nil && (r.Type() != t || r.ID() != id) {
		err = &concord.Fault{Op: "read", Kind: concord.Malformed, Source: c.About().Source}
	}
	if err != nil {
		return fhir.Resource{}, err
	}
	return r, nil
}

// Unified is a person and its sources' Patients.
type Unified struct {
	Person   mpi.Person
	Copies   []merge.Copy // sorted by source and id
	Outcomes []Outcome    // one for each source, of type Patient, sorted
}

// Patients reads a person's Patient at every source that has one, and looks for it at those that are not known to have
// none.
func (s *Session) Patients(p mpi.Person) Unified {
	known := s.locate(p)
	slots := make([]slot, len(s.sources))
	var g errgroup.Group
	for i, c := range s.sources {
		x := &slots[i]
		x.outcome = Outcome{Source: c.About().Source, Type: fhir.TypePatient, Status: OK}
		g.Go(func() error {
			began := time.Now()
			defer func() { x.outcome.Began, x.outcome.Elapsed = began, time.Since(began) }()
			refs, fault := known.at(c)
			if fault != nil {
				x.outcome.failed(fault, 0)
				return nil
			}
			for _, ref := range refs {
				l := known.look(ref)
				x.outcome.Requests++
				if l.err != nil {
					x.outcome.failed(l.err, len(x.matches))
					continue
				}
				x.matches = append(x.matches, l.r)
			}
			return nil
		})
	}
	_ = g.Wait()
	u := Unified{Person: known.person()}
	for i, c := range s.sources {
		for _, r := range slots[i].matches {
			u.Copies = append(u.Copies, merge.Copy{Source: c.About().Source, Resource: r})
		}
		slots[i].outcome.Resources = len(slots[i].matches)
		s.f.opts.Observe(slots[i].outcome)
		u.Outcomes = append(u.Outcomes, slots[i].outcome)
	}
	sortOutcomes(u.Outcomes)
	return u
}

// Find is a search of people.
type Find struct {
	Params []Param
	// Keep tells whether a source's Patient is one that is looked for; called from several goroutines.
	Keep func(merge.Copy) bool
	// Most bounds how many people may be found; with more, the error is of Kind Invalid: narrow the search.
	Most int
}

// Find is the people of whom some source has a Patient that matches, sorted by id, and an outcome for each source. The
// error is a *concord.Fault: Invalid when too many match, otherwise the index's.
func (s *Session) Find(f Find) ([]mpi.Person, []Outcome, error) {
	slots := make([]slot, len(s.sources))
	var g errgroup.Group
	for i, c := range s.sources {
		x := &slots[i]
		x.outcome = Outcome{Source: c.About().Source, Type: fhir.TypePatient, Status: OK}
		g.Go(func() error {
			s.findAt(c, f, x)
			for _, r := range x.matches[:min(len(x.matches), f.Most)] {
				s.prepare(concord.NewPatientRef(c.About().Source, r.ID()))
			}
			return nil
		})
	}
	_ = g.Wait()
	s.prepared.Wait()
	var refs []concord.PatientRef
	var outcomes []Outcome
	for i, c := range s.sources {
		s.f.opts.Observe(slots[i].outcome)
		outcomes = append(outcomes, slots[i].outcome)
		for _, r := range slots[i].matches {
			refs = append(refs, concord.NewPatientRef(c.About().Source, r.ID()))
		}
	}
	sortOutcomes(outcomes)
	if len(refs) > f.Most*len(s.sources) {
		return nil, outcomes, &concord.Fault{Op: "find", Kind: concord.Invalid}
	}
	people, err := s.identifyAll(refs)
	if err == nil && len(people) > f.Most {
		err = &concord.Fault{Op: "find", Kind: concord.Invalid}
	}
	return people, outcomes, err
}

// prepare begins to read what will be asked of a person who was found, before the last source has said whom it finds: it
// may use up all the time that there is.
func (s *Session) prepare(ref concord.PatientRef) {
	s.prepared.Go(func() {
		p, err := s.Identify(ref)
		if err != nil {
			return
		}
		known := s.locate(p)
		for _, c := range s.sources {
			s.prepared.Go(func() {
				refs, _ := known.at(c)
				for _, r := range refs {
					_ = known.look(r) // whoever asks for it learns of a failure
				}
			})
		}
	})
}

func (s *Session) findAt(c Connector, f Find, x *slot) {
	if !c.Supports(fhir.TypePatient) {
		x.outcome.failed(&concord.Fault{Op: "search", Kind: concord.Unsupported, Source: c.About().Source}, 0)
		return
	}
	source := c.About().Source
	began := time.Now()
	page, err := ask(s, c, "search", func(ctx context.Context) (Page, error) {
		return c.Search(ctx, Query{Type: fhir.TypePatient, Params: f.Params})
	})
	x.outcome.Began, x.outcome.Elapsed = began, time.Since(began)
	for _, r := range page.Matches {
		if r.Type() != fhir.TypePatient || r.ID() == "" {
			x.outcome.note(NoteDropped)
			continue
		}
		s.keep(concord.NewPatientRef(source, r.ID()), r)
		if f.Keep == nil || f.Keep(merge.Copy{Source: source, Resource: r}) {
			x.matches = append(x.matches, r)
		}
	}
	for _, n := range page.Notes {
		x.outcome.note(n.Code)
	}
	x.outcome.Resources, x.outcome.Requests = len(x.matches), page.Requests
	if err != nil {
		x.outcome.failed(err, len(page.Matches))
	}
}

// identifyAll is the people that patients are, each once.
func (s *Session) identifyAll(refs []concord.PatientRef) ([]mpi.Person, error) {
	var g errgroup.Group
	for _, ref := range refs {
		g.Go(func() error {
			_, err := s.Identify(ref)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	byID := map[mpi.PersonID]mpi.Person{}
	for _, ref := range refs { // again, since several of them may have turned out to be one
		p, err := s.Identify(ref)
		if err != nil {
			return nil, err
		}
		byID[p.ID] = p
	}
	out := make([]mpi.Person, 0, len(byID))
	for _, p := range byID {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b mpi.Person) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return out, nil
}
