package federation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"concord"
	"concord/fhir"
	"concord/mpi"
	"concord/mpi/match"
)

// locator knows one person's patients at the sources during a request, and looks for those that are not known yet: at
// each source once, whoever asks.
type locator struct {
	s     *Session
	known func() ([]mpi.Demographics, error) // what the sources say of the person, read once
	spots map[concord.SourceID]func() spot

	mu    sync.Mutex
	p     mpi.Person
	looks map[concord.PatientRef]func() looked
}

// spot is the person's patients at one source. None and no fault means that the source has answered that it has nobody
// like that.
type spot struct {
	refs  []concord.PatientRef
	fault *concord.Fault
}

// locate is the session's locator of a person.
func (s *Session) locate(p mpi.Person) *locator {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l, ok := s.locators[p.ID]; ok {
		return l
	}
	l := &locator{s: s, p: p, looks: map[concord.PatientRef]func() looked{}, spots: make(map[concord.SourceID]func() spot, len(s.sources))}
	l.known = sync.OnceValues(l.readKnown)
	for _, c := range s.sources {
		l.spots[c.About().Source] = sync.OnceValue(func() spot { return l.find(c) })
	}
	s.locators[p.ID] = l
	return l
}

// person is the person as it is known now.
func (l *locator) person() mpi.Person {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.p
}

// at is the person's patients at a source: those that are linked, or the one that is found now.
func (l *locator) at(c Connector) ([]concord.PatientRef, *concord.Fault) {
	source := c.About().Source
	x := l.spots[source]()
	if x.fault != nil || len(x.refs) == 0 {
		return x.refs, x.fault
	}
	p := l.person() // who may have learnt since that the source merged the patient into another
	if refs := refsAt(p, source); len(refs) > 0 {
		return refs, nil
	}
	return nil, frozenAt(p, source)
}

// frozenAt is the fault of a source whose record of the person has become another human's by its looks; nil when it has
// none such. Until somebody has looked, nothing of it is shown, and nobody else is looked for there.
func frozenAt(p mpi.Person, source concord.SourceID) *concord.Fault {
	for _, k := range p.Links {
		if k.Ref.Source == source && k.Frozen {
			return &concord.Fault{Op: "find", Kind: concord.Incomplete, Source: source}
		}
	}
	return nil
}

func (l *locator) find(c Connector) spot {
	source := c.About().Source
	p := l.person()
	if refs := refsAt(p, source); len(refs) > 0 {
		return spot{refs: refs}
	}
	if fault := frozenAt(p, source); fault != nil {
		return spot{fault: fault}
	}
	if at, ok := p.Absent[source]; ok && l.s.f.opts.Now().Sub(at) < l.s.f.opts.AbsentFor {
		return spot{}
	}
	if !c.Supports(fhir.TypePatient) {
		return spot{fault: &concord.Fault{Op: "find", Kind: concord.Unsupported, Source: source}}
	}
	known, err := l.known()
	if err != nil {
		return spot{fault: &concord.Fault{Op: "find", Kind: concord.KindOf(err), Source: source, Err: err}}
	}
	found, err := l.s.candidates(c, known)
	if err != nil {
		return spot{fault: faultOf(source, err)}
	}
	refs, err := l.settle(source, found)
	if err != nil {
		return spot{fault: faultOf(source, err)}
	}
	return spot{refs: refs}
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
func (l *locator) settle(source concord.SourceID, found []mpi.Candidate) ([]concord.PatientRef, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(found) > 0 {
		var left []mpi.Left
		err := l.change(func(id mpi.PersonID) (mpi.Person, error) {
			a, err := l.s.f.index.Attach(l.s.ctx, id, found)
			left = a.Left
			return a.Person, err
		})
		if err != nil {
			return nil, err
		}
		if refs := refsAt(l.p, source); len(refs) > 0 {
			return refs, nil
		}
		if slices.ContainsFunc(left, func(x mpi.Left) bool { return x.Why != mpi.Refused }) {
			// somebody there may be the person, and it is not certain who: nothing is shown, and that is said
			return nil, &concord.Fault{Op: "find", Kind: concord.Incomplete, Source: source}
		}
		// whoever was found there is not this person: somebody has decided so
	}
	return nil, l.change(func(id mpi.PersonID) (mpi.Person, error) {
		return l.s.f.index.MarkAbsent(l.s.ctx, id, source, l.s.f.opts.Now())
	})
}

// change makes a change to the person, who may have become one with an older one meanwhile. l.mu is held.
func (l *locator) change(f func(mpi.PersonID) (mpi.Person, error)) error {
	p, err := f(l.p.ID)
	if refs := l.p.Refs(); errors.Is(err, concord.NotFound) && len(refs) > 0 {
		if p, err = l.s.f.index.Lookup(l.s.ctx, refs[0]); err == nil {
			p, err = f(p.ID)
		}
	}
	if err != nil {
		return err
	}
	if p.ID != l.p.ID { // whoever asks for the person by the new name need not look again
		l.s.mu.Lock()
		l.s.locators[p.ID] = l
		l.s.mu.Unlock()
	}
	l.p = p
	return nil
}

// readKnown reads what the sources say of the person, in the order of the links. One that has not answered within a third
// of its budget is not waited for if another has: there must be time left to look for the person.
func (l *locator) readKnown() ([]mpi.Demographics, error) {
	refs := l.person().Refs()
	type answer struct {
		i   int
		d   mpi.Demographics
		err error
	}
	answers := make(chan answer, len(refs))
	patience := time.Duration(0)
	for i, ref := range refs {
		if c := l.s.source(ref.Source); c != nil {
			patience = max(patience, c.About().Budget/3)
		}
		go func() {
			x := l.look(ref)
			if x.err != nil {
				answers <- answer{i: i, err: x.err}
				return
			}
			answers <- answer{i: i, d: mpi.FromPatient(ref.Source, x.r)}
		}()
	}
	enough := time.NewTimer(patience)
	defer enough.Stop()
	read := make([]*mpi.Demographics, len(refs))
	last := error(&concord.Fault{Op: "find", Kind: concord.NotFound})
	some, late := false, false
	for range refs {
		if late && some {
			break
		}
		var a answer
		select {
		case a = <-answers:
		case <-enough.C:
			if late = true; some {
				continue
			}
			a = <-answers // each ask ends with its source's budget
		}
		if a.err != nil {
			last = a.err
			continue
		}
		read[a.i], some = &a.d, true
	}
	var known []mpi.Demographics
	for _, d := range read {
		if d != nil {
			known = append(known, *d)
		}
	}
	if len(known) == 0 {
		return nil, last
	}
	return known, nil
}

// patient is a source's Patient, read at most once in a session unless it fails.
func (s *Session) patient(ref concord.PatientRef) (fhir.Resource, error) {
	s.mu.Lock()
	r, ok := s.patients[ref]
	s.mu.Unlock()
	if ok {
		return r, nil
	}
	c := s.source(ref.Source)
	if c == nil {
		return fhir.Resource{}, &concord.Fault{Op: "read", Kind: concord.NotFound, Source: ref.Source}
	}
	r, err := s.read(c, fhir.TypePatient, ref.Reveal())
	if err == nil {
		s.keep(ref, r)
	}
	return r, err
}

func (s *Session) keep(ref concord.PatientRef, r fhir.Resource) {
	s.mu.Lock()
	s.patients[ref] = r
	s.mu.Unlock()
}

// candidates looks for a person at a source, in several forms because sites spell differently, and gives those who may
// be the person, with the decision: the first that are certain, and otherwise all who are not, for somebody to look at. An
// error means that the source did not answer all that it was asked, and nothing certain was found.
func (s *Session) candidates(c Connector, known []mpi.Demographics) ([]mpi.Candidate, error) {
	look := lookup{s: s, c: c, forms: map[string]bool{}, seen: map[concord.PatientRef]bool{}}
	for i, target := range known {
		others := slices.Delete(slices.Clone(known), i, i+1)
		for _, form := range match.SearchForms(target) {
			look.ask(form)
			if certain, review := match.Best(target, look.patients, others...); len(certain) > 0 {
				return append(certain, review...), nil
			}
		}
	}
	switch {
	case look.gap != nil:
		return nil, look.gap
	case !look.answered:
		return nil, &concord.Fault{Op: "find", Kind: concord.Unsupported, Source: c.About().Source}
	}
	var maybe []mpi.Candidate
	for i, target := range known {
		_, review := match.Best(target, look.patients, slices.Delete(slices.Clone(known), i, i+1)...)
		for _, c := range review {
			if !slices.ContainsFunc(maybe, func(o mpi.Candidate) bool { return o.Ref() == c.Ref() }) {
				maybe = append(maybe, c)
			}
		}
	}
	return maybe, nil
}

// lookup is what one source has told about who may be a person.
type lookup struct {
	s        *Session
	c        Connector
	forms    map[string]bool // asked before
	seen     map[concord.PatientRef]bool
	patients []mpi.Demographics
	answered bool  // one form at least
	gap      error // why something may be missing
}

// ask asks in one form, unless it was asked before.
func (l *lookup) ask(form match.Search) {
	if key := fmt.Sprintf("%q", form); !l.forms[key] {
		l.forms[key] = true
	} else {
		return
	}
	source := l.c.About().Source
	params := make([]Param, len(form))
	for i, p := range form {
		params[i] = Param{Key: p.Key, Value: p.Value}
	}
	page, err := ask(l.s, l.c, "find", func(ctx context.Context) (Page, error) {
		return l.c.Search(ctx, Query{Type: fhir.TypePatient, Params: params})
	})
	for _, r := range page.Matches {
		ref := concord.NewPatientRef(source, r.ID())
		if r.Type() != fhir.TypePatient || r.ID() == "" || l.seen[ref] {
			continue
		}
		l.seen[ref] = true
		l.s.keep(ref, r)
		l.patients = append(l.patients, mpi.FromPatient(source, r))
	}
	switch {
	case err == nil:
		l.answered = true
	case errors.Is(err, concord.Unsupported):
		// this form is not for this source; another may be
	default:
		l.gap = err
	}
	for _, n := range page.Notes {
		if n.Code.Incomplete() && l.gap == nil {
			l.gap = &concord.Fault{Op: "find", Kind: concord.Incomplete, Source: source}
		}
	}
}
