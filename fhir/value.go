package fhir

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"unsafe"
)

// Value is one JSON value within a document: a view, of the size of a pointer and an index. It may hold PHI, so it
// prints redacted. The zero Value is absent: it has no members, no items and no text.
type Value struct {
	d    *document
	n    uint32
	head uint32 // where a resource's members are, among the document's heads and one more; 0 for what is reached in any other way
}

// ParseValue indexes any JSON value. Its error is a *ParseError.
func ParseValue(b []byte, lim Limits) (Value, error) {
	d, err := scan(b, lim)
	if err != nil {
		return Value{}, err
	}
	return Value{d: d}, nil
}

// Exists tells whether v is a value at all; null is one.
func (v Value) Exists() bool { return v.d != nil }

// first is the first byte of the value, which tells its kind; 0 when absent.
func (v Value) first() byte {
	if v.d == nil {
		return 0
	}
	return v.d.raw[v.d.nodes[v.n].val]
}

// kind is what v is, as the bits of node.tag have it; 0 as well when absent.
func (v Value) kind() uint32 {
	if v.d == nil {
		return 0
	}
	return v.d.nodes[v.n].tag & kinds
}

// IsObject tells whether v is an object.
func (v Value) IsObject() bool { return v.kind() == kindObject }

// IsArray tells whether v is an array.
func (v Value) IsArray() bool { return v.kind() == kindArray }

// IsString tells whether v is a string.
func (v Value) IsString() bool { return v.kind() == kindString }

// IsNumber tells whether v is a number.
func (v Value) IsNumber() bool { c := v.first(); return c == '-' || c-'0' <= 9 }

// Raw is the value as sent, quotes and all; nil when absent. It must not be changed.
func (v Value) Raw() []byte {
	if v.d == nil {
		return nil
	}
	n := &v.d.nodes[v.n]
	return v.d.raw[n.val:n.end:n.end]
}

// Text is a string's content, or a number's or literal's digits and letters as sent; "" for anything else. It shares the
// document's bytes and so keeps them alive: what outlives the request clones it.
func (v Value) Text() string {
	var b []byte
	switch v.kind() {
	case kindObject, kindArray:
	case kindString:
		b = v.unquoted()
	default:
		b = v.Raw()
	}
	return unsafe.String(unsafe.SliceData(b), len(b)) //nolint:gosec // a document never changes; copying cost a tenth of reading it
}

// unquoted is a string's content with its escapes resolved; without escapes it is a part of the document.
func (v Value) unquoted() []byte {
	raw := v.Raw()
	in := raw[1 : len(raw)-1]
	if v.d.nodes[v.n].tag&escaped == 0 {
		return in
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return nil // can't be: the scanner took it
	}
	return []byte(s)
}

// Is tells whether v is the string s.
func (v Value) Is(s string) bool {
	if !v.IsString() {
		return false
	}
	n := &v.d.nodes[v.n]
	if n.tag&escaped == 0 {
		return int(n.end-n.val) == len(s)+2 && string(v.d.raw[n.val+1:n.end-1]) == s
	}
	return string(v.unquoted()) == s
}

// Get is the member called name; absent when v is no object or has none.
func (v Value) Get(name string) Value {
	want := tagOf(name)
	if v.head != 0 {
		for _, t := range v.tops() {
			if (t.tag^want)<<(32-tagBits) == 0 && (len(name) <= 2 || v.d.named(t.key, name)) {
				return Value{d: v.d, n: t.node}
			}
		}
		return Value{}
	}
	if !v.IsObject() {
		return Value{}
	}
	nodes := v.d.nodes
	for j, end := v.n+1, nodes[v.n].next; j < end; {
		n := &nodes[j]
		if (n.tag^want)<<(32-tagBits) == 0 {
			if len(name) <= 2 || v.d.called(n, name) { // of two bytes the tag is all
				return Value{d: v.d, n: j}
			}
		}
		j = n.next
	}
	return Value{}
}

// named tells whether the name at offset key is this one. A name is closed by a quote, so there is a byte behind it.
func (d *document) named(key uint32, name string) bool {
	k := int(key)
	return k+len(name) < len(d.raw) && d.raw[k+len(name)] == '"' && string(d.raw[k:k+len(name)]) == name
}

// called tells whether n, a member whose name is as long, has this one.
func (d *document) called(n *node, name string) bool {
	end := int(nameEnd(d.raw, n.val))
	return end > len(name) && d.raw[end-len(name)-1] == '"' && string(d.raw[end-len(name):end]) == name
}

// tops are the members of a resource that has a head.
func (v Value) tops() []top {
	h := v.d.heads[v.head-1 : v.head+1 : v.head+1]
	return v.d.tops[h[0].tops:h[1].tops]
}

// Path is Get for each name in turn; arrays are not entered.
func (v Value) Path(names ...string) Value {
	for _, n := range names {
		v = v.Get(n)
	}
	return v
}

// Name is the member's name under which v stands in its object; "" for an array's item or a whole document. It shares the
// document's bytes, as Text does.
func (v Value) Name() string {
	if v.d == nil {
		return ""
	}
	n := &v.d.nodes[v.n]
	if n.tag<<(32-tagBits) == 0 {
		return "" // which is what an empty name is, too
	}
	return v.d.name(n.key(v.d.raw), n.tag)
}

// name is the name at offset key with that tag.
func (d *document) name(key, tag uint32) string {
	name := d.raw[key:]
	size := int(tag >> 16 & longName)
	if size == longName { // or longer than the tag can tell
		size = bytes.IndexByte(name, '"')
	}
	return unsafe.String(unsafe.SliceData(name), size) //nolint:gosec // as in Text
}

// Items is each item of an array, v itself when it is anything else, and nothing when it is absent: FHIR elements that
// repeat and those that don't read alike.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		switch {
		case v.d == nil:
		case v.IsArray():
			for j, end := v.n+1, v.d.nodes[v.n].next; j < end; j = v.d.nodes[j].next {
				if !yield(Value{d: v.d, n: j}) {
					return
				}
			}
		default:
			yield(v)
		}
	}
}

// Len is how many values Items gives.
func (v Value) Len() int {
	switch {
	case v.d == nil:
		return 0
	case v.IsArray():
		n := 0
		for j, end := v.n+1, v.d.nodes[v.n].next; j < end; j = v.d.nodes[j].next {
			n++
		}
		return n
	}
	return 1
}

// Members is each member of an object, in the order sent.
func (v Value) Members() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.head != 0 {
			for _, t := range v.tops() {
				if !yield(Value{d: v.d, n: t.node}) {
					return
				}
			}
			return
		}
		if !v.IsObject() {
			return
		}
		for j, end := v.n+1, v.d.nodes[v.n].next; j < end; j = v.d.nodes[j].next {
			if !yield(Value{d: v.d, n: j}) {
				return
			}
		}
	}
}

// Names is the name of each of the Members, with its place among them.
func (v Value) Names() iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		if v.head != 0 {
			for i, t := range v.tops() {
				if !yield(i, v.d.name(t.key, t.tag)) {
					return
				}
			}
			return
		}
		i := 0
		for m := range v.Members() {
			if !yield(i, m.Name()) {
				return
			}
			i++
		}
	}
}

// Member is the i-th of the Members; absent when there are fewer.
func (v Value) Member(i int) Value {
	if v.head != 0 {
		if all := v.tops(); i < len(all) {
			return Value{d: v.d, n: all[i].node}
		}
		return Value{}
	}
	for m := range v.Members() {
		if i == 0 {
			return m
		}
		i--
	}
	return Value{}
}

// Within is v and every value inside it, in document order.
func (v Value) Within() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.d == nil {
			return
		}
		for j, end := v.n, v.d.nodes[v.n].next; j < end; j++ {
			if !yield(Value{d: v.d, n: j}) {
				return
			}
		}
	}
}

const redacted = "[redacted]"

// String keeps the content out of logs.
func (v Value) String() string { return redacted }

// GoString keeps %#v from showing it.
func (v Value) GoString() string { return redacted }

// Format keeps every other verb from showing it.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue keeps slog from showing it.
func (v Value) LogValue() slog.Value { return slog.StringValue(redacted) }

// Parent is the object or array that v stands in; absent for a whole document.
func (v Value) Parent() Value {
	if v.d == nil {
		return Value{}
	}
	for j := v.n; j > 0; {
		if j--; v.d.nodes[j].next > v.n {
			return Value{d: v.d, n: j}
		}
	}
	return Value{}
}

// Contains tells whether w stands within v.
func (v Value) Contains(w Value) bool {
	return v.d != nil && v.d == w.d && w.n > v.n && w.n < v.d.nodes[v.n].next
}
