package gateway

import (
	"concord/fhir"
	"concord/merge"
)

// unify writes what the unified Patient has beside the survivor's bytes and what the merge adds: links to the sources'
// records (R4 Patient.link, seealso). It edits the survivor's own array, or returns a member to add, behind a comma.
func (r *renderer) unify(e *merge.Entry) []byte {
	var links []byte
	for _, c := range e.Copies {
		links = append(links, `,{"other":{"reference":"Patient/`...)
		links = append(append(links, r.id(c)...), `"},"type":"seealso"}`...)
	}
	return r.extend(nil, e.Survivor.Value, "link", links)
}

// moved is an element of another copy as it looks here.
func (r *renderer) moved(c merge.Copy, v fhir.Value) []byte {
	outer := r.edits
	r.edits = nil
	r.references(c.Source, fhir.Resource{Value: v}, c.Type() == fhir.TypePatient)
	if hasAttachments(c.Type()) {
		r.attachments(c.Source, v)
	}
	out := fhir.Splice(nil, v, r.edits)
	r.edits = outer
	return out
}

// extend puts items, each behind a comma, into the array of that name, or appends the array to more.
func (r *renderer) extend(more []byte, v fhir.Value, name string, items []byte) []byte {
	if len(items) == 0 {
		return more
	}
	a := v.Get(name)
	if a.IsArray() {
		r.edits = append(r.edits, fhir.Append(a, items[1:]))
		return more
	}
	if a.Exists() { // no array where R4 has one: it is left as it is, for a second member of the name would be no JSON
		return more
	}
	more = append(append(append(more, `,"`...), name...), `":[`...)
	return append(append(more, items[1:]...), ']')
}
