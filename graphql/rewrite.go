package graphql

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"concord/fhir"
)

// insertion is text that is put into a query before it is executed.
type insertion struct {
	at   int
	text string
}

// rewriter makes the text that is executed: as FHIR writes GraphQL, a bare word may stand for a string, a resource's
// fields may be selected without a fragment, and at the level of an instance the root is that resource.
type rewriter struct {
	types   types
	d       *document
	edits   []insertion
	copies  int
	slices  map[*field]string // the name under which the value that a @slice is by is in the answer
	refused *failure
}

// instanceField is the name of the instance in the executor's answer.
const instanceField = "instance"

const maxCopies = 200

// rewrite is the text to execute, and how it was made. Its error is a *failure.
func (d *document) rewrite(t types, instance Name) (*rewriter, string, error) {
	w := &rewriter{types: t, d: d, slices: map[*field]string{}}
	for _, op := range d.operations {
		start := "Query"
		if instance != (Name{}) {
			start = string(instance.Type)
			w.insert(op.open, instanceField+":"+start+"(id:"+string(fhir.AppendString(nil, instance.ID))+"){")
		}
		w.set(op.sels, start, "")
		if instance != (Name{}) {
			w.insert(op.close, "}")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(d.fragments)) {
		w.set(d.fragments[name].sels, d.fragments[name].on, "")
	}
	if w.refused != nil {
		return nil, "", w.refused
	}
	slices.SortStableFunc(w.edits, func(a, b insertion) int { return cmp.Compare(a.at, b.at) })
	var b strings.Builder
	from := 0
	for _, e := range w.edits {
		b.WriteString(d.text[from:e.at])
		b.WriteString(e.text)
		from = e.at
	}
	b.WriteString(d.text[from:])
	return w, b.String(), nil
}

func (w *rewriter) insert(at int, text string) { w.edits = append(w.edits, insertion{at, text}) }

// original is where in the client's text something stands that is at a line and column of the executed one.
func (w *rewriter) original(executed string, at location) location {
	line, i := 1, 0
	for ; line < at.line && i < len(executed); i++ {
		if executed[i] == '\n' {
			line++
		}
	}
	i = min(i+at.column-1, len(executed))
	for _, e := range w.edits { // i is now counted as if this edit were the next
		if i <= e.at {
			break
		}
		i = max(e.at, i-len(e.text))
	}
	return locate(w.d.text, i)
}

// set rewrites a selection set of a type. want is the type argument of the resource that it is of.
func (w *rewriter) set(sels []*selection, typ, want string) {
	o := w.types[typ]
	for _, s := range sels {
		switch {
		case s.field == nil && s.spread == "":
			w.set(s.sels, cmp.Or(s.on, typ), want)
		case s.field == nil:
		case o != nil && o.union != nil && !strings.HasPrefix(s.field.name, "__"):
			w.unwrapped(s.field, o.union, want)
		default:
			w.field(s.field, typ)
		}
	}
}

func (w *rewriter) field(f *field, typ string) {
	ft := w.types.field(typ, f.name)
	if ft == nil {
		return // validation tells of it
	}
	want := ""
	for _, a := range f.args {
		if t := ft.args[a.name]; t == "String" || t == "ID" {
			w.quote(a.val)
		}
		if a.name == "type" && f.name == "resource" {
			want = a.val.text
		}
	}
	for _, x := range f.dirs {
		if x.name == "slice" && len(x.args) == 1 {
			w.slice(f, ft, x.args[0].val.text)
		}
	}
	w.set(f.sels, ft.typ, want)
}

// quote makes a bare word, number or boolean where a string belongs a string.
func (w *rewriter) quote(v value) {
	switch v.kind {
	case wordValue, boolValue, numberValue:
		w.insert(v.at, `"`)
		w.insert(v.end, `"`)
	case listValue:
		for _, x := range v.items {
			w.quote(x)
		}
	}
}

// slice puts the value that a @slice is by into the answer.
func (w *rewriter) slice(f *field, ft *fieldType, path string) {
	if path == "$index" {
		return
	}
	by := w.types.field(ft.typ, path)
	if by == nil || !by.leaf || by.many || f.open == 0 {
		w.refused = fail(codeUnsupported, "@slice takes $index, or the name of a primitive element that does not repeat")
		w.refused.at = locate(w.d.text, f.at)
		return
	}
	alias := "concordSlice" + strconv.Itoa(len(w.slices))
	w.slices[f] = alias
	w.insert(f.open, " "+alias+":"+path+" ")
}

// unwrapped puts a field of a resource that stands without a fragment into fragments on the types that have it.
func (w *rewriter) unwrapped(f *field, members []string, want string) {
	var on []string
	var first *fieldType
	for _, m := range members {
		ft := w.types.field(m, f.name)
		if ft == nil || want != "" && m != want {
			continue
		}
		if first == nil {
			first = ft
		}
		if ft.typ != first.typ || ft.many != first.many {
			return // it means different things: validation asks for a fragment
		}
		on = append(on, m)
	}
	if len(on) == 0 {
		return
	}
	before := len(w.edits)
	w.insert(f.at, "...on "+on[0]+"{")
	w.field(f, on[0])
	if inner := len(w.edits) - before - 1; inner > 0 && len(on) > 1 {
		w.edits = w.edits[:before] // copies would need the same edits: validation asks for a fragment
		return
	}
	if w.copies += len(on); w.copies > maxCopies {
		w.refused = fail(codeCostly, "the query has too many fields without a fragment")
		return
	}
	var more strings.Builder
	more.WriteByte('}')
	for _, m := range on[1:] {
		more.WriteString("...on " + m + "{" + w.d.text[f.at:f.end] + "}")
	}
	w.insert(f.end, more.String())
}
