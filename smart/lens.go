package smart

import (
	"concord"
	"concord/fhir"
	"concord/merge"
)

// verdict says whether a copy may be seen.
type verdict uint8

const (
	hidden verdict = iota
	linked         // only if what may be seen links to it
	shown
)

// lens judges copies for one access. It keeps what it knows of the last type, since resources come in runs of one type.
type lens struct {
	r    *rights
	a    Access
	typ  fhir.ResourceType
	t    *typeRights // of typ; nil when it is no type of R4
	n    need        // of typ
	open bool        // all of typ may be seen
}

// of turns the lens to v's type.
func (l *lens) of(v fhir.Resource) {
	t := v.Type()
	if l.typ != "" && t == l.typ {
		return
	}
	l.typ = t
	l.n = needOf(l.a.Interaction, l.typ)
	l.t = l.r.of(l.typ)
	l.open = l.t != nil && l.n.perms != 0 && l.n.ok(l.t.wide(l.n))
}

// judge looks at one copy's content.
func (l *lens) judge(c merge.Copy) verdict {
	if l.r == nil {
		return hidden
	}
	l.of(c.Resource)
	if l.open {
		return shown
	}
	if l.t == nil {
		return hidden
	}
	best := hidden
	asked, owned := false, false
	for _, rule := range l.t.rules {
		s := rule.scope
		if !l.n.counts(s.prefix) || !l.n.ok(s.perms) {
			continue
		}
		outcome := shown
		if s.prefix == PatientScope {
			if l.r.context.Person == "" {
				continue
			}
			if !asked {
				asked, owned = true, l.r.owns(l.typ, c)
			}
			if !owned {
				if !byReference(l.typ) || l.r.namesOthers(l.typ, c) {
					continue
				}
				outcome = linked
			}
		}
		if outcome > best && matches(rule.filters, c.Resource) {
			if best = outcome; best == shown {
				return shown
			}
		}
	}
	return best
}

func matches(filters []fhir.Filter, r fhir.Resource) bool {
	for _, f := range filters {
		if !f.Match(r) {
			return false
		}
	}
	return true
}

// opens tells whether every copy of r may be seen without a look at its content.
func (l *lens) opens(r fhir.Resource) bool {
	l.of(r)
	return l.open
}

// place names a resource at a source. PHI.
type place struct {
	source concord.SourceID
	typ    fhir.ResourceType
	id     string
}

// places is a set of them.
type places map[place]struct{}

// add puts what text refers to at source into p.
func (r *rights) add(p places, source concord.SourceID, text string) {
	ref := fhir.ParseReference(text, r.context.Bases[source])
	if ref.Kind == fhir.LocalReference {
		p[place{source, ref.Type, ref.ID}] = struct{}{}
	}
}

// addAll puts what c refers to into p, and the Binaries whose URLs stand in it as attachments.
func (r *rights) addAll(p places, c merge.Copy) {
	for ref := range c.References() {
		r.add(p, c.Source, ref.Text())
	}
	for content := range c.Get("content").Items() { // DocumentReference's has the Attachment, Media's is one
		r.add(p, c.Source, content.Path("attachment", "url").Text())
		r.add(p, c.Source, content.Get("url").Text())
	}
	for form := range c.Get("presentedForm").Items() {
		r.add(p, c.Source, form.Get("url").Text())
	}
}

// sift judges all of copies and tells which may be seen. What is seen by way of others is so directly, not over a chain.
func (l *lens) sift(copies []merge.Copy) []bool {
	keep := make([]bool, len(copies))
	var open []int
	for i, c := range copies {
		switch l.judge(c) {
		case shown:
			keep[i] = true
		case linked:
			open = append(open, i)
		case hidden:
		}
	}
	if len(open) == 0 {
		return keep
	}
	seen, referred := make(places), make(places)
	for i, c := range copies {
		if !keep[i] {
			continue
		}
		seen[place{c.Source, c.Type(), c.ID()}] = struct{}{}
		l.r.addAll(referred, c)
	}
	for _, i := range open {
		keep[i] = l.r.linkedTo(copies[i], seen, referred)
	}
	return keep
}

// linkedTo tells whether c is referred to from what is seen or, a Provenance, is about nothing else.
func (r *rights) linkedTo(c merge.Copy, seen, referred places) bool {
	t := c.Type()
	if t != fhir.TypeProvenance {
		_, ok := referred[place{c.Source, t, c.ID()}]
		return ok
	}
	about := make(places)
	n := 0
	for target := range c.Get("target").Items() {
		n++
		r.add(about, c.Source, target.Get("reference").Text())
	}
	for p := range about {
		if _, ok := seen[p]; !ok {
			return false
		}
	}
	return n > 0 && len(about) == n
}
