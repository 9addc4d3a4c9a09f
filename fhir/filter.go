package fhir

import (
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"strings"
)

// Filter is one parameter of a search, such as code=http://loinc.org|4548-4, ready to be held against resources. Several
// AND. It holds what was asked, which may be PHI, and prints as nothing but the parameter's name. It is immutable. The
// zero Filter matches nothing.
type Filter struct{ q *query }

// query is a Filter's content. Of the operand lists one is used, by the parameter's kind; operands OR.
type query struct {
	t       ResourceType
	p       *param
	mod     modifier
	missing bool // what :missing asks for

	tokens  []tokenOp
	texts   []textOp
	dates   []dateOp
	numbers []numberOp
	refs    []refOp
}

type modifier uint8

const (
	modNone modifier = iota
	modMissing
	modNot
	modText
	modOfType
	modExact
	modContains
	modBelow
	modAbove
	modIdentifier
	modType // a resource type
)

// ParseFilter reads one parameter of a search for resources of type t: key is the name with its modifier, value is what
// was asked after percent-decoding, once (https://hl7.org/fhir/R4/search.html). Its error is a *ParamError: unknown
// names are ParamUnknown, and so are chains, composite and special parameters; a chain from a parameter that names the
// patient is ParamModifier, since it must not be ignored. An empty value is ParamValue: whoever reads a query drops
// parameters without a value first.
//
// Filters decide what a granular scope grants, so nothing that was asked is ever dropped.
func ParseFilter(t ResourceType, key, value string) (Filter, error) {
	name, modText, modified := strings.Cut(key, ":")
	p := lookup(t, name)
	if p == nil {
		why := ParamUnknown
		if head, _, chain := strings.Cut(name, "."); chain {
			if h := lookup(t, head); h != nil && h.patient {
				why = ParamModifier
			}
		}
		return refuse(key, "", why)
	}
	q := &query{t: t, p: p}
	only := ResourceType("")
	if modified {
		var ok bool
		if q.mod, only, ok = parseModifier(p, modText); !ok {
			return refuse(key, name, ParamModifier)
		}
	}
	if !q.operands(value, only) {
		return refuse(key, name, ParamValue)
	}
	return Filter{q}, nil
}

func refuse(key, name string, why ParamReason) (Filter, error) {
	if safeKey(key) {
		name = key
	}
	return Filter{}, &ParamError{Param: name, Reason: why}
}

// parseModifier reads what follows the colon; a resource type comes back as such.
func parseModifier(p *param, s string) (modifier, ResourceType, bool) {
	if s == "missing" {
		return modMissing, "", true
	}
	identifiers := slices.ContainsFunc(p.paths, func(q path) bool { return q.form == formIdentifier })
	switch {
	case p.kind == KindToken && s == "not":
		return modNot, "", true
	case p.kind == KindToken && s == "text":
		return modText, "", true
	case p.kind == KindToken && s == "of-type" && identifiers:
		return modOfType, "", true
	case p.kind == KindString && s == "exact":
		return modExact, "", true
	case p.kind == KindString && s == "contains":
		return modContains, "", true
	case p.kind == KindURI && s == "below":
		return modBelow, "", true
	case p.kind == KindURI && s == "above":
		return modAbove, "", true
	case p.literal() && s == "identifier":
		return modIdentifier, "", true
	case p.literal() && KnownType(ResourceType(s)) && p.takes(ResourceType(s)):
		return modType, ResourceType(s), true
	}
	return modNone, "", false
}

// operands reads the value: what commas divide are alternatives.
func (q *query) operands(value string, only ResourceType) bool {
	if q.mod == modMissing {
		q.missing = value == "true"
		return q.missing || value == "false"
	}
	n := 0
	for part := range splitEscaped(value, ',') {
		if part == "" {
			continue
		}
		if !q.operand(part, only) {
			return false
		}
		n++
	}
	return n > 0
}

func (q *query) operand(s string, only ResourceType) bool {
	switch q.p.kind {
	case KindToken:
		if q.mod == modText {
			return q.addText(s)
		}
		return q.addToken(s)
	case KindString, KindURI:
		return q.addText(s)
	case KindDate:
		op, ok := parseDateOp(unescape(s))
		q.dates = append(q.dates, op)
		return ok
	case KindNumber, KindQuantity:
		op, ok := parseNumberOp(s, q.p.kind == KindQuantity)
		q.numbers = append(q.numbers, op)
		return ok
	case KindReference:
		if q.mod == modIdentifier {
			return q.addToken(s)
		}
		op, ok := parseRefOp(q.p, unescape(s), only)
		q.refs = append(q.refs, op)
		return ok
	}
	return false
}

// Name is the parameter's name without its modifier; "" for the zero Filter. It holds no PHI.
func (f Filter) Name() string {
	if f.q == nil {
		return ""
	}
	return f.q.p.name
}

// Match tells whether r is of the Filter's type and has a value that was asked for. References are compared as they are
// written, by Type/id or as a whole URL; whoever knows the ids of several sources compares Elements with References
// instead. A date without a zone is compared on the calendar of the resource's own zone, since the caller's is not
// known; every other time as an instant.
func (f Filter) Match(r Resource) bool {
	q := f.q
	if q == nil || !r.Get("resourceType").Is(string(q.t)) {
		return false
	}
	switch q.mod {
	case modMissing:
		return q.any(r.Value, q.exists) != q.missing
	case modNot:
		return !q.any(r.Value, q.token)
	case modText:
		return q.any(r.Value, q.displays)
	}
	switch q.p.kind {
	case KindToken:
		return q.any(r.Value, q.token)
	case KindString:
		return q.any(r.Value, q.text)
	case KindDate:
		return q.any(r.Value, q.date)
	case KindNumber, KindQuantity:
		return q.any(r.Value, q.number)
	case KindReference:
		return q.any(r.Value, q.reference)
	case KindURI:
		return q.any(r.Value, q.uri)
	}
	return false
}

// any tells whether test holds for a value of the parameter.
func (q *query) any(r Value, test func(Value, *path) bool) bool {
	for i := range q.p.paths {
		p := &q.p.paths[i]
		if !p.walk(r, func(v Value) bool { return !test(v, p) }) {
			return true
		}
	}
	return false
}

// exists tells whether v counts as a value for :missing.
func (q *query) exists(v Value, p *path) bool {
	if p.form == formReference {
		return q.p.takes(typeOf(v.Get("reference")))
	}
	return true
}

// References is what a reference parameter asks for: each a Type/id, an id alone when the parameter goes to several
// types, or an absolute URL, just as the caller wrote it but for the type that its name or modifier implies. It is nil
// for a parameter of another kind, for canonical URLs, and with :missing or :identifier: there Match suffices. PHI.
func (f Filter) References() []string {
	if f.q == nil || !f.q.p.literal() || f.q.mod == modMissing || f.q.mod == modIdentifier {
		return nil
	}
	out := make([]string, 0, len(f.q.refs))
	for _, op := range f.q.refs {
		out = append(out, op.want)
	}
	return out
}

// Elements is the reference strings of r that the Filter is about, as the source wrote them. References to types that
// the parameter does not go to are not among them. Nothing when References is nil, or r is of another type.
func (f Filter) Elements(r Resource) iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if f.q != nil && f.q.p.literal() && f.q.mod != modMissing && f.q.mod != modIdentifier &&
			r.Get("resourceType").Is(string(f.q.t)) {
			f.q.p.references(r.Value, yield)
		}
	}
}

// splitEscaped cuts s at each sep that no backslash stands before.
func splitEscaped(s string, sep byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		from := 0
		for i := 0; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case sep:
				if !yield(s[from:i]) {
					return
				}
				from = i + 1
			}
		}
		yield(s[from:])
	}
}

// cutEscaped cuts s at its first sep that no backslash stands before.
func cutEscaped(s string, sep byte) (before, after string, found bool) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case sep:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// unescape resolves FHIR's escapes of comma, bar, dollar and backslash; any other backslash stands for itself.
func unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`,|$\`, s[i+1]) >= 0 {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// String is the parameter's name, and nothing of what was asked.
func (f Filter) String() string { return f.Name() + "=" + redacted }

// GoString keeps %#v from showing it.
func (f Filter) GoString() string { return f.String() }

// Format keeps every other verb from showing it.
func (f Filter) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, f.String()) }

// LogValue keeps slog from showing it.
func (f Filter) LogValue() slog.Value { return slog.StringValue(f.String()) }
