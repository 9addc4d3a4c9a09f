package merge

import (
	"strings"
	"unsafe"

	"concord"
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
	// primary is the system that nearly every copy has a code of; what has none is found by its words as well.
	primary system
	// decisive are the systems in which one event has one code.
	decisive []system
	// when is the element that says when; of a Period the start counts.
	when element
	// late is one that says when it was written down, if any, for copies that lack when; both must lack it.
	late element
	// tolerance is by how many seconds two instants may differ; daily tells that only the day counts.
	tolerance int64
	daily     func(f *Facts) bool
	// undated is what two copies may be of which one has no time or neither; rough where one has only a year or a month.
	undated, rough Relation
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
	w.facts = w.begin(c)
	f := &w.facts // what is pointed to from here and there would be allocated each time
	if w.opaque() {
		return *f
	}
	status := w.top.el(elStatus)
	f.standing = max(standingIn(status), standingIn(w.top.el(elVerificationStatus)), standingIn(w.top.el(elClinicalStatus)))
	if status.IsString() {
		f.status = digest(status.Text())
	}
	w.ids(f, "identifier")
	w.ids(f, r.identifiers...)
	w.endIDs(f)
	f.visit = w.visit(f)
	f.what = r.readWhat(c, w)
	f.when = r.readWhen(w)
	if r.extra != nil {
		r.extra(w, f)
	}
	if r.anyCode {
		r.find(f, w, digest("any"))
		w.end(f)
		return *f
	}
	for _, x := range f.what.codes {
		r.find(f, w, x.key)
	}
	if f.looksUp = !inSystem(f.what.codes, r.primary); f.looksUp {
		for _, t := range f.what.texts {
			r.find(f, w, t)
		}
	}
	w.end(f)
	return *f
}

// find adds keys of a time to what the event is called.
func (r *clinical) find(f *Facts, w *World, what Key) {
	daily := r.daily != nil && r.daily(f)
	f.timeKeys(w, what, r.tolerance, daily, r.undated > Distinct, r.rough > Distinct)
}

// lookUp adds keys of the codes that the glossary has for f.
func (r *clinical) lookUp(f *Facts, w *World) {
	w.keys, w.seek = append(w.keys[:0], f.Keys...), append(w.seek[:0], f.Seek...)
	for _, x := range f.what.gloss {
		if !hasCode(f.what.codes, x.key) {
			r.find(f, w, x.key)
		}
	}
	w.end(f)
}

func inSystem(codes []coded, s system) bool {
	for _, c := range codes {
		if c.sys == s {
			return true
		}
	}
	return false
}

func (r *clinical) readWhat(c Copy, w *World) *concept {
	for _, n := range r.what {
		v := w.top.get(c.Value, n)
		switch {
		case !v.Exists():
			continue
		case !isReference(v):
			return w.known(c.Source, v, fhir.Value{})
		}
		target, _ := w.target(c, v)
		return w.known(c.Source, target.Get("code"), v.Get("display"))
	}
	return &w.none
}

// known is what a concept, and words beside it, say; read once for each source.
func (w *World) known(source concord.SourceID, v, words fhir.Value) *concept {
	raw := v.Raw()
	k := conceptKey{source, unsafe.String(unsafe.SliceData(raw), len(raw))} //nolint:gosec // a document never changes
	if words.Exists() {
		k.raw = string(raw) + string(words.Raw())
	}
	if out, ok := w.concepts[k]; ok {
		return out
	}
	w.reset()
	w.readConcept(v)
	if len(w.codes)+len(w.texts) == 0 && v.Get("display").IsString() { // a reference without an address
		w.readText(v.Get("display"))
	}
	w.readText(words)
	out := w.take()
	if w.concepts == nil {
		w.concepts = map[conceptKey]*concept{}
	}
	w.concepts[k] = out
	return out
}

func (r *clinical) readWhen(w *World) moment {
	if m := timeOf(w.top.el(r.when)); m.kind != timeless {
		return m
	}
	if r.late == otherElement {
		return moment{}
	}
	m := timeOf(w.top.el(r.late))
	m.late = m.kind != timeless
	return m
}

// timeOf reads a time, or the beginning of a Period.
func timeOf(v fhir.Value) moment {
	if v.IsObject() {
		v = v.Get("start")
	}
	if !v.IsString() || strings.HasSuffix(v.Name(), "String") { // words
		return moment{}
	}
	return momentOf(v)
}

// Compare says what two copies are to each other.
func (r *clinical) Compare(a, b *Facts) Verdict {
	p := pair{a: a, b: b, same: sameIdentity(a, b)}
	if r.drug {
		p.like = alikeDrugs(a.what, b.what)
	} else {
		p.like = alike(a.what, b.what, r.decisive...)
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
	case translated:
		return min(rel, Loosely)
	case unlike, silent, contrary:
	}
	return Distinct
}

// always is for types of which only the day counts.
func always(*Facts) bool { return true }
