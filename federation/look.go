package federation

import (
	"errors"
	"sync"
	"time"

	"concord"
	"concord/fhir"
	"concord/mpi"
)

// looked is what became of looking at one of a person's Patients.
type looked struct {
	ref concord.PatientRef // the patient that it is now: the source may have merged it into another
	r   fhir.Resource
	err error
}

// mergers bounds how often a source may have merged a patient into the next.
const mergers = 4

// look reads a person's Patient at a source, once in a session, has the index take note of what it says, and follows it when
// the source has merged it into another. A record that has become another human's by its looks is not shown: Incomplete.
func (l *locator) look(ref concord.PatientRef) looked {
	l.mu.Lock()
	f, ok := l.looks[ref]
	if !ok {
		f = sync.OnceValue(func() looked { return l.lookNow(ref) })
		l.looks[ref] = f
	}
	l.mu.Unlock()
	return f()
}

func (l *locator) lookNow(ref concord.PatientRef) looked {
	index, ctx := l.s.f.index, l.s.ctx
	asked := ref
	for range mergers {
		r, err := l.s.patient(ref)
		var moved *MovedTo
		switch {
		case errors.As(err, &moved) && moved.Ref.Source == ref.Source && moved.Ref != ref:
			if _, err := index.Replaced(ctx, ref, moved.Ref); err != nil {
				return looked{ref: ref, err: err}
			}
			ref = moved.Ref
		case err != nil:
			return looked{ref: ref, err: err}
		default:
			p, err := index.Observe(ctx, mpi.FromPatient(ref.Source, r))
			if errors.Is(err, concord.NotFound) {
				return l.own(asked, looked{ref: ref, r: r})
			}
			if err != nil {
				return looked{ref: ref, err: err}
			}
			link := linkOf(p, ref)
			switch {
			case link.Frozen:
				err = &concord.Fault{Op: "read", Kind: concord.Incomplete, Source: ref.Source}
				if e := l.refresh(); e != nil {
					err = e
				}
				return looked{ref: ref, err: err}
			case link.ReplacedBy.IsZero():
				return l.own(asked, looked{ref: ref, r: r})
			}
			ref = link.ReplacedBy
		}
		if err := l.refresh(); err != nil {
			return looked{ref: ref, err: err}
		}
	}
	return looked{ref: ref, err: &concord.Fault{Op: "read", Kind: concord.Malformed, Source: ref.Source}}
}

// own is what was found when it is still the person's: the source may have merged the patient into one whom the index holds
// to be somebody else. Only then is an empty answer of the source to be believed for a while.
func (l *locator) own(asked concord.PatientRef, x looked) looked {
	if x.ref != asked && !l.person().Has(x.ref) {
		return looked{ref: x.ref, err: &concord.Fault{Op: "read", Kind: concord.Incomplete, Source: x.ref.Source}}
	}
	l.s.f.seen.mark(x.ref, l.s.f.opts.Now())
	return x
}

// linkOf is a person's link to a patient; the zero Link when there is none.
func linkOf(p mpi.Person, ref concord.PatientRef) mpi.Link {
	for _, l := range p.Links {
		if l.Ref == ref {
			return l
		}
	}
	return mpi.Link{}
}

// refresh takes over what the index says of the person now.
func (l *locator) refresh() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.change(func(id mpi.PersonID) (mpi.Person, error) { return l.s.f.index.Person(l.s.ctx, id) })
}

// now is the patient as which a search has to be done over: the source has merged the one that was asked for into another
// and says so, or it answers with nothing, as Oracle Health does. The Patient of an empty answer is read, but not when it
// was seen shortly before.
func (l *locator) now(ref concord.PatientRef, page Page, err error) (concord.PatientRef, error) {
	var moved *MovedTo
	if !errors.As(err, &moved) && (err != nil || len(page.Matches) > 0 || l.s.f.seen.lately(ref, l.s.f.opts)) {
		return ref, err
	}
	x := l.look(ref)
	if x.err != nil && errors.Is(x.err, concord.Incomplete) {
		return ref, x.err
	}
	if x.err != nil || x.ref == ref {
		return ref, err // whatever keeps the Patient from being read is told where it is asked for
	}
	return x.ref, nil
}

// ids are those by which the source's references mean a patient: its own, and those of patients that were merged into it.
func (l *locator) ids(ref concord.PatientRef) map[string]bool {
	all := map[string]bool{ref.Reveal(): true}
	for _, k := range l.person().Links {
		if k.ReplacedBy == ref {
			all[k.Ref.Reveal()] = true
		}
	}
	return all
}

// seen remembers when each patient was last read at its source. It is safe for concurrent use.
type seen struct {
	mu sync.Mutex
	at map[concord.PatientRef]time.Time
}

// mostSeen bounds what is remembered; beyond it everything is looked at anew.
const mostSeen = 100_000

func (s *seen) mark(ref concord.PatientRef, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == nil || len(s.at) >= mostSeen {
		s.at = map[concord.PatientRef]time.Time{}
	}
	s.at[ref] = now
}

// lately tells whether ref was read so shortly before that a source is believed without another look.
func (s *seen) lately(ref concord.PatientRef, o Options) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.at[ref]
	return ok && o.Now().Sub(at) < o.AbsentFor
}
