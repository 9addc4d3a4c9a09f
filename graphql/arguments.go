package graphql

// arguments reads what a query's arguments are, with the variables of a request. The executor reads them for itself.
type arguments struct {
	d    *document
	op   *operation
	vars map[string]any
}

// text is a string argument of a field.
func (x arguments) text(f *field, name string) (string, bool) {
	for _, a := range f.args {
		if a.name == name {
			v, ok := x.texts(a.val)
			if ok && len(v) == 1 {
				return v[0], true
			}
		}
	}
	return "", false
}

// texts is a string argument's value; nil for null. ok is false for what is none.
func (x arguments) texts(v value) (out []string, ok bool) {
	switch v.kind {
	case nullValue:
		return nil, true
	case stringValue, wordValue, boolValue, numberValue:
		return []string{v.text}, true
	case listValue:
		out := []string{}
		for _, i := range v.items {
			s, ok := x.texts(i)
			if !ok || len(s) != 1 {
				return nil, false
			}
			out = append(out, s[0])
		}
		return out, true
	case variableValue:
		given, isGiven := x.vars[v.text]
		if isGiven {
			return textsOf(given)
		}
		if d := x.op.defaults[v.text]; d.kind != variableValue {
			return x.texts(d) // null without a default
		}
	}
	return nil, false
}

// textsOf is a variable's value.
func textsOf(given any) ([]string, bool) {
	switch v := given.(type) {
	case nil:
		return nil, true
	case string:
		return []string{v}, true
	case []any:
		out := []string{}
		for _, i := range v {
			s, ok := i.(string)
			if !ok {
				return nil, false
			}
			out = append(out, s)
		}
		return out, true
	}
	return nil, false
}

// left tells whether @skip or @include leave a selection out.
func (x arguments) left(dirs []directive) bool {
	for _, d := range dirs {
		if d.name != "skip" && d.name != "include" || len(d.args) != 1 {
			continue
		}
		v := d.args[0].val
		yes := v.kind == boolValue && v.text == "true"
		if v.kind == variableValue {
			given, ok := x.vars[v.text].(bool)
			yes = given || !ok && x.op.defaults[v.text].text == "true"
		}
		if yes == (d.name == "skip") {
			return true
		}
	}
	return false
}
