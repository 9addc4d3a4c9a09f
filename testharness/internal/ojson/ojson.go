// Package ojson holds JSON as a tree that keeps the order of members and the digits of numbers, for building and
// changing synthetic resources. It does not stream, and knows nothing of FHIR.
package ojson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Value is one of nil, bool, string, json.Number, *Object or []Value.
type Value = any

// Object is a JSON object whose members stay in the order in which they were set. The zero value is an empty object.
type Object struct{ members []member }

type member struct {
	key   string
	value Value
}

// New builds an object of alternating keys and values. A value that is nil, an empty string, an empty array or an empty
// object is left out, for FHIR knows none of these.
func New(pairs ...any) *Object {
	o := &Object{members: make([]member, 0, len(pairs)/2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		k, ok := pairs[i].(string)
		if !ok || empty(pairs[i+1]) {
			continue
		}
		o.members = append(o.members, member{k, pairs[i+1]})
	}
	return o
}

// List builds an array, leaving out what New would leave out.
func List(items ...Value) []Value {
	out := make([]Value, 0, len(items))
	for _, v := range items {
		if !empty(v) {
			out = append(out, v)
		}
	}
	return out
}

func empty(v Value) bool {
	switch x := v.(type) {
	case nil:
		return true
	case string:
		return x == ""
	case []Value:
		return len(x) == 0
	case *Object:
		return x == nil || len(x.members) == 0
	}
	return false
}

// Len is the number of members.
func (o *Object) Len() int { return len(o.members) }

// Keys lists the members' names in order.
func (o *Object) Keys() []string {
	out := make([]string, len(o.members))
	for i, m := range o.members {
		out[i] = m.key
	}
	return out
}

func (o *Object) index(key string) int {
	for i := range o.members {
		if o.members[i].key == key {
			return i
		}
	}
	return -1
}

// Get is the member's value, or nil.
func (o *Object) Get(key string) Value {
	if i := o.index(key); i >= 0 {
		return o.members[i].value
	}
	return nil
}

// Has tells whether there is such a member.
func (o *Object) Has(key string) bool { return o.index(key) >= 0 }

// Text is the member's value if it is a string, or "".
func (o *Object) Text(key string) string { s, _ := o.Get(key).(string); return s }

// Object is the member's value if it is an object, or nil.
func (o *Object) Object(key string) *Object { x, _ := o.Get(key).(*Object); return x }

// List is the member's value if it is an array, or nil.
func (o *Object) List(key string) []Value { x, _ := o.Get(key).([]Value); return x }

// Set replaces the member in its place, or appends it. Setting what is empty deletes.
func (o *Object) Set(key string, v Value) *Object {
	if empty(v) {
		return o.Delete(key)
	}
	if i := o.index(key); i >= 0 {
		o.members[i].value = v
	} else {
		o.members = append(o.members, member{key, v})
	}
	return o
}

// SetAfter sets the member right behind another, or at the end where there is no such other. A member that is there
// already keeps its place.
func (o *Object) SetAfter(after, key string, v Value) *Object {
	i := o.index(after)
	if i < 0 || o.Has(key) || empty(v) {
		return o.Set(key, v)
	}
	o.members = append(o.members, member{})
	copy(o.members[i+2:], o.members[i+1:])
	o.members[i+1] = member{key, v}
	return o
}

// Rename gives a member another name and value in the same place; nothing happens without such a member.
func (o *Object) Rename(from, to string, v Value) {
	if i := o.index(from); i >= 0 {
		o.members[i] = member{to, v}
	}
}

// Delete removes the member if it is there.
func (o *Object) Delete(key string) *Object {
	if i := o.index(key); i >= 0 {
		o.members = append(o.members[:i], o.members[i+1:]...)
	}
	return o
}

// Each calls f with every member; f may set the value of the member that it is given.
func (o *Object) Each(f func(key string, v Value)) {
	for _, m := range o.members {
		f(m.key, m.value)
	}
}

// Clone copies a tree to its leaves.
func Clone(v Value) Value {
	switch x := v.(type) {
	case *Object:
		return x.Clone()
	case []Value:
		out := make([]Value, len(x))
		for i, e := range x {
			out[i] = Clone(e)
		}
		return out
	}
	return v
}

// Clone copies an object to its leaves.
func (o *Object) Clone() *Object {
	out := &Object{members: make([]member, len(o.members), len(o.members)+2)}
	for i, m := range o.members {
		out.members[i] = member{m.key, Clone(m.value)}
	}
	return out
}

// Objects calls f with every object of the tree, the outermost first.
func Objects(v Value, f func(*Object)) {
	switch x := v.(type) {
	case *Object:
		f(x)
		for _, m := range x.members {
			Objects(m.value, f)
		}
	case []Value:
		for _, e := range x {
			Objects(e, f)
		}
	}
}

// Encode writes the tree without white space.
func Encode(v Value) []byte { return Append(make([]byte, 0, 512), v) }

// Append writes the tree behind dst.
func Append(dst []byte, v Value) []byte {
	switch x := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if x {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case string:
		return appendString(dst, x)
	case json.Number:
		return append(dst, x...)
	case int:
		return fmt.Appendf(dst, "%d", x)
	case []Value:
		dst = append(dst, '[')
		for i, e := range x {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = Append(dst, e)
		}
		return append(dst, ']')
	case *Object:
		dst = append(dst, '{')
		for i, m := range x.members {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendString(dst, m.key)
			dst = append(dst, ':')
			dst = Append(dst, m.value)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

const hex = "0123456789abcdef"

func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		case c < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// Parse reads one JSON text; anything behind it is an error.
func Parse(b []byte) (Value, error) {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	v, err := parse(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("ojson: text behind the value")
	}
	return v, nil
}

// ParseObject is Parse for a text that must be an object.
func ParseObject(b []byte) (*Object, error) {
	v, err := Parse(b)
	if err != nil {
		return nil, err
	}
	o, ok := v.(*Object)
	if !ok {
		return nil, errors.New("ojson: not an object")
	}
	return o, nil
}

func parse(d *json.Decoder) (Value, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	open, ok := t.(json.Delim)
	if !ok {
		return t, nil
	}
	if open == '[' {
		list := []Value{}
		for d.More() {
			v, err := parse(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.Token()
		return list, err
	}
	o := &Object{}
	for d.More() {
		k, err := d.Token()
		if err != nil {
			return nil, err
		}
		v, err := parse(d)
		if err != nil {
			return nil, err
		}
		key, _ := k.(string)
		o.members = append(o.members, member{key, v})
	}
	_, err = d.Token()
	return o, err
}
