package graphql

import (
	"strconv"
	"strings"

	"concord/fhir"
)

// tree is a part of an answer under way to its shape.
type tree struct {
	raw     []byte // a scalar, or null
	object  bool
	list    bool
	items   []tree   // of a list
	members []member // of an object
}

// member is one member of an object.
type member struct {
	name string
	tree
	collated  bool // it was brought up from below, so that others may join it
	singleton bool
}

// shaper applies the directives that change an answer's shape (FHIR GraphQL, flattening). It works on what was resolved,
// and so on nothing that the caller may not see.
type shaper struct {
	w      *work
	hidden map[string]bool // the names under which values for @slice are in the answer
}

// shape is the answer in the shape that the directives ask for.
func (w *work) shape(data fhir.Value) ([]byte, *failure) {
	s := shaper{w: w, hidden: map[string]bool{}}
	for _, alias := range w.w.slices {
		s.hidden[alias] = true
	}
	t, f := s.value(data, w.m.op.sels)
	if f != nil {
		return nil, f
	}
	return t.append(nil), nil
}

func (s *shaper) value(v fhir.Value, sels []*selection) (tree, *failure) {
	switch {
	case v.IsArray():
		t := tree{list: true}
		for item := range v.Items() {
			x, f := s.value(item, sels)
			if f != nil {
				return tree{}, f
			}
			t.items = append(t.items, x)
		}
		return t, nil
	case v.IsObject():
		members, f := s.object(v, sels)
		return tree{object: true, members: members}, f
	case v.Exists():
		return tree{raw: v.Raw()}, nil
	}
	return tree{raw: []byte("null")}, nil
}

// directive finds a directive on fields of one name.
func directiveOf(all []*field, name string) (directive, *field) {
	for _, f := range all {
		for _, d := range f.dirs {
			if d.name == name {
				return d, f
			}
		}
	}
	return directive{}, nil
}

func (s *shaper) object(v fhir.Value, sels []*selection) (out []member, f *failure) {
	fields := s.w.d.collect(sels)
	for m := range v.Members() {
		name := m.Name()
		if s.hidden[name] {
			continue
		}
		all := fields[name]
		if len(all) == 0 {
			all = []*field{{alias: name, name: name}}
		}
		items, isList := m.Items(), m.IsArray()
		if _, on := directiveOf(all, "first"); on != nil && isList {
			items = firstOf(m)
		}
		_, flat := directiveOf(all, "flatten")
		by, sliced := directiveOf(all, "slice")
		_, single := directiveOf(all, "singleton")
		x := member{name: name, tree: tree{list: isList, raw: []byte("null")}, singleton: single != nil}
		i := -1
		for item := range items {
			i++
			t, f := s.value(item, under(all))
			if f != nil {
				return nil, f
			}
			if sliced != nil && t.object {
				suffix := s.suffix(item, sliced, by, i)
				for j := range t.members {
					t.members[j].name += suffix
				}
			}
			if flat == nil {
				if strings.HasPrefix(all[0].name, "_") && t.empty() {
					t = tree{raw: []byte("null")} // a value that has no extensions
				}
				if isList {
					x.items = append(x.items, t)
				} else {
					x.tree = t
				}
				continue
			}
			if !t.object {
				if item.IsArray() || item.IsString() || item.IsNumber() {
					return nil, fail(codeInput, "only an element that has fields can be flattened")
				}
				continue
			}
			for _, c := range t.members {
				if out, f = collate(out, c, isList); f != nil {
					return nil, f
				}
			}
		}
		if flat == nil {
			if out, f = s.put(out, x); f != nil {
				return nil, f
			}
		}
	}
	return settle(out)
}

// put adds a member that was not brought up. One of the same name that was makes a mess of it.
func (s *shaper) put(out []member, x member) ([]member, *failure) {
	for i := range out {
		if out[i].name == x.name {
			return nil, fail(codeInput, "a flattened element has a field of the name of another")
		}
	}
	return append(out, x), nil
}

// firstOf is the first item of a list that is there.
func firstOf(v fhir.Value) func(yield func(fhir.Value) bool) {
	return func(yield func(fhir.Value) bool) {
		for item := range v.Items() {
			if string(item.Raw()) != "null" {
				yield(item)
				return
			}
		}
	}
}

// suffix is what @slice appends to the names of an item's fields.
func (s *shaper) suffix(item fhir.Value, f *field, d directive, index int) string {
	if len(d.args) == 1 && d.args[0].val.text == "$index" {
		return "." + strconv.Itoa(index)
	}
	return "." + item.Get(s.w.w.slices[f]).Text()
}

// collate brings a member up into its parent. Behind an element that repeats, values become lists.
func collate(out []member, c member, repeats bool) ([]member, *failure) {
	at := -1
	for i := range out {
		if out[i].name == c.name {
			at = i
		}
	}
	if at < 0 {
		out = append(out, member{name: c.name, tree: tree{list: repeats || c.list, raw: []byte("null")}, collated: true, singleton: c.singleton})
		at = len(out) - 1
		if !out[at].list {
			out[at].tree = c.tree
			return out, nil
		}
	}
	x := &out[at]
	if !x.collated {
		return nil, fail(codeInput, "a flattened element has a field of the name of another")
	}
	if !x.list {
		x.tree = tree{list: true, items: x.values()}
	}
	x.singleton = x.singleton || c.singleton
	for _, v := range c.values() {
		if len(x.items) > 0 && x.items[0].kind() != v.kind() {
			return nil, fail(codeInput, "fields that are flattened into one are of different types")
		}
		x.items = append(x.items, v)
	}
	return out, nil
}

// values are the values of a member, without nulls.
func (t tree) values() []tree {
	if !t.list {
		if string(t.raw) == "null" && !t.object {
			return nil
		}
		return []tree{t}
	}
	var out []tree
	for _, x := range t.items {
		out = append(out, x.values()...)
	}
	return out
}

// kind tells values of different types apart.
func (t tree) kind() byte {
	switch {
	case t.object:
		return '{'
	case len(t.raw) == 0 || t.raw[0] == '-' || isDigit(t.raw[0]):
		return '0'
	case t.raw[0] == 't' || t.raw[0] == 'f':
		return 't'
	}
	return t.raw[0]
}

// empty tells whether all members of an object are null.
func (t tree) empty() bool {
	if !t.object {
		return false
	}
	for _, m := range t.members {
		if m.list || m.object || string(m.raw) != "null" {
			return false
		}
	}
	return true
}

// settle makes single values of singletons.
func settle(out []member) ([]member, *failure) {
	for i := range out {
		x := &out[i]
		if !x.singleton || !x.list {
			continue
		}
		all := x.values()
		switch {
		case len(all) > 1 && x.collated:
			return nil, fail(codeInput, "there is more than one value where there should be one")
		case !x.collated: // its parent may be flattened: one value each is right until then
			if len(all) > 1 {
				return nil, fail(codeInput, "there is more than one value where there should be one")
			}
			fallthrough
		default:
			x.tree = tree{raw: []byte("null")}
			if len(all) == 1 {
				x.tree = all[0]
			}
		}
	}
	return out, nil
}

// append appends the tree as JSON.
func (t tree) append(dst []byte) []byte {
	switch {
	case t.list:
		dst = append(dst, '[')
		for i, x := range t.items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = x.append(dst)
		}
		return append(dst, ']')
	case t.object:
		dst = append(dst, '{')
		for i, m := range t.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(fhir.AppendString(dst, m.name), ':')
			dst = m.append(dst)
		}
		return append(dst, '}')
	}
	return append(dst, t.raw...)
}
