package merge

import (
	"unsafe"

	"strings"

	"concord/fhir"
)

// clinical is the rule of a type whose resources record an event: copies are one when a code of it is shared, their
// times agree, and nothing that both say differs. A business identifier that both have stands for the time.
type clinical struct {
	typ fhir.ResourceType
	// what are the elements that say what happened; the first that a copy has counts.
	what []string
	// drug tells that it is a medication, which may be referred to.
	drug bool
	// decisive are the systems in which one event has one code.
	decisive []system
	// when are the elements that say when, the first that exists counts; of a Period the start.
	when []string
	// late are those that say when it was written down, for copies that have none of when; both must lack it.
	late []string
	// tolerance is by how many seconds two instants may differ; daily tells that only the day counts.
	tolerance int64
	daily     func(f *Facts) bool
	// undated is what two copies may be of which one has no time or neither; rough where one has only a year or a month.
	undated, rough Relation
	// often are elements that the checks ask for; those that end in [x] are choices.
	often []string
	// identifiers are the elements that hold business identifiers.
	identifiers []string
	// extra, if any, adds keys of the type's own. anyCode finds copies by time alone.
	extra   func(w *World, f *Facts)
	anyCode bool
	// identify, if any, says what code and time make of two copies; nil is the usual.
	identify func(p *pair) Relation
	// checks are asked in their order.
	checks []check
}

// Name is the resource type.
func (r *clinical) Name() string { return string(r.typ) }

// Read reads codes, time and identifiers.
func (r *clinical) Read(c Copy, w *World) Facts {
	f := w.begin(c)
	if opaque(c) {
		return f
	}
	f.names, f.slots = r.often, w.readSlots(c, r.often)
	f.standing = standingOf(&f)
	if v := f.Get("status"); v.IsString() {
		f.status = digest(v.Text())
	}
	w.ids(&f, "identifier")
	w.ids(&f, r.identifiers...)
	w.endIDs(&f)
	f.visit = w.visit(&f)
	f.what = r.readWhat(c, w)
	f.when = r.readWhen(c)
	if r.extra != nil {
		r.extra(w, &f)
	}
	daily := r.daily != nil && r.daily(&f) // after extra, whose flags it may ask for
	find := func(base Key, seekOnly bool) {
		f.timeKeys(w, base, seekOnly, r.tolerance, daily, r.undated > Distinct, r.rough > Distinct)
	}
	if r.anyCode {
		find(digest("any"), false)
		w.end(&f)
		return f
	}
	for _, x := range f.what.codes {
		find(x.key, false)
	}
	for _, t := range f.what.texts {
		find(t, len(f.what.codes) > 0)
	}
	w.end(&f)
	return f
}

func (r *clinical) readWhat(c Copy, w *World) concept {
	w.reset()
	for _, n := range r.what {
		v := c.Get(n)
		if !v.Exists() {
			continue
		}
		if !isReference(v) {
			raw := v.Raw()
			if known, ok := w.concepts[string(raw)]; ok {
				return known
			}
			w.readConcept(v)
			if len(w.codes)+len(w.texts) == 0 {
				if d := v.Get("display"); d.IsString() { // a reference without one
					w.readText(d)
				}
			}
			out := w.take()
			if w.concepts == nil {
				w.concepts = map[string]concept{}
			}
			w.concepts[unsafe.String(unsafe.SliceData(raw), len(raw))] = out //nolint:gosec // a document never changes
			return out
		}
		if target, _ := w.target(c, v); target.Exists() {
			w.readConcept(target.Get("code"))
		}
		w.readText(v.Get("display"))
		break
	}
	return w.take()
}

func (r *clinical) readWhen(c Copy) moment {
	for _, n := range r.when {
		if m := timeIn(c, n); m.kind != timeless {
			return m
		}
	}
	for _, n := range r.late {
		if m := timeIn(c, n); m.kind != timeless {
			m.late = true
			return m
		}
	}
	return moment{}
}

func timeIn(c Copy, element string) moment {
	v := c.Get(element)
	if v.IsObject() {
		v = v.Get("start")
	}
	if !v.IsString() {
		return moment{}
	}
	return momentOf(v)
}

// Compare says what two copies are to each other.
func (r *clinical) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	if r.drug {
		p.like = alikeDrugs(&a.what, &b.what)
	} else {
		p.like = alike(&a.what, &b.what, r.decisive...)
	}
	daily := r.daily != nil && a.when.lo != b.when.lo && r.daily(a) && r.daily(b)
	p.time = timingOf(a.when, b.when, r.tolerance, daily)
	v := Verdict{Relation: r.relation(&p), Agreed: p.evidence()}
	if p.like == contrary && v.Relation == Distinct && p.time >= nearby && !r.drug {
		v.Relation, v.In = Nearly, ConflictCoding
	}
	if v.Relation == Distinct || !v.apply(negation(&p)) {
		return Verdict{}
	}
	for _, c := range r.checks {
		if !v.apply(c(&p)) {
			return Verdict{}
		}
	}
	return v.settle()
}

// apply takes a finding in; false when it tells the two apart.
func (v *Verdict) apply(f finding) bool {
	switch f.most {
	case Distinct:
		return false
	case Conflict:
		if v.In == "" {
			v.In = f.in
		}
	case Loosely, Nearly, Exactly:
		v.Relation = min(v.Relation, f.most)
	}
	v.Agreed |= f.agreed
	return true
}

// settle makes what was found a conflict, if anything was.
func (v *Verdict) settle() Verdict {
	if v.In != "" {
		v.Relation, v.Sure = Conflict, v.Relation
	}
	return *v
}

// relation is what identifiers, code and time make of two copies, before anything else is looked at.
func (r *clinical) relation(p *pair) Relation {
	if p.same != 0 {
		return p.identity()
	}
	if r.identify != nil {
		return r.identify(p)
	}
	return r.usual(p)
}

// usual goes by code and time.
func (r *clinical) usual(p *pair) Relation {
	rel := Distinct
	switch p.time {
	case sameTime:
		rel = Exactly
	case nearby:
		rel = Nearly
	case sameDay:
		rel = Loosely
	case roughly:
		rel = r.rough
	case oneTime, noTimes:
		rel = r.undated
	case timesDiffer:
	}
	switch p.like {
	case shared:
		return rel
	case worded: // words are weak, so that no tolerance is left
		return min(rel, Nearly)
	case unlike, silent, contrary:
	}
	return Distinct
}

// readSlots are elements of c, in the world's memory.
func (w *World) readSlots(c Copy, names []string) []fhir.Value {
	w.slots = w.slots[:0]
	for _, n := range names {
		if s, ok := strings.CutSuffix(n, "[x]"); ok {
			w.slots = append(w.slots, choice(c.Value, s))
		} else {
			w.slots = append(w.slots, c.Get(n))
		}
	}
	return w.slotArena.take(w.slots)
}

// always is for types of which only the day counts.
func always(*Facts) bool { return true }
