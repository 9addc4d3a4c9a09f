package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"

	"concord/fhir"
	"concord/merge"
)

// marks says in meta which copies the entry stands for, from which sources, and what they disagree in. Security labels
// are those of all copies, and the version is no source's own.
func (r *renderer) marks(e *merge.Entry, t fhir.ResourceType) {
	ext := r.span(func(b []byte) []byte {
		for i, c := range e.Copies {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, `{"url":"`+urlContributor+`","valueReference":{"reference":"`...)
			b = r.appendID(append(append(b, t...), '/'), c.Source, t, c.ID())
			b = append(b, `"}}`...)
		}
		return b
	})
	tags := r.span(func(b []byte) []byte {
		for i, c := range e.Copies { // sorted by source
			if i > 0 {
				if c.Source == e.Copies[i-1].Source {
					continue
				}
				b = append(b, ',')
			}
			b = append(append(append(b, `{"system":"`+systemSource+`","code":"`...), c.Source...), `"}`...)
		}
		for _, c := range e.Conflicts {
			b = append(append(append(b, `,{"system":"`+systemConflict+`","code":"`...), c...), `"}`...)
		}
		if e.PossibleDuplicate != "" {
			b = append(append(append(b, `,{"system":"`+systemRepeat+`","code":"`...), e.PossibleDuplicate...), `"}`...)
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
			r.edits, r.gone = append(r.edits, fhir.ReplaceMember(meta, []byte(whole))), append(r.gone, meta)
		} else {
			id := e.Survivor.Get("id")
			// behind the id, where meta belongs; the id's own edit replaces the value only
			r.edits = append(r.edits, fhir.After(id, []byte(whole)))
		}
		return
	}
	more := r.scratch[:0]
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
			r.edits, r.gone = append(r.edits, fhir.ReplaceMember(v, append(append([]byte(`"`+name+`":[`), items...), ']'))), append(r.gone, v)
		}
	}
	add("extension", ext)
	add("security", labels)
	add("tag", tags)
	if v := meta.Get("versionId"); v.Exists() && len(e.Copies) > 1 {
		r.edits, r.gone = append(r.edits, fhir.Replace(v, []byte(`"`+derivedVersion(e)+`"`))), append(r.gone, v)
	}
	if len(more) > 0 {
		r.scratch = more
		r.edits = append(r.edits, fhir.Append(meta, r.span(func(b []byte) []byte { return append(b, more[1:]...) })))
	}
}

// securityOfOthers are the security labels that other copies have and the survivor has not: the most restrictive holds.
func securityOfOthers(e *merge.Entry) (out []byte) {
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

// derivedVersion is the version of a merged resource: another one as soon as a copy has. A copy whose source numbers no
// versions has another one with its content.
func derivedVersion(e *merge.Entry) string {
	told := make([]byte, 0, 512)
	for _, c := range e.Copies {
		meta := c.Get("meta")
		version := meta.Get("versionId").Text()
		for _, s := range []string{string(c.Source), c.ID(), version, meta.Get("lastUpdated").Text()} {
			told = append(append(told, s...), 0)
		}
		told = append(strconv.AppendInt(told, int64(len(c.Raw())), 10), 0)
		if version == "" {
			told = append(told, c.Raw()...)
		}
	}
	sum := sha256.Sum256(told)
	return "m" + hex.EncodeToString(sum[:8])
}
