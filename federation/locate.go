package federation

import (
	"context"
	"errors"
	"sync"

	"concord"
	"concord/fhir"
	"concord/mpi"
	"concord/mpi/match"
)

// locator knows one person's patients at the sources during a request, and looks for those that are not known yet.
type locator struct {
	s *Session

	mu sync.Mutex
	p  mpi.Person

	seed func() (mpi.Demographics, error) // what is known of the person, read once, from the first source that answers
}

func (s *Session) newLocator(p mpi.Person) *locator {
	l := &locator{s: s, p: p}
	l.seed = sync.OnceValues(l.readSeed)
	return l
}

// person is the person as it is known now.
func (l *locator) person() mpi.Person {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.p
}

// at is the person's patients at a source: those that are linked, or the one that is found now. None and no fault means
// that the source has answered that it has nobody like that.
func (l *locator) at(c Connector) ([]concord.PatientRef, *concord.Fault) {
	source := c.About().Source
	if refs := refsAt(l.person(), source); len(refs) > 0 {
		return refs, nil
	}
	if at, ok := l.person().Absent[source]; ok && l.s.f.opts.Now().Sub(at) < l.s.f.opts.AbsentFor {
		return nil, nil
	}
	if !c.Supports(fhir.TypePatient) {
		return nil, &concord.Fault{Op: "find", Kind: concord.Unsupported, Source: source}
	}
	seed, err := l.seed()
	if err != nil {
		return nil, &concord.Fault{Op: "find", Kind: concord.KindOf(err), Source: source, Err: err}
	}
	found, err := l.s.candidates(c, seed)
	if err != nil {
		return nil, faultOf(source, err)
	}
	return l.settle(source, found)
}

func refsAt(p mpi.Person, source concord.SourceID) (out []concord.PatientRef) {
	for _, r := range p.Refs() {
		if r.Source == source {
			out = append(out, r)
		}
	}
	return out
}

// settle links what was found, or remembers that there was nobody.
func (l *locator) settle(source concord.SourceID, found []mpi.Candidate) ([]concord.PatientRef, *concord.Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(found) == 0 {
		p, err := l.s.f.index.MarkAbsent(l.s.ctx, l.p.ID, source, l.s.f.opts.Now())
		if errors.Is(err, concord.NotFound) {
			p, err = l.again()
		}
		if err != nil {
			return nil, faultOf(source, err)
		}
		l.p = p
		return nil, nil
	}
	a, err := l.s.f.index.Attach(l.s.ctx, l.p.ID, found)
	if errors.Is(err, concord.NotFound) { // the person has become one with an older one meanwhile
		if l.p, err = l.again(); err == nil {
			a, err = l.s.f.index.Attach(l.s.ctx, l.p.ID, found)
		}
	}
	if err != nil {
		return nil, faultOf(source, err)
	}
	l.p = a.Person
	if refs := refsAt(l.p, source); len(refs) > 0 {
		return refs, nil
	}
	// somebody there may be the person, and it is not certain who: nothing is shown, and that is said
	return nil, &concord.Fault{Op: "find", Kind: concord.Incomplete, Source: source}
}

// again is the person whom the first of the known patients is now.
func (l *locator) again() (mpi.Person, error) {
	refs := l.p.Refs()
	if len(refs) == 0 {
		return l.p, &concord.Fault{Op: "find", Kind: concord.NotFound}
	}
	return l.s.f.index.Lookup(l.s.ctx, refs[0])
}

// readSeed reads the person's demographics at a source where the person is known.
func (l *locator) readSeed() (mpi.Demographics, error) {
	var last error = &concord.Fault{Op: "find", Kind: concord.NotFound}
	for _, ref := range l.person().Refs() {
		r, err := l.s.patient(ref)
		if err == nil {
			return mpi.FromPatient(ref.Source, r), nil
		}
		last = err
	}
	return mpi.Demographics{}, last
}

// patient is a source's Patient, read at most once in a session unless it fails.
func (s *Session) patient(ref concord.PatientRef) (fhir.Resource, error) {
	s.mu.Lock()
	r, ok := s.patients[ref]
	s.mu.Unlock()
	if ok {
		return r, nil
	}
	c := s.f.source(ref.Source)
	if c == nil {
		return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.NotFound, Source: ref.Source}
	}
	r, err := ask(s, c, "read", func(ctx context.Context) (fhir.Resource, error) {
		return c.Read(ctx, fhir.TypePatient, ref.Reveal())
	})
	if err != nil {
		return fhir.Resource{}, err
	}
	if r.Type() != fhir.TypePatient || r.ID() != ref.Reveal() {
		return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.Malformed, Source: ref.Source}
	}
	s.keep(ref, r)
	return r, nil
}

func (s *Session) keep(ref concord.PatientRef, r fhir.Resource) {
	s.mu.Lock()
	s.patients[ref] = r
	s.mu.Unlock()
}

// candidates looks for a person at a source, in several forms because sites spell differently, and gives those who may
// be the person, with the decision. An error means that the source did not answer all that it was asked, and nothing
// certain was found.
func (s *Session) candidates(c Connector, seed mpi.Demographics) ([]mpi.Candidate, error) {
	source := c.About().Source
	var patients []mpi.Demographics
	seen := map[concord.PatientRef]bool{}
	var gap error
	asked := false
	for _, form := range match.SearchForms(seed) {
		params := make([]Param, len(form))
		for i, p := range form {
			params[i] = Param{Key: p.Key, Value: p.Value}
		}
		page, err := ask(s, c, "find", func(ctx context.Context) (Page, error) {
			return c.Search(ctx, Query{Type: fhir.TypePatient, Params: params})
		})
		for _, r := range page.Matches {
			ref := concord.NewPatientRef(source, r.ID())
			if r.Type() != fhir.TypePatient || r.ID() == "" || seen[ref] {
				continue
			}
			seen[ref] = true
			s.keep(ref, r)
			patients = append(patients, mpi.FromPatient(source, r))
		}
		switch {
		case err == nil:
			asked = true
		case errors.Is(err, concord.Unsupported):
			// this form is not for this source; another may be
		default:
			gap = err
		}
		for _, n := range page.Notes {
			if n.Code.Incomplete() && gap == nil {
				gap = &concord.Fault{Op: "find", Kind: concord.Incomplete, Source: source}
			}
		}
		if certain, _ := match.Best(seed, patients); len(certain) > 0 {
			break
		}
	}
	certain, review := match.Best(seed, patients)
	switch {
	case len(certain) > 0:
		return append(certain, review...), nil
	case gap != nil:
		return nil, gap
	case !asked:
		return nil, &concord.Fault{Op: "find", Kind: concord.Unsupported, Source: source}
	}
	return nil, nil // those for review are nobody's record until somebody has looked; see mpi
}
