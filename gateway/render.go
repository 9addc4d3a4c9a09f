package gateway

import (
	"slices"
	"strings"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// The systems and urls of the marks (contract).
const (
	systemSource   = "urn:concord:source"
	systemConflict = "urn:concord:conflict"
	systemRepeat   = "urn:concord:possible-duplicate"
	urlContributor = "urn:concord:contributor"
	urlReference   = "urn:concord:reference" // what a source wrote as a reference that leads nowhere here
)

// renderer writes merged entries as the gateway's own resources. It serves one answer, and is not safe for concurrent
// use.
type renderer struct {
	base      string                                         // of the gateway, such as https://hie.example.org/fhir/r4
	bases     map[concord.SourceID]string                    // of the sources
	offers    func(concord.SourceID, fhir.ResourceType) bool // whether a source's resources of a type can be read here; nil: all
	offered   []offer                                        // what offers has said
	people    map[concord.PatientRef]mpi.PersonID
	last      lastPerson
	merged    []fhir.ResourceType // the types of what was merged, which are few
	placed    []*merge.Entry      // of several copies, and not among the survivors yet
	survivors map[place]string    // the public id of the survivor, for copies that were merged into another

	refer    mpi.PersonID  // the person that a source's own Patient points back to; "" for none
	standIns []mpi.StandIn // that the answer holds, to be remembered before it leaves
	edits    []fhir.Edit
	scratch  []byte
	gone     []fhir.Value // parts that are replaced as a whole, within which nothing else may be edited
	arena    []byte       // the new parts; what is in it is never moved
	written  [16]written  // the references that were met last
}

// written is a source's reference and what it is here: of an answer nearly all are about one patient, and many about one
// encounter or practitioner.
type written struct {
	source  concord.SourceID
	patient bool // in a Patient
	text    string
	here    []byte // within the arena
}

// slot is where a reference is among those that were met last.
func (r *renderer) slot(text string) *written {
	n := len(text)
	if n == 0 {
		return &r.written[0]
	}
	return &r.written[(n*5+int(text[0])+int(text[n-1])+int(text[n/2]))%len(r.written)]
}

// place names a source's resource.
type place struct {
	source concord.SourceID
	typ    fhir.ResourceType
	id     string
}

func (g *Gateway) newRenderer(people ...mpi.Person) *renderer {
	r := &renderer{base: g.base, bases: g.bases, offers: g.offers, people: map[concord.PatientRef]mpi.PersonID{}, survivors: map[place]string{}}
	r.know(people...)
	return r
}

// know lets references to people's records at the sources mean them.
func (r *renderer) know(people ...mpi.Person) {
	for _, p := range people {
		for _, l := range p.Links {
			if p.Has(l.Ref) { // what the source merged into another still means the person
				r.people[l.Ref] = p.ID
			}
		}
	}
	r.last, r.written = lastPerson{}, [16]written{}
}

// place remembers which copies are gone into which survivor; e must stay as it is.
func (r *renderer) place(e *merge.Entry) {
	if len(e.Copies) < 2 {
		return
	}
	t := e.Survivor.Type()
	if t == fhir.TypePatient {
		return
	}
	if !slices.Contains(r.merged, t) {
		r.merged = append(r.merged, t)
	}
	r.written = [16]written{}
	r.placed = append(r.placed, e)
}

// survivor is the public id of the survivor that a copy was merged into, if it was. Most answers hold no reference to
// what was merged, so that the ids are looked at only for the first that does.
func (r *renderer) survivor(copied place) (id string, ok bool) {
	if !slices.Contains(r.merged, copied.typ) {
		return "", false
	}
	for _, e := range r.placed {
		t, id := e.Survivor.Type(), e.Survivor.ID()
		self := r.name(e.Survivor.Source, t, id)
		for _, c := range e.Copies {
			if local := c.ID(); c.Source != e.Survivor.Source || local != id {
				r.survivors[place{c.Source, t, local}] = self
			}
		}
	}
	r.placed = r.placed[:0]
	id, ok = r.survivors[copied]
	return id, ok
}

// id is the public id of a copy.
func (r *renderer) id(c merge.Copy) string { return r.name(c.Source, c.Type(), c.ID()) }

func (r *renderer) name(source concord.SourceID, t fhir.ResourceType, id string) string {
	public, standIn := publicID(source, t, id)
	if standIn {
		r.standIns = append(r.standIns, mpi.StandIn{Source: source, Type: string(t), ID: id, Alias: public})
	}
	return public
}

// appendID appends the public id of a resource; nearly all of them are made without a string of their own.
func (r *renderer) appendID(dst []byte, source concord.SourceID, t fhir.ResourceType, id string) []byte {
	if legalPublicID(source, id) {
		return append(append(append(dst, source...), '.'), id...)
	}
	return append(dst, r.name(source, t, id)...)
}

// entryID is the public id of an entry: the person's for a Patient that is unified, otherwise the survivor's.
func (r *renderer) entryID(e *merge.Entry) string {
	t, id := e.Survivor.Type(), e.Survivor.ID()
	if p := r.person(e.Survivor.Source, fhir.Reference{Type: t, ID: id}); p != "" {
		return p
	}
	return r.name(e.Survivor.Source, t, id)
}

// span gives back what write appends to the arena, in a slice that stays as it is.
func (r *renderer) span(write func(dst []byte) []byte) []byte {
	if cap(r.arena)-len(r.arena) < 512 {
		r.arena = make([]byte, 0, 16<<10)
	}
	from := len(r.arena)
	r.arena = write(r.arena)
	return r.arena[from:len(r.arena):len(r.arena)]
}

// entry appends an entry's resource: the survivor's bytes, with ids and references of the gateway, the marks, and what
// the merge adds.
func (r *renderer) entry(dst []byte, e *merge.Entry, id string) []byte {
	c, t := e.Survivor, e.Survivor.Type()
	r.edits = append(r.edits[:0], fhir.Replace(c.Get("id"), r.span(func(b []byte) []byte { return fhir.AppendString(b, id) })))
	unified := t == fhir.TypePatient && !isCopy(id)
	r.gone = r.gone[:0]
	r.marks(e, t)
	r.references(c.Source, c.Resource, t == fhir.TypePatient)
	if hasAttachments(t) {
		r.attachments(c.Source, c.Value)
	}
	var more []byte
	switch {
	case unified:
		more = r.unify(e)
	case r.refer != "" && t == fhir.TypePatient:
		more = r.extend(more, c.Value, "link", []byte(`,{"other":{"reference":"Patient/`+string(r.refer)+`"},"type":"refer"}`))
	}
	more = r.gains(more, e)
	if len(more) > 0 {
		r.edits = append(r.edits, fhir.Append(c.Value, more[1:]))
	}
	return fhir.Splice(dst, c.Value, r.edits)
}

// gains puts what the merge adds into the survivor's own elements, and returns what goes behind them, each behind a comma.
func (r *renderer) gains(more []byte, e *merge.Entry) []byte {
	var items []byte
	for i, a := range e.Add {
		if a.Name == "" {
			part := r.moved(merge.Copy{Source: a.From, Resource: e.Survivor.Resource}, a.Value)
			member := append(append(append([]byte(`,"`), a.Value.Name()...), `":`...), part...)
			if a.Into == "" {
				more = append(more, member...)
			} else {
				r.edits = append(r.edits, fhir.Append(e.Survivor.Get(a.Into), member[1:]))
			}
			continue
		}
		if first(e.Add, a) < i {
			continue // it went with the first of its array
		}
		items = items[:0]
		for _, o := range e.Add[i:] {
			if o.Into == a.Into && o.Name == a.Name {
				items = append(append(items, ','), r.moved(merge.Copy{Source: o.From, Resource: e.Survivor.Resource}, o.Value)...)
			}
		}
		if a.Into == "" {
			more = r.extend(more, e.Survivor.Value, a.Name, slices.Clone(items))
			continue
		}
		into := e.Survivor.Get(a.Into)
		if array := r.extend(nil, into, a.Name, slices.Clone(items)); len(array) > 0 {
			r.edits = append(r.edits, fhir.Append(into, array[1:]))
		}
	}
	return more
}

// first is where the first addition to a's array stands.
func first(all []merge.Addition, a merge.Addition) int {
	return slices.IndexFunc(all, func(o merge.Addition) bool { return o.Into == a.Into && o.Name == a.Name })
}

// isCopy tells a copy's id from a person's.
func isCopy(id string) bool {
	for i := 0; i < len(id); i++ {
		if id[i] == '.' {
			return true
		}
	}
	return false
}

// references rewrites every reference within v. In a Patient, references to patients name the source's records, since
// that is what its links are about.
func (r *renderer) references(source concord.SourceID, v fhir.Resource, patient bool) {
	for ref := range v.References() {
		if r.isGone(ref) {
			continue
		}
		text := ref.Text()
		known := r.slot(text)
		if known.here != nil && known.text == text && known.source == source && known.patient == patient {
			r.edits = append(r.edits, fhir.Replace(ref, known.here))
			continue
		}
		x := fhir.ParseReference(text, r.bases[source])
		if x.Kind == fhir.LocalReference && !r.readable(source, x.Type) {
			x.Kind = fhir.BadReference // it could not be read here
		}
		switch x.Kind {
		case fhir.LocalReference:
			here := r.span(func(b []byte) []byte {
				b = append(b, '"')
				b = append(b, x.Type...)
				b = append(b, '/')
				return append(r.appendTarget(b, source, x, patient), '"')
			})
			*known = written{source, patient, text, here}
			r.edits = append(r.edits, fhir.Replace(ref, here))
		case fhir.ContainedReference:
		default:
			r.unresolvable(ref)
		}
	}
}

// readable tells whether a source's resources of a type can be read here.
func (r *renderer) readable(source concord.SourceID, t fhir.ResourceType) bool {
	if r.offers == nil {
		return true
	}
	for i := range r.offered { // a handful, and most references are of the same few types
		if o := &r.offered[i]; o.typ == t && o.source == source {
			return o.yes
		}
	}
	o := offer{source, fhir.ResourceType(strings.Clone(string(t))), r.offers(source, t)}
	r.offered = append(r.offered, o)
	return o.yes
}

// offer says whether a source has resources of a type.
type offer struct {
	source concord.SourceID
	typ    fhir.ResourceType
	yes    bool
}

// isGone tells whether v stands in a part that is replaced as a whole.
func (r *renderer) isGone(v fhir.Value) bool {
	return len(r.gone) > 0 && slices.ContainsFunc(r.gone, func(g fhir.Value) bool { return g.Contains(v) })
}

// appendTarget appends the public id that a source's reference means in this answer.
func (r *renderer) appendTarget(dst []byte, source concord.SourceID, x fhir.Reference, patient bool) []byte {
	if !patient {
		if p := r.person(source, x); p != "" {
			return append(dst, p...)
		}
	}
	if s, ok := r.survivor(place{source, x.Type, x.ID}); ok {
		return append(dst, s...)
	}
	return r.appendID(dst, source, x.Type, x.ID)
}

// lastPerson is the patient that was looked up last.
type lastPerson struct {
	source concord.SourceID
	id     string
	person string
}

// person is the id of the person whom a source's reference means; "" when it means none of this answer's.
func (r *renderer) person(source concord.SourceID, x fhir.Reference) string {
	if x.Type != fhir.TypePatient {
		return ""
	}
	if l := &r.last; l.source != source || l.id != x.ID { // nearly all of an answer is about one patient of a source
		*l = lastPerson{source, x.ID, string(r.people[concord.NewPatientRef(source, x.ID)])}
	}
	return r.last.person
}

// unresolvable keeps what a source wrote as a reference and nobody can follow here: as a logical reference, or beside the
// element that it was (R4, Reference.identifier; urn:ietf:rfc:3986 for URIs).
func (r *renderer) unresolvable(ref fhir.Value) {
	parent := ref.Parent()
	switch {
	case !parent.Get("identifier").Exists():
		r.edits = append(r.edits, fhir.ReplaceMember(ref, r.span(func(b []byte) []byte {
			return append(append(append(b, `"identifier":{"system":"urn:ietf:rfc:3986","value":`...), ref.Raw()...), '}')
		})))
	case !parent.Get("_reference").Exists():
		r.edits = append(r.edits, fhir.ReplaceMember(ref, r.span(func(b []byte) []byte {
			return append(append(append(b, `"_reference":{"extension":[{"url":"`+urlReference+`","valueUri":`...), ref.Raw()...), `}]}`...)
		})))
	}
}

// hasAttachments tells whether resources of a type hold Attachments, whose url may lead to a Binary of the source.
func hasAttachments(t fhir.ResourceType) bool {
	switch t {
	case fhir.TypeDocumentReference, fhir.TypeDiagnosticReport, fhir.TypeMedia, fhir.TypeCommunication, fhir.TypeConsent, fhir.TypePatient, fhir.TypePractitioner:
		return true
	}
	return false
}

// attachments rewrites the urls that lead to a source's Binary to the gateway's.
func (r *renderer) attachments(source concord.SourceID, v fhir.Value) {
	for u := range v.Within() {
		if !u.IsString() || u.Name() != "url" || r.isGone(u) {
			continue
		}
		if x := fhir.ParseReference(u.Text(), r.bases[source]); x.Kind == fhir.LocalReference && x.Type == fhir.TypeBinary {
			r.edits = append(r.edits, fhir.Replace(u, r.span(func(b []byte) []byte {
				return append(append(append(append(append(b, '"'), r.base...), "/Binary/"...), r.name(source, x.Type, x.ID)...), '"')
			})))
		}
	}
}
