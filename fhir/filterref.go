package fhir

import "strings"

// refOp is one reference that was asked for.
type refOp struct {
	want string       // as References gives it; without a version
	typ  ResourceType // "" when the parameter goes to several types and only an id was given
	id   string       // "" when want is a URL or URN
}

// parseRefOp reads an id, a Type/id or a URL; only is the type that a modifier gave.
func parseRefOp(p *param, s string, only ResourceType) (refOp, bool) {
	if !p.literal() {
		return refOp{want: s}, strings.TrimSpace(s) != ""
	}
	r := ParseReference(s, "")
	switch r.Kind {
	case LocalReference:
		if !p.takes(r.Type) || only != "" && r.Type != only {
			return refOp{}, false
		}
		return refOp{want: string(r.Type) + "/" + r.ID, typ: r.Type, id: r.ID}, true
	case ForeignReference:
		if !p.takes(r.Type) || only != "" && r.Type != only {
			return refOp{}, false
		}
		return refOp{want: unversioned(s, r)}, true
	case URNReference:
		return refOp{want: s}, only == ""
	case BadReference:
		if !isID(s) {
			return refOp{}, false
		}
	default:
		return refOp{}, false
	}
	if only == "" && len(p.targets) == 1 {
		only = p.targets[0]
	}
	if only != "" {
		return refOp{want: string(only) + "/" + s, typ: only, id: s}, true
	}
	return refOp{want: s, id: s}, true
}

// unversioned is the text s of the reference r without its version.
func unversioned(s string, r Reference) string {
	if r.Version == "" {
		return s
	}
	return s[:len(s)-len("/_history/")-len(r.Version)]
}

// reference tells whether v is one of the references asked for.
func (q *query) reference(v Value, p *path) bool {
	if q.mod == modIdentifier {
		return q.token(v, p)
	}
	if p.form == formCanonical {
		for i := range q.refs {
			if canonicalIs(v, q.refs[i].want) {
				return true
			}
		}
		return false
	}
	ref := v.Get("reference")
	if !ref.IsString() {
		return false
	}
	for i := range q.refs {
		if q.refs[i].match(ref, q.p) {
			return true
		}
	}
	return false
}

// match compares the text of a reference, whatever its version.
func (op *refOp) match(ref Value, p *param) bool {
	if ref.Is(op.want) {
		return op.typ != "" || op.id == "" // an id alone is no reference
	}
	b := ref.unquoted()
	if op.typ != "" || op.id == "" {
		return len(b) > len(op.want) && string(b[:len(op.want)]) == op.want && unversionedIs(string(b), op.want)
	}
	if len(b) < len(op.id)+2 {
		return false
	}
	r := ParseReference(string(b), "")
	return r.Kind == LocalReference && r.ID == op.id && p.takes(r.Type)
}

func unversionedIs(s, want string) bool {
	r := ParseReference(s, "")
	return r.Version != "" && unversioned(s, r) == want
}

// typeOf is the type that the text of a reference tells; "" when it tells none.
func typeOf(ref Value) ResourceType {
	if !ref.IsString() {
		return ""
	}
	return ParseReference(ref.Text(), "").Type
}

// references passes the text of each reference that the parameter stands for to yield, until that says false.
func (p *param) references(r Value, yield func(Value) bool) {
	for i := range p.paths {
		q := &p.paths[i]
		if q.form != formReference {
			continue
		}
		if !q.walk(r, func(v Value) bool {
			ref := v.Get("reference")
			return !ref.IsString() || len(p.targets) > 0 && !p.takes(typeOf(ref)) || yield(ref)
		}) {
			return
		}
	}
}
