package gateway

import (
	"encoding/hex"
	"hash/fnv"
	"strconv"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/mpi"
)

// The systems and urls of the marks (contract).
const (
	systemSource   = "urn:concord:source"
	systemConflict = "urn:concord:conflict"
	urlContributor = "urn:concord:contributor"
	urlReference   = "urn:concord:reference" // what a source wrote as a reference that leads nowhere here
)

// renderer writes merged entries as the gateway's own resources. It serves one answer, and is not safe for concurrent
// use.
type renderer struct {
	base      string                      // of the gateway, such as https://hie.example.org/fhir/r4
	bases     map[concord.SourceID]string // of the sources
	people    map[concord.PatientRef]mpi.PersonID
	survivors map[place]string // the public id of the survivor, for copies that were merged into another

	refer    mpi.PersonID  // the person that a source's own Patient points back to; "" for none
	standIns []mpi.StandIn // that the answer holds, to be remembered before it leaves
	edits    []fhir.Edit
	arena    []byte // the new parts; what is in it is never moved
}

// place names a source's resource.
type place struct {
	source concord.SourceID
	typ    fhir.ResourceType
	id     string
}

func (g *Gateway) newRenderer(people ...mpi.Person) *renderer {
	r := &renderer{base: g.base, bases: g.bases, people: map[concord.PatientRef]mpi.PersonID{}, survivors: map[place]string{}}
	for _, p := range people {
		for _, ref := range p.Refs() {
			r.people[ref] = p.ID
		}
	}
	return r
}

// place remembers which copies are gone into which survivor.
func (r *renderer) place(e merge.Entry) {
	if len(e.Copies) < 2 {
		return
	}
	t := e.Survivor.Type()
	if t == fhir.TypePatient {
		return
	}
	id := e.Survivor.ID()
	self := r.name(e.Survivor.Source, t, id)
	for _, c := range e.Copies {
		if local := c.ID(); c.Source != e.Survivor.Source || local != id {
			r.survivors[place{c.Source, t, local}] = self
		}
	}
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

// entryID is the public id of an entry: the person's for a Patient that is unified, otherwise the survivor's.
func (r *renderer) entryID(e merge.Entry) string {
	if e.Survivor.Type() == fhir.TypePatient {
		if p, ok := r.people[concord.NewPatientRef(e.Survivor.Source, e.Survivor.ID())]; ok {
			return string(p)
		}
	}
	return r.id(e.Survivor)
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
func (r *renderer) entry(dst []byte, e merge.Entry, id string) []byte {
	c, t := e.Survivor, e.Survivor.Type()
	r.edits = append(r.edits[:0], fhir.Replace(c.Get("id"), r.span(func(b []byte) []byte { return fhir.AppendString(b, id) })))
	unified := t == fhir.TypePatient && !isCopy(id)
	r.references(c.Source, c.Resource, t == fhir.TypePatient)
	if hasAttachments(t) {
		r.attachments(c.Source, c.Value)
	}
	r.marks(e, t)
	var more []byte
	switch {
	case unified:
		more = r.unify(e)
	case r.refer != "" && t == fhir.TypePatient:
		more = r.extend(more, c.Value, "link", []byte(`,{"other":{"reference":"Patient/`+string(r.refer)+`"},"type":"refer"}`))
	}
	for _, a := range e.Add {
		more = append(append(append(more, `,"`...), a.Value.Name()...), `":`...)
		more = append(more, r.moved(merge.Copy{Source: a.From, Resource: c.Resource}, a.Value)...)
	}
	if len(more) > 0 {
		r.edits = append(r.edits, fhir.Append(c.Value, more[1:]))
	}
	return fhir.Splice(dst, c.Value, r.edits)
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
		x := fhir.ParseReference(ref.Text(), r.bases[source])
		switch x.Kind {
		case fhir.LocalReference:
			r.edits = append(r.edits, fhir.Replace(ref, r.span(func(b []byte) []byte {
				b = append(b, '"')
				b = append(b, x.Type...)
				b = append(b, '/')
				return append(append(b, r.target(source, x, patient)...), '"')
			})))
		case fhir.ContainedReference:
		default:
			r.unresolvable(ref)
		}
	}
}

// target is the public id that a source's reference means in this answer.
func (r *renderer) target(source concord.SourceID, x fhir.Reference, patient bool) string {
	if x.Type == fhir.TypePatient && !patient {
		if p, ok := r.people[concord.NewPatientRef(source, x.ID)]; ok {
			return string(p)
		}
	}
	if len(r.survivors) > 0 {
		if s, ok := r.survivors[place{source, x.Type, x.ID}]; ok {
			return s
		}
	}
	return r.name(source, x.Type, x.ID)
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
		if !u.IsString() || u.Name() != "url" {
			continue
		}
		if x := fhir.ParseReference(u.Text(), r.bases[source]); x.Kind == fhir.LocalReference && x.Type == fhir.TypeBinary {
			r.edits = append(r.edits, fhir.Replace(u, r.span(func(b []byte) []byte {
				return append(append(append(append(append(b, '"'), r.base...), "/Binary/"...), r.name(source, x.Type, x.ID)...), '"')
			})))
		}
	}
}

// marks says in meta which copies the entry stands for, from which sources, and what they disagree in. Security labels
// are those of all copies, and the version is no source's own.
func (r *renderer) marks(e merge.Entry, t fhir.ResourceType) {
	ext := r.span(func(b []byte) []byte {
		for i, c := range e.Copies {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"url":"`+urlContributor+`","valueReference":{"reference":"`...)
			b = append(append(append(b, t...), '/'), r.name(c.Source, t, c.ID())...)
			b = append(b, `"}}`...)
		}
		return b
	})
	tags := r.span(func(b []byte) []byte {
		for i, s := range e.SourcesOf() {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, `{"system":"`+systemSource+`","code":"`...), s...), `"}`...)
		}
		for _, c := range e.Conflicts {
			b = append(append(append(b, `,{"system":"`+systemConflict+`","code":"`...), c...), `"}`...)
		}
		return b
	})
	labels := securityOfOthers(e)
	meta := e.Survivor.Get("meta")
	if !meta.IsObject() {
		whole := `"meta":{"extension":[` + string(ext) + `],"tag":[` + string(tags) + `]`
		if len(labels) > 0 {
			whole += `,"security":[` + string(labels) + `]`
		}
		whole += `}`
		if meta.Exists() {
			r.edits = append(r.edits, fhir.ReplaceMember(meta, []byte(whole)))
		} else {
			id := e.Survivor.Get("id")
			// behind the id, where meta belongs; the id's own edit replaces the value only
			r.edits = append(r.edits, fhir.After(id, []byte(whole)))
		}
		return
	}
	var more []byte
	add := func(name string, items []byte) {
		if len(items) == 0 {
			return
		}
		if v := meta.Get(name); v.IsArray() {
			r.edits = append(r.edits, fhir.Append(v, items))
		} else if !v.Exists() {
			more = append(append(append(append(more, `,"`...), name...), `":[`...), items...)
			more = append(more, ']')
		} else {
			r.edits = append(r.edits, fhir.ReplaceMember(v, append(append([]byte(`"`+name+`":[`), items...), ']')))
		}
	}
	add("extension", ext)
	add("security", labels)
	add("tag", tags)
	if v := meta.Get("versionId"); v.Exists() && len(e.Copies) > 1 {
		r.edits = append(r.edits, fhir.Replace(v, []byte(`"`+derivedVersion(e)+`"`)))
	}
	if len(more) > 0 {
		r.edits = append(r.edits, fhir.Append(meta, more[1:]))
	}
}

// securityOfOthers are the security labels that other copies have and the survivor has not: the most restrictive holds.
func securityOfOthers(e merge.Entry) (out []byte) {
	if len(e.Copies) < 2 {
		return nil
	}
	var seen [][]byte
	for l := range e.Survivor.Path("meta", "security").Items() {
		seen = append(seen, l.Raw())
	}
	for _, c := range e.Copies {
	next:
		for l := range c.Path("meta", "security").Items() {
			if !l.IsObject() {
				continue
			}
			for _, s := range seen {
				if string(s) == string(l.Raw()) {
					continue next
				}
			}
			seen = append(seen, l.Raw())
			if len(out) > 0 {
				out = append(out, ',')
			}
			out = append(out, l.Raw()...)
		}
	}
	return out
}

// derivedVersion is the version of a merged resource: another one as soon as a copy has.
func derivedVersion(e merge.Entry) string {
	h := fnv.New64a()
	for _, c := range e.Copies {
		for _, s := range []string{string(c.Source), c.ID(), c.Path("meta", "versionId").Text(), c.Path("meta", "lastUpdated").Text(), strconv.Itoa(len(c.Raw()))} {
			_, _ = h.Write([]byte(s)) // a hash never fails
			_, _ = h.Write([]byte{0})
		}
	}
	return "m" + hex.EncodeToString(h.Sum(nil))
}
