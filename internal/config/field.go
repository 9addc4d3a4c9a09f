package config

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

func (f field) fail(format string, args ...any) { f.doc.fail(f.line, f.path, format, args...) }

// required reports f when it is not set.
func (f field) required() field {
	if !f.present {
		f.fail("is required")
	}
	return f
}

// section is f's value as keys with values: an empty section when f is not set.
func (f field) section() *section {
	s := &section{doc: f.doc, path: f.path, line: f.line}
	switch n := f.node.(type) {
	case nil:
		s.broken = f.present
	case ast.MapNode:
		s.add(n)
	default:
		f.fail("must be keys with values")
		s.broken = true
	}
	return s
}

// list is f's items; an item that is not set is reported and left out.
func (f field) list() []field {
	if f.node == nil {
		return nil
	}
	seq, ok := f.node.(*ast.SequenceNode)
	if !ok {
		f.fail("must be a list")
		return nil
	}
	items := make([]field, 0, len(seq.Values))
	for i, n := range seq.Values {
		item := f.doc.field("", f.path+"["+strconv.Itoa(i)+"]", lineOf(n), n)
		if !item.present {
			item.fail("must not be empty")
			continue
		}
		items = append(items, item)
	}
	return items
}

// requiredList is list, and reports f when there is no item.
func (f field) requiredList() []field {
	if _, empty := f.node.(*ast.SequenceNode); empty && !f.present {
		f.fail("must not be an empty list")
		return nil
	}
	return f.required().list()
}

// text is f's value as written; empty when f is not set or was refused. A number counts as text, so that an id made of
// digits needs no quotes.
func (f field) text() string {
	var v string
	switch n := f.node.(type) {
	case nil:
		return ""
	case *ast.StringNode:
		v = n.Value
	case *ast.IntegerNode, *ast.FloatNode:
		v = n.GetToken().Value
	default:
		f.fail("must be text on one line")
		return ""
	}
	if strings.ContainsFunc(v, unicode.IsControl) {
		f.fail("must have no control characters")
		return ""
	}
	return v
}

// word is text without spaces.
func (f field) word() string {
	v := f.text()
	if strings.ContainsFunc(v, unicode.IsSpace) {
		f.fail("must have no spaces")
		return ""
	}
	return v
}

func (f field) wordOr(def string) string {
	if v := f.word(); v != "" {
		return v
	}
	return def
}

// words is the text of items, which must differ and have no spaces; check, if any, is called for each. It is nil when
// there are none.
func words(items []field, check func(item field, word string)) []string {
	var all []string
	seen := map[string]bool{}
	for _, item := range items {
		w := item.word()
		if w == "" {
			continue
		}
		if seen[w] {
			item.fail("is listed twice")
		}
		if check != nil {
			check(item, w)
		}
		seen[w] = true
		all = append(all, w)
	}
	return all
}

func (f field) truth(def bool) bool {
	switch n := f.node.(type) {
	case nil:
		return def
	case *ast.BoolNode:
		return n.Value
	}
	f.fail("must be true or false")
	return def
}

// whole is a number from 1 to most; 0 when f is not set.
func (f field) whole(most int) int {
	if f.node == nil {
		return 0
	}
	if n, ok := f.node.(*ast.IntegerNode); ok {
		if v, err := strconv.Atoi(n.GetToken().Value); err == nil && v >= 1 && v <= most {
			return v
		}
	}
	f.fail("must be a whole number from 1 to %d", most)
	return 0
}

func (f field) duration(def time.Duration) time.Duration {
	v := f.text()
	if v == "" {
		return def
	}
	d, err := time.ParseDuration(v)
	if err != nil || d <= 0 {
		f.fail("must be a duration above zero, such as 5s")
		return def
	}
	return d
}

// units are the windows that a rate may name.
var units = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
}

func (f field) rate(def Rate) Rate {
	v := f.text()
	if v == "" {
		return def
	}
	count, unit, _ := strings.Cut(v, "/")
	n, err := strconv.Atoi(count)
	per, ok := units[unit]
	if err != nil || n < 1 || !ok {
		f.fail("must be a count above zero per second, minute, hour or day, such as 600/minute")
		return def
	}
	return Rate{Count: n, Per: per}
}
