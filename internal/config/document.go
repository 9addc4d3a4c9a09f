package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// yamlKey stands for the key in an error about the text as a whole.
const yamlKey = "yaml"

// document is one file under way from text to Config. The library's own strict decoder stops at the first error, so the
// syntax tree is read here, and every error kept.
type document struct {
	file string
	dir  string // what relative paths start at
	errs Errors
}

func (d *document) fail(line int, key, format string, args ...any) {
	d.errs = append(d.errs, Error{File: d.file, Line: max(line, 1), Key: key, Msg: fmt.Sprintf(format, args...)})
}

// parse gives the top-level section, or false when there is none to read on with.
func (d *document) parse(data []byte) (*section, bool) {
	tree, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	root := &section{doc: d, line: 1}
	found := false
	for _, part := range tree.Docs {
		switch body := part.Body.(type) {
		case nil, *ast.DirectiveNode, *ast.CommentGroupNode:
		case ast.MapNode:
			if found {
				d.fail(lineOf(part.Body), yamlKey, "a second document: the file is one")
				return nil, false
			}
			found = true
			root.add(body)
		default:
			d.fail(lineOf(body), yamlKey, "must be keys with values")
			return nil, false
		}
	}
	return root, true
}

func (d *document) syntax(err error) {
	line, what := 1, "unreadable"
	var y yaml.Error
	if errors.As(err, &y) {
		if t := y.GetToken(); t != nil && t.Position != nil {
			line = t.Position.Line
		}
		what, _, _ = strings.Cut(y.GetMessage(), "\n")
	}
	d.fail(line, yamlKey, "is not valid YAML: %s", what)
}

// lineOf is 1 for a node that the parser gave no position.
func lineOf(n ast.Node) int {
	if n == nil {
		return 1
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 1
}

// section is a mapping of the file: keys with values, each key once.
type section struct {
	doc    *document
	path   string // of the section itself; empty at the top
	line   int
	fields []field  // in the order of the file
	known  []string // keys that were asked for, in that order
	broken bool     // it was no mapping, which has been said: nothing in it is missing
}

// field is one key of a section, or one item of a list, set or not. Null, an empty text and an empty list are not set.
type field struct {
	doc     *document
	name    string // the key by itself; empty for an item of a list
	path    string
	line    int // of the key; of the section when not set
	present bool
	node    ast.Node // nil when not set, or when its value was refused as a whole
}

// add takes the keys of m into s.
func (s *section) add(m ast.MapNode) {
	for it := m.MapRange(); it.Next(); {
		name, ok := it.Key().(*ast.StringNode)
		if !ok {
			s.doc.fail(lineOf(it.Key()), s.name(), "has a key that is not plain text")
			continue
		}
		f := s.doc.field(name.Value, join(s.path, name.Value), lineOf(name), it.Value())
		if first := s.index(f.name); first >= 0 {
			f.fail("is set twice, first on line %d", s.fields[first].line)
			continue
		}
		s.fields = append(s.fields, f)
	}
}

func (s *section) index(name string) int {
	return slices.IndexFunc(s.fields, func(f field) bool { return f.name == name })
}

func (d *document) field(name, path string, line int, node ast.Node) field {
	f := field{doc: d, name: name, path: path, line: line, present: true, node: node}
	switch n := node.(type) {
	case nil, *ast.NullNode:
		f.present, f.node = false, nil
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		f.fail("anchors, aliases and tags are not accepted: write the value out")
		f.node = nil
	case *ast.StringNode:
		f.present = n.Value != ""
	case *ast.SequenceNode:
		f.present = len(n.Values) > 0
	}
	return f
}

func join(path, name string) string {
	if name == "" {
		name = `""` // a key that can be seen
	}
	if strings.ContainsFunc(name, unicode.IsControl) {
		name = strconv.Quote(name) // an error is one line
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

func (s *section) name() string {
	if s.path == "" {
		return yamlKey
	}
	return s.path
}

func (s *section) fail(format string, args ...any) {
	if !s.broken {
		s.doc.fail(s.line, s.name(), format, args...)
	}
}

// at is the field name of s, set or not.
func (s *section) at(name string) field {
	if !slices.Contains(s.known, name) {
		s.known = append(s.known, name)
	}
	if i := s.index(name); i >= 0 {
		return s.fields[i]
	}
	// In a broken section a key counts as there, so that it is not reported as missing too.
	return field{doc: s.doc, name: name, path: join(s.path, name), line: s.line, present: s.broken}
}

// inline are keys that people put a secret under.
var inline = map[string]string{
	"client_secret": "secret_file", "secret": "secret_file", "password": "secret_file",
	"token": "token_file", "access_token": "token_file", "bearer": "token_file", "bearer_token": "token_file",
	"key": "key_file", "private_key": "key_file", "hmac_key": "key_file", "jwks": "jwks_file", "cert": "cert_file",
}

// done reports the keys that nobody asked for.
func (s *section) done() {
	for _, f := range s.fields {
		if slices.Contains(s.known, f.name) {
			continue
		}
		if file, ok := inline[f.name]; ok && slices.Contains(s.known, file) {
			f.fail("is not a key here: give it as a file, by %s", file)
			continue
		}
		f.fail("is not a key here; the keys are %s", strings.Join(s.known, ", "))
	}
}

// pair reports a field whose companion is not set.
func (s *section) pair(a, b string) {
	fa, fb := s.at(a), s.at(b)
	if fa.present && !fb.present {
		fa.fail("needs %s", b)
	}
	if fb.present && !fa.present {
		fb.fail("needs %s", a)
	}
}
