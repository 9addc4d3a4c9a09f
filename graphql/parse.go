package graphql

import "strings"

const (
	maxNesting = 64 // of selection sets and values, when a query is read
	maxNames   = 20_000
)

// parser reads a document.
type parser struct {
	s     string
	i     int // offset of what comes next
	depth int
	names int
}

// parse reads a document. Its error is a *failure.
func parse(text string) (*document, error) {
	p := &parser{s: text}
	d := &document{text: text, fragments: map[string]*fragment{}}
	for p.skip(); p.i < len(p.s); p.skip() {
		if err := p.definition(d); err != nil {
			return nil, err
		}
	}
	if len(d.operations) == 0 {
		return nil, p.fail("there is no operation in this document")
	}
	return d, nil
}

func (p *parser) fail(text string) error {
	f := fail(codeSyntax, text)
	f.at = locate(p.s, p.i)
	return f
}

// descend goes one level deeper; the caller comes up again.
func (p *parser) descend() error {
	if p.depth++; p.depth > maxNesting {
		return fail(codeCostly, "the query is nested too deep")
	}
	return nil
}

// skip passes over what has no meaning.
func (p *parser) skip() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r', ',':
			p.i++
		case '#':
			for p.i < len(p.s) && p.s[p.i] != '\n' && p.s[p.i] != '\r' {
				p.i++
			}
		default:
			return
		}
	}
}

// peek is the next byte that has a meaning; 0 at the end.
func (p *parser) peek() byte {
	if p.skip(); p.i < len(p.s) {
		return p.s[p.i]
	}
	return 0
}

func (p *parser) take(c byte) bool {
	if p.peek() != c || p.i >= len(p.s) {
		return false
	}
	p.i++
	return true
}

func (p *parser) want(c byte) error {
	if !p.take(c) {
		return p.fail("here a " + string(rune(c)) + " is missing")
	}
	return nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func (p *parser) name() (string, error) {
	if !isLetter(p.peek()) {
		return "", p.fail("here a name is missing")
	}
	from := p.i
	for p.i < len(p.s) && (isLetter(p.s[p.i]) || isDigit(p.s[p.i])) {
		p.i++
	}
	if p.names++; p.names > maxNames {
		return "", fail(codeCostly, "the query has too many names")
	}
	return p.s[from:p.i], nil
}

func (p *parser) definition(d *document) error {
	if p.peek() == '{' {
		op := &operation{kind: "query"}
		d.operations = append(d.operations, op)
		return p.body(op)
	}
	word, err := p.name()
	if err != nil {
		return err
	}
	switch word {
	case "query", "mutation", "subscription":
		return p.operation(d, word)
	case "fragment":
		return p.fragment(d)
	}
	p.i -= len(word)
	return p.fail("here an operation or a fragment is missing")
}

func (p *parser) operation(d *document, kind string) (err error) {
	op := &operation{kind: kind, defaults: map[string]value{}}
	d.operations = append(d.operations, op)
	if isLetter(p.peek()) {
		if op.name, err = p.name(); err != nil {
			return err
		}
	}
	if p.take('(') {
		for !p.take(')') {
			if err := p.variable(op); err != nil {
				return err
			}
		}
	}
	if _, err := p.directives(); err != nil {
		return err
	}
	return p.body(op)
}

func (p *parser) body(op *operation) (err error) {
	p.skip()
	op.open = p.i + 1
	op.sels, err = p.set()
	op.close = p.i - 1
	return err
}

func (p *parser) variable(op *operation) error {
	if err := p.want('$'); err != nil {
		return err
	}
	name, err := p.name()
	if err != nil {
		return err
	}
	if err := p.want(':'); err != nil {
		return err
	}
	if err := p.typ(); err != nil {
		return err
	}
	if p.take('=') {
		if op.defaults[name], err = p.value(); err != nil {
			return err
		}
	}
	_, err = p.directives()
	return err
}

// typ passes over a type.
func (p *parser) typ() error {
	if err := p.descend(); err != nil {
		return err
	}
	defer func() { p.depth-- }()
	if p.take('[') {
		if err := p.typ(); err != nil {
			return err
		}
		if err := p.want(']'); err != nil {
			return err
		}
	} else if _, err := p.name(); err != nil {
		return err
	}
	p.take('!')
	return nil
}

func (p *parser) fragment(d *document) (err error) {
	f := &fragment{}
	if f.name, err = p.name(); err != nil {
		return err
	}
	if f.name == "on" || d.fragments[f.name] != nil {
		return p.fail("this name of a fragment can't be used, or is used twice")
	}
	if word, err := p.name(); err != nil || word != "on" {
		return p.fail("here the word on is missing")
	}
	if f.on, err = p.name(); err != nil {
		return err
	}
	if _, err = p.directives(); err != nil {
		return err
	}
	d.fragments[f.name] = f
	f.sels, err = p.set()
	return err
}

// set reads a selection set.
func (p *parser) set() (out []*selection, err error) {
	if err := p.descend(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	if err := p.want('{'); err != nil {
		return nil, err
	}
	for !p.take('}') {
		s, err := p.selection()
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, p.fail("here a field is missing")
	}
	return out, nil
}

func (p *parser) selection() (*selection, error) {
	if p.peek() == '.' {
		if !strings.HasPrefix(p.s[p.i:], "...") {
			return nil, p.fail("here a field is missing")
		}
		p.i += 3
		return p.spread()
	}
	f, err := p.field()
	if err != nil {
		return nil, err
	}
	return &selection{field: f, dirs: f.dirs}, nil
}

func (p *parser) spread() (s *selection, err error) {
	s = &selection{}
	if isLetter(p.peek()) {
		if s.spread, err = p.name(); err != nil {
			return nil, err
		}
		if s.spread == "on" {
			s.spread = ""
			if s.on, err = p.name(); err != nil {
				return nil, err
			}
		}
	}
	if s.dirs, err = p.directives(); err != nil || s.spread != "" {
		return s, err
	}
	s.sels, err = p.set()
	return s, err
}

func (p *parser) field() (f *field, err error) {
	p.skip()
	f = &field{at: p.i}
	if f.name, err = p.name(); err != nil {
		return nil, err
	}
	f.alias = f.name
	if p.take(':') {
		if f.name, err = p.name(); err != nil {
			return nil, err
		}
	}
	f.end = p.i
	if f.args, err = p.arguments(); err != nil {
		return nil, err
	}
	if f.dirs, err = p.directives(); err != nil {
		return nil, err
	}
	if p.peek() == '{' {
		f.open = p.i + 1
		if f.sels, err = p.set(); err != nil {
			return nil, err
		}
		f.end = p.i
	} else if n := len(f.args) + len(f.dirs); n > 0 {
		f.end = p.i // behind them, and what has no meaning
	}
	return f, nil
}

func (p *parser) directives() (out []directive, err error) {
	for p.take('@') {
		var d directive
		if d.name, err = p.name(); err != nil {
			return nil, err
		}
		if d.args, err = p.arguments(); err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}
