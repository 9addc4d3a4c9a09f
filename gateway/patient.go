package gateway

import (
	"concord/fhir"
	"concord/merge"
)

// unify writes what the unified Patient has beside the survivor's bytes and what the merge adds: links to the sources'
// records (R4 Patient.link, seealso), and the identifiers of all of them, without which the person could not be found by
// them. It edits the survivor's own arrays, and returns members to add, each behind a comma.
func (r *renderer) unify(e merge.Entry) []byte {
	var links []byte
	for _, c := range e.Copies {
		links = append(links, `,{"other":{"reference":"Patient/`...)
		links = append(append(links, r.id(c)...), `"},"type":"seealso"}`...)
	}
	more := r.extend(nil, e.Survivor.Value, "link", links)
	var ids []byte
	if own := e.Survivor.Get("identifier"); own.IsArray() {
		for _, c := range e.Copies {
			for id := range c.Get("identifier").Items() {
				if c.Source == e.Survivor.Source && c.ID() == e.Survivor.ID() || !id.IsObject() || hasIdentifier(own, id) {
					continue
				}
				ids = append(append(ids, ','), r.moved(c, id)...)
			}
		}
		more = r.extend(more, e.Survivor.Value, "identifier", ids)
	}
	return more
}

// hasIdentifier tells whether own holds an identifier of the same system and value.
func hasIdentifier(own, id fhir.Value) bool {
	for o := range own.Items() {
		if o.Get("system").Text() == id.Get("system").Text() && o.Get("value").Text() == id.Get("value").Text() {
			return true
		}
	}
	return false
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
