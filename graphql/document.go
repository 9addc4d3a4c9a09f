package graphql

import "strings"

// document is a query as it was read here: for its cost, for what to fetch, and for the shape of the answer. The executor
// reads the text for itself, so that nothing is allowed by what stands here.
type document struct {
	text       string
	operations []*operation
	fragments  map[string]*fragment
}

type operation struct {
	kind, name  string
	defaults    map[string]value // of variables
	sels        []*selection
	open, close int // offsets behind the opening brace, and of the closing one
}

type fragment struct {
	name, on string
	sels     []*selection
}

// selection is a field, a spread of a fragment, or an inline fragment.
type selection struct {
	field  *field
	spread string
	on     string // the type of an inline fragment; "" for the one that it stands in
	sels   []*selection
	dirs   []directive
}

type field struct {
	alias, name string // alias is the name in the answer, which is the field's own without one
	args        []argument
	dirs        []directive
	sels        []*selection
	at, end     int // offsets in the text
	open        int // offset behind the opening brace; 0 without one
}

type directive struct {
	name string
	args []argument
}

type argument struct {
	name string
	val  value
}

// valueKind is the form of a value.
type valueKind uint8

const (
	nullValue valueKind = iota
	boolValue
	numberValue
	stringValue
	wordValue // an enum's, or a bare word where a string belongs
	variableValue
	listValue
	objectValue
)

// value is an argument's value as it was written.
type value struct {
	kind    valueKind
	text    string // a string's content, a number's digits, a word, or a variable's name
	items   []value
	at, end int
}

// locate is the line and column of an offset, both from 1.
func locate(s string, i int) location {
	i = min(i, len(s))
	return location{strings.Count(s[:i], "\n") + 1, i - strings.LastIndexByte(s[:i], '\n')}
}

// under are the selections within fields of one name in the answer.
func under(all []*field) (out []*selection) {
	if len(all) == 1 {
		return all[0].sels
	}
	for _, f := range all {
		out = append(out, f.sels...)
	}
	return out
}

// collect is the fields of selections by their names in the answer, fragments included, whatever type they are on. The
// document has been measured, so that no fragment holds itself.
func (d *document) collect(sels []*selection) map[string][]*field {
	into := map[string][]*field{}
	d.collectInto(into, sels)
	return into
}

func (d *document) collectInto(into map[string][]*field, sels []*selection) {
	for _, s := range sels {
		switch {
		case s.field != nil:
			into[s.field.alias] = append(into[s.field.alias], s.field)
		case s.spread == "":
			d.collectInto(into, s.sels)
		default:
			if f := d.fragments[s.spread]; f != nil {
				d.collectInto(into, f.sels)
			}
		}
	}
}
