package fhir

import (
	"bytes"
	"strings"
)

// tokenOp is one token that was asked for: code, system|code, |code, system|, or type system|type code|value.
type tokenOp struct {
	code     string // of an identifier, its value; "" for any
	folded   []byte // the same, to be compared without regard to case
	digits   string // the same as a telephone number
	system   string // canonical
	anyCode  bool
	noSystem bool   // |code: only where no system is stated
	ofType   string // :of-type: the code of the identifier's type, whose system is system
}

// addToken reads one alternative.
func (q *query) addToken(s string) bool {
	var op tokenOp
	system, code, bar := cutEscaped(s, '|')
	if !bar {
		system, code = "", s
	}
	if q.mod == modOfType {
		kind, value, ok := cutEscaped(code, '|')
		if !bar || !ok || system == "" || kind == "" || value == "" {
			return false
		}
		op.ofType, code = unescape(kind), value
	}
	op.system, op.code = CanonicalSystem(unescape(system)), unescape(code)
	op.anyCode, op.noSystem = op.code == "", bar && op.system == ""
	if op.anyCode && op.system == "" {
		return false
	}
	op.folded, op.digits = []byte(op.code), phone(op.code)
	if q.boolean() && op.code != "true" && op.code != "false" {
		return false
	}
	q.tokens = append(q.tokens, op)
	return true
}

// boolean tells whether the parameter has no values but true and false.
func (q *query) boolean() bool {
	for i := range q.p.paths {
		if f := q.p.paths[i].form; f != formBoolean && f != formDeceased {
			return false
		}
	}
	return true
}

// token tells whether v is one of the tokens asked for.
func (q *query) token(v Value, p *path) bool {
	for i := range q.tokens {
		if q.tokens[i].match(v, p) {
			return true
		}
	}
	return false
}

func (op *tokenOp) match(v Value, p *path) bool {
	switch p.form {
	case formConcept:
		c := v.Get("coding")
		if c.first() != '[' {
			return op.coding(c)
		}
		for j, end := c.n+1, c.d.nodes[c.n].next; j < end; j = c.d.nodes[j].next {
			if op.coding(Value{d: c.d, n: j}) {
				return true
			}
		}
		return false
	case formCoding:
		return op.coding(v)
	case formIdentifier:
		return op.identifier(v)
	case formContact:
		return op.contact(v)
	case formDeceased:
		died := v.Get("deceasedDateTime").Exists() || string(v.Get("deceasedBoolean").Raw()) == "true"
		return (op.code == "true") == died
	case formReference: // :identifier
		return op.identifier(v.Get("identifier"))
	}
	return op.bare(v, p)
}

// coding compares a Coding. The code first: it tells most apart.
func (op *tokenOp) coding(v Value) bool {
	if !v.IsObject() {
		return false
	}
	system := v.Get("system")
	if !op.anyCode {
		code := v.Get("code")
		if !code.Is(op.code) {
			if !code.IsString() || !bytes.EqualFold(code.unquoted(), op.folded) || !foldedSystem(CanonicalSystem(system.Text())) {
				return false
			}
		}
	}
	return op.inSystem(system)
}

func (op *tokenOp) inSystem(system Value) bool {
	switch {
	case op.noSystem:
		return !system.IsString()
	case op.system == "":
		return true
	}
	return system.Is(op.system) || system.IsString() && CanonicalSystem(system.Text()) == op.system
}

func (op *tokenOp) identifier(v Value) bool {
	if !v.IsObject() || !op.anyCode && !v.Get("value").Is(op.code) {
		return false
	}
	if op.ofType == "" {
		return op.inSystem(v.Get("system"))
	}
	kind := tokenOp{code: op.ofType, folded: []byte(op.ofType), system: op.system}
	return kind.match(v.Get("type"), &path{form: formConcept})
}

// contact compares a ContactPoint: telephone numbers by their digits, anything else without regard to case. What R4
// calls its system (phone, email) and its use both may stand before the bar.
func (op *tokenOp) contact(v Value) bool {
	if op.system != "" && !v.Get("system").Is(op.system) && !v.Get("use").Is(op.system) {
		return false
	}
	if op.anyCode {
		return v.IsObject()
	}
	value := v.Get("value")
	if !value.IsString() {
		return false
	}
	if bytes.EqualFold(value.unquoted(), op.folded) {
		return true
	}
	s := v.Get("system")
	if s.Is("phone") || s.Is("fax") || s.Is("sms") || s.Is("pager") {
		return op.digits != "" && phone(value.Text()) == op.digits
	}
	return false
}

// phone is the digits of a telephone number and its leading plus; "" when it holds anything but those and what people
// write between them.
func phone(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c-'0' <= 9 || c == '+' && len(b) == 0:
			b = append(b, c)
		case strings.IndexByte(" -./()", c) < 0:
			return ""
		}
	}
	return string(b)
}

// bare compares a code, id, boolean or number, which has no system beside it: that of its binding is meant.
func (op *tokenOp) bare(v Value, p *path) bool {
	if op.system != "" {
		known := len(p.systems) == 0
		for _, s := range p.systems {
			known = known || s == op.system
		}
		if !known {
			return false
		}
	}
	switch {
	case v.IsString():
		return op.anyCode || v.Is(op.code)
	case v.IsObject() || v.IsArray():
		return false
	}
	return op.anyCode || string(v.Raw()) == op.code
}
