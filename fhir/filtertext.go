package fhir

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// textOp is one string or URI that was asked for.
type textOp struct {
	exact  string
	folded string   // as fold makes it
	words  []string // of folded, when it has several
}

// addText reads one alternative of a string, a URI or a token's :text.
func (q *query) addText(s string) bool {
	op := textOp{exact: unescape(s)}
	if q.p.kind != KindURI {
		op.folded = fold(op.exact)
		if w := strings.Fields(op.folded); len(w) > 1 {
			op.words = w
		}
		if op.folded == "" && q.mod != modExact {
			return false // punctuation alone would be at the start of everything
		}
	}
	q.texts = append(q.texts, op)
	return true
}

// fold makes strings alike that differ only in case, accents, punctuation or spacing
// (https://hl7.org/fhir/R4/search.html#string).
func fold(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	space := false
	for _, r := range decompose(s) {
		switch {
		case r == '\'' || r == '.' || r == '’' || r == '`':
		case unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r), unicode.IsPunct(r):
			space = b.Len() > 0
		default:
			if space {
				b.WriteByte(' ')
				space = false
			}
			switch r = unicode.ToLower(r); r {
			case 'ß':
				b.WriteString("ss")
			case 'æ':
				b.WriteString("ae")
			case 'œ':
				b.WriteString("oe")
			case 'ø':
				b.WriteByte('o')
			case 'ł':
				b.WriteByte('l')
			case 'đ':
				b.WriteByte('d')
			case 'ı':
				b.WriteByte('i')
			default:
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// decompose takes accents off their letters.
func decompose(s string) string {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return norm.NFKD.String(s)
		}
	}
	return s
}

// text tells whether v, read as its form says, is one of the strings asked for.
func (q *query) text(v Value, p *path) bool {
	switch p.form {
	case formName:
		return q.parts(v, "family", "given", "prefix", "suffix", "text")
	case formAddress:
		return q.parts(v, "text", "line", "city", "district", "state", "country", "postalCode")
	case formText:
		return q.string(v.Get("text"))
	}
	return q.string(v)
}

// string compares one string.
func (q *query) string(v Value) bool {
	if !v.IsString() {
		return false
	}
	if q.mod == modExact {
		for i := range q.texts {
			if v.Is(q.texts[i].exact) {
				return true
			}
		}
		return false
	}
	folded := fold(v.Text())
	for i := range q.texts {
		if strings.HasPrefix(folded, q.texts[i].folded) || q.mod == modContains && strings.Contains(folded, q.texts[i].folded) {
			return true
		}
	}
	return false
}

// parts compares the parts of a name or an address. Several words may be found in several parts, as people write
// "Ada Lovelace" where FHIR has a given and a family name.
func (q *query) parts(v Value, names ...string) bool {
	if !v.IsObject() {
		return false
	}
	for _, n := range names {
		for part := range v.Get(n).Items() {
			if q.string(part) {
				return true
			}
		}
	}
	if q.mod != modNone {
		return false
	}
	for i := range q.texts {
		op := &q.texts[i]
		found := len(op.words) > 0
		for _, w := range op.words {
			found = found && word(v, w, names)
		}
		if found || len(op.words) == 0 && word(v, op.folded, []string{"text"}) {
			return true
		}
	}
	return false
}

// word tells whether a word of one of the parts begins with w.
func word(v Value, w string, names []string) bool {
	for _, n := range names {
		for part := range v.Get(n).Items() {
			if !part.IsString() {
				continue
			}
			for f := range strings.FieldsSeq(fold(part.Text())) {
				if strings.HasPrefix(f, w) {
					return true
				}
			}
		}
	}
	return false
}

// displays is :text of a token: the text or display that stands beside the code.
func (q *query) displays(v Value, p *path) bool {
	switch p.form {
	case formConcept:
		if q.string(v.Get("text")) {
			return true
		}
		for c := range v.Get("coding").Items() {
			if q.string(c.Get("display")) {
				return true
			}
		}
	case formCoding:
		return q.string(v.Get("display"))
	case formIdentifier:
		return q.string(v.Path("type", "text"))
	}
	return false
}

// uri tells whether v is one of the URIs asked for, and with :below or :above, beneath or over one.
func (q *query) uri(v Value, _ *path) bool {
	if !v.IsString() {
		return false
	}
	for i := range q.texts {
		want := q.texts[i].exact
		switch q.mod {
		case modBelow:
			if under(v.Text(), want) {
				return true
			}
		case modAbove:
			if under(want, v.Text()) {
				return true
			}
		default:
			if canonicalIs(v, want) {
				return true
			}
		}
	}
	return false
}

// under tells whether the URI s is that of base or of something beneath it.
func under(s, base string) bool {
	rest, ok := strings.CutPrefix(s, base)
	return ok && (rest == "" || strings.HasSuffix(base, "/") || strings.IndexByte("/?#|", rest[0]) >= 0)
}

// canonicalIs compares a URI; one that is asked for without a version is found with any.
func canonicalIs(v Value, want string) bool {
	if v.Is(want) {
		return true
	}
	if !v.IsString() || strings.IndexByte(want, '|') >= 0 {
		return false
	}
	rest, ok := strings.CutPrefix(v.Text(), want)
	return ok && strings.HasPrefix(rest, "|")
}
