package graphql

import "strings"

// measured is what a query is found to be before anything is done for it.
type measured struct {
	op      *operation
	schema  bool // it asks for the schema, and for nothing else
	weights map[string]int
	shaped  bool // the answer's shape is not that of the executor
}

// measure holds a query to its limits and finds the operation that is asked for. Its error is a *failure.
func (d *document) measure(name string, lim Limits) (*measured, error) {
	m := &measured{weights: map[string]int{}}
	for _, op := range d.operations {
		if op.name == name || name == "" && len(d.operations) == 1 {
			m.op = op
		}
	}
	if m.op == nil {
		return nil, fail(codeInvalid, "operationName names no operation of this document, or one is needed")
	}
	if len(d.fragments) > lim.Fragments {
		return nil, fail(codeCostly, "the query has too many fragments")
	}
	for _, f := range d.fragments {
		if err := m.set(f.sels, lim); err != nil {
			return nil, err
		}
	}
	w := walker{d: d, left: lim.Selections, open: map[string]bool{}}
	for _, op := range d.operations {
		if err := m.set(op.sels, lim); err != nil {
			return nil, err
		}
		schema, err := w.operation(op, lim)
		if err != nil {
			return nil, err
		}
		m.schema = m.schema || op == m.op && schema
	}
	d.weigh(m, m.op.sels)
	return m, nil
}

// set looks at a selection set and those within it, each once.
func (m *measured) set(sels []*selection, lim Limits) error {
	aliases := 0
	for _, s := range sels {
		if len(s.dirs) > lim.Directives {
			return fail(codeCostly, "a field of the query has too many directives")
		}
		inner := s.sels
		if f := s.field; f != nil {
			inner = f.sels
			if f.alias != f.name {
				aliases++
			}
			m.shaped = m.shaped || f.shapes()
		}
		if aliases > lim.Aliases {
			return fail(codeCostly, "the query has too many aliases in one place")
		}
		if err := m.set(inner, lim); err != nil {
			return err
		}
	}
	return nil
}

// shapes tells whether a field makes the answer another than the executor's.
func (f *field) shapes() bool {
	for _, x := range f.dirs {
		switch x.name {
		case "flatten", "first", "singleton", "slice":
			return true
		}
	}
	return strings.HasPrefix(f.name, "_") && !strings.HasPrefix(f.name, "__")
}

// walker counts the fields of a query with its fragments expanded.
type walker struct {
	d       *document
	left    int
	deepest int
	roots   int // fields at the root, and of those the ones that ask for the schema
	schema  int
	open    map[string]bool // fragments that are being expanded
}

// operation counts one operation; schema tells whether it asks for the schema.
func (w *walker) operation(op *operation, lim Limits) (schema bool, err error) {
	w.roots, w.schema, w.deepest = 0, 0, max(lim.Depth, 16)
	// the schema is asked for at the root, and nested deeper than data: look there first
	if err := w.root(op.sels); err != nil {
		return false, err
	}
	switch {
	case w.roots > lim.Roots:
		return false, fail(codeCostly, "the query has too many fields at its root")
	case w.schema == 0:
		w.deepest = lim.Depth
	case w.schema != w.roots:
		return false, fail(codeUnsupported, "ask for the schema in a query of its own")
	}
	return w.schema > 0, w.walk(op.sels, 1)
}

// expand gives a fragment to f, unless it is being expanded already.
func (w *walker) expand(name string, f func([]*selection) error) error {
	x := w.d.fragments[name]
	if x == nil {
		return nil // validation tells of it
	}
	if w.open[name] {
		return fail(codeInvalid, "a fragment holds itself")
	}
	w.open[name] = true
	err := f(x.sels)
	w.open[name] = false
	return err
}

// spend counts a selection.
func (w *walker) spend() error {
	if w.left--; w.left < 0 {
		return fail(codeCostly, "the query has too many fields")
	}
	return nil
}

// root counts the fields at the root.
func (w *walker) root(sels []*selection) error {
	for _, s := range sels {
		var err error
		switch {
		case s.field == nil && s.spread == "":
			err = w.root(s.sels)
		case s.field == nil:
			if err = w.spend(); err == nil {
				err = w.expand(s.spread, w.root)
			}
		case s.field.name == "__typename":
		default:
			w.roots++
			if s.field.name == "__schema" || s.field.name == "__type" {
				w.schema++
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) walk(sels []*selection, depth int) error {
	for _, s := range sels {
		err := w.spend()
		switch {
		case err != nil:
		case s.field != nil && depth > w.deepest:
			err = fail(codeCostly, "the query is nested too deep")
		case s.field != nil:
			err = w.walk(s.field.sels, depth+1)
		case s.spread == "":
			err = w.walk(s.sels, depth)
		default:
			err = w.expand(s.spread, func(inner []*selection) error { return w.walk(inner, depth) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isEdge tells whether a field leads to resources, which count for themselves.
func isEdge(name string) bool {
	return strings.HasSuffix(name, "List") || strings.HasSuffix(name, "Connection") || name == "resource" || name == "contained"
}

// weigh counts what an item of each list makes, and gives what sels make without the items of lists. It is called on
// what walk has found to be small enough.
func (d *document) weigh(m *measured, sels []*selection) int {
	n := 0
	for _, s := range sels {
		switch {
		case s.field != nil:
			inner := d.weigh(m, s.field.sels)
			n++
			// within a connection, resource is the item and no reference
			if isEdge(s.field.name) {
				m.weights[s.field.name] = max(m.weights[s.field.name], inner)
			}
			if !isEdge(s.field.name) || s.field.name == "resource" {
				n += inner
			}
		case s.spread == "":
			n += d.weigh(m, s.sels)
		default:
			if f := d.fragments[s.spread]; f != nil {
				n += d.weigh(m, f.sels)
			}
		}
	}
	return n
}
