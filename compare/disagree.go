package compare

import (
	"cmp"
	"slices"
	"strings"

	"concord/fhir"
	"concord/merge"
)

// disagreements are the elements in which the copies of an event differ.
func (c *comparison) disagreements(t telling) []Disagreement {
	out := []Disagreement{}
	typ := t.copies[0].Type()
	var rows []merge.Row
	if len(t.copies) > 1 {
		rows = merge.Align(t.copies)
	}
	explained := map[merge.ConflictCode]bool{}
	var open []element // of what excludes each other, and can't be seen to differ
	for _, e := range elementsOf(typ) {
		concerned := slices.ContainsFunc(t.conflicts, e.concerns)
		if e.judged && !concerned {
			continue
		}
		switch {
		case e.differs(t.copies, rows):
			out = append(out, c.disagreement(typ, e, t.copies, false))
			for _, k := range t.conflicts {
				explained[k] = explained[k] || e.concerns(k)
			}
		case concerned:
			open = append(open, e)
		}
	}
	for _, e := range open { // a result against a reason why there is none; "not to be given" against nothing said
		lacks := slices.ContainsFunc(t.conflicts, func(k merge.ConflictCode) bool { return e.concerns(k) && !explained[k] })
		if lacks {
			if d := c.disagreement(typ, e, t.copies, true); told(d) {
				out = append(out, d)
			}
		}
	}
	if len(t.against) > 0 {
		e := element{path: "code", aspect: AboutCode}
		sides := append(slices.Clone(t.copies), t.against...)
		out = append(out, c.disagreement(typ, e, sides, false))
	}
	return out
}

// told tells whether the copies say different things, in words at least.
func told(d Disagreement) bool {
	for _, x := range d.Told {
		if x.Text != d.Told[0].Text {
			return true
		}
	}
	return false
}

// differs tells whether two copies have the element and mean different things by it.
func (e element) differs(copies []merge.Copy, rows []merge.Row) bool {
	if e.alike != nil {
		return e.unlike(copies)
	}
	i := slices.IndexFunc(rows, func(r merge.Row) bool { return r.Element == e.path })
	if i < 0 || rows[i].Agreement != merge.AgreeDiffer {
		return false
	}
	return e.aspect != AboutDate || oneType(rows[i].Cells) // a moment and a period can't be compared
}

// unlike tells whether two copies have lists without an item in common.
func (e element) unlike(copies []merge.Copy) bool {
	for i, x := range copies {
		for _, y := range copies[i+1:] {
			a, b := items(e.of(x.Value)), items(e.of(y.Value))
			common := slices.ContainsFunc(a, func(v fhir.Value) bool {
				return slices.ContainsFunc(b, func(w fhir.Value) bool { return e.alike(v, w) })
			})
			if len(a) > 0 && len(b) > 0 && !common {
				return true
			}
		}
	}
	return false
}

// oneType tells whether all that is there has the same type of a choice.
func oneType(cells []fhir.Value) bool {
	name := ""
	for _, v := range cells {
		if v.Exists() && name != "" && v.Name() != name {
			return false
		}
		if v.Exists() {
			name = v.Name()
		}
	}
	return true
}

func items(values []fhir.Value) (out []fhir.Value) {
	for _, v := range values {
		for i := range v.Items() {
			out = append(out, i)
		}
	}
	return out
}

// disagreement tells what the copies say of an element; with lacking also those that say nothing.
func (c *comparison) disagreement(t fhir.ResourceType, e element, copies []merge.Copy, lacking bool) Disagreement {
	d := Disagreement{Path: string(t) + "." + e.path, Aspect: e.aspect}
	for _, x := range copies {
		var all []string
		for _, v := range e.of(x.Value) {
			for i := range v.Items() {
				if s := c.wordsOf(x, i); s != "" && !slices.Contains(all, s) {
					all = append(all, s)
				}
			}
		}
		if len(all) > 0 || lacking {
			d.Told = append(d.Told, Told{x.Source, c.reference(x), clip(strings.Join(all, "; "))})
		}
	}
	slices.SortFunc(d.Told, func(a, b Told) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Reference, b.Reference))
	})
	return d
}
