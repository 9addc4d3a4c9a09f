package graphql

import (
	"strconv"
	"strings"
)

func (p *parser) arguments() (out []argument, err error) {
	if !p.take('(') {
		return nil, nil
	}
	for !p.take(')') {
		var a argument
		if a.name, err = p.name(); err != nil {
			return nil, err
		}
		if err := p.want(':'); err != nil {
			return nil, err
		}
		if a.val, err = p.value(); err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (p *parser) value() (v value, err error) {
	if err := p.descend(); err != nil {
		return value{}, err
	}
	defer func() { p.depth-- }()
	c := p.peek()
	v.at = p.i
	switch {
	case c == '$':
		p.i++
		v.kind = variableValue
		v.text, err = p.name()
	case c == '"':
		v.kind = stringValue
		v.text, err = p.str()
	case c == '-', isDigit(c):
		v.kind, v.text = numberValue, p.number()
	case isLetter(c):
		v.text, err = p.name()
		v.kind = kindOfWord(v.text)
	case c == '[':
		v.kind = listValue
		p.i++
		for err == nil && !p.take(']') {
			var x value
			x, err = p.value()
			v.items = append(v.items, x)
		}
	case c == '{':
		v.kind = objectValue
		p.i++
		err = p.object()
	default:
		err = p.fail("here a value is missing")
	}
	v.end = p.i
	return v, err
}

func kindOfWord(s string) valueKind {
	switch s {
	case "null":
		return nullValue
	case "true", "false":
		return boolValue
	}
	return wordValue
}

// object passes over the members of an object, of which the schema has none.
func (p *parser) object() error {
	for !p.take('}') {
		if _, err := p.name(); err != nil {
			return err
		}
		if err := p.want(':'); err != nil {
			return err
		}
		if _, err := p.value(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) number() string {
	from := p.i
	p.i++
	for p.i < len(p.s) && (isDigit(p.s[p.i]) || p.s[p.i] == '.' || p.s[p.i]|0x20 == 'e' || (p.s[p.i] == '-' || p.s[p.i] == '+') && p.s[p.i-1]|0x20 == 'e') {
		p.i++
	}
	return p.s[from:p.i]
}

// str reads a string. Block strings are not taken: two readers might differ about where they end.
func (p *parser) str() (string, error) {
	if strings.HasPrefix(p.s[p.i:], `"""`) {
		return "", p.fail("block strings are not taken here")
	}
	from := p.i
	for p.i++; p.i < len(p.s); p.i++ {
		switch c := p.s[p.i]; {
		case c == '\\':
			p.i++
		case c == '"':
			p.i++
			s, err := strconv.Unquote(p.s[from:p.i])
			if err != nil {
				return "", p.fail("this string has an escape that is none")
			}
			return s, nil
		case c < ' ':
			return "", p.fail("this string is not closed")
		}
	}
	p.i = len(p.s)
	return "", p.fail("this string is not closed")
}
