package validate

import "strings"

// shape is a type of R4, or a part of one that has elements of its own, such as "Patient.contact".
type shape struct {
	name        string
	base        uint16 // index of the shape whose members it has too, from 1; 0 for none
	resource    bool   // a resource type that is not abstract
	from, to    uint16 // its members
	constraints []uint16
}

// member is a name that an object of a shape may have. Those of one shape are sorted.
type member struct {
	name       string // as JSON has it
	kind       kind
	stem       uint8  // of a choice: the length of the element's name within name; else 0
	order      uint8  // place among those that its shape requires, from 1; 0 when it is optional
	set        uint16 // value set that it must be of, from 1
	targets    uint16 // resource types that its references may go to, from 1
	constraint uint16 // constraint on the element beyond its type's, from 1
	many       bool   // it repeats, and so is an array
}

// element is the name that FHIRPath has for it.
func (m *member) element() string {
	if m.stem > 0 {
		return m.name[:m.stem]
	}
	return m.name
}

// constraint is an invariant by its key.
type constraint struct {
	key     string
	warning bool // or else an error
}

// kind is what a member's values are: a primitive type, any resource, or, from firstShape on, an object of a shape.
type kind uint16

const (
	_ kind = iota
	kindBoolean
	kindInteger
	kindUnsignedInt
	kindPositiveInt
	kindDecimal
	kindString
	kindMarkdown
	kindCode
	kindID
	kindURI
	kindURL
	kindCanonical
	kindOID
	kindUUID
	kindBase64
	kindDate
	kindDateTime
	kindInstant
	kindTime
	kindXHTML
	kindElementID    // Element.id, a string that can't be extended
	kindExtensionURL // Extension.url, which can't be extended either
	kindResource
	firstShape
)

// primitive tells whether values of k are no objects.
func (k kind) primitive() bool { return k < kindResource }

// extensible tells whether values of k have a sibling under "_" and the name.
func (k kind) extensible() bool { return k < kindElementID }

// shape is that of k's objects; nil when k has none.
func (k kind) shape() *shape {
	if k < firstShape {
		return nil
	}
	return &shapes[k-firstShape]
}

// shapeNamed finds a shape; nil when there is none. Shapes are sorted by name.
func shapeNamed(name string) *shape {
	lo, hi := 0, len(shapes)
	for lo < hi {
		mid := (lo + hi) / 2
		switch s := &shapes[mid]; {
		case s.name == name:
			return s
		case s.name < name:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return nil
}

// parent is the shape that s has members of; nil for none.
func (s *shape) parent() *shape {
	if s.base == 0 {
		return nil
	}
	return &shapes[s.base-1]
}

// own are the members of s alone.
func (s *shape) own() []member { return members[s.from:s.to] }

// find is the member called name; nil when there is none.
func (s *shape) find(name string) *member {
	for ; s != nil; s = s.parent() {
		list := s.own()
		lo, hi := 0, len(list)
		for lo < hi {
			mid := (lo + hi) / 2
			switch c := strings.Compare(list[mid].name, name); {
			case c == 0:
				return &list[mid]
			case c < 0:
				lo = mid + 1
			default:
				hi = mid
			}
		}
	}
	return nil
}

// listed tells whether name stands in list, each of whose names stands between two bars.
func listed(list, name string) bool {
	for name != "" {
		i := strings.Index(list, name)
		if i < 0 {
			return false
		}
		if end := i + len(name); i > 0 && list[i-1] == '|' && end < len(list) && list[end] == '|' {
			return true
		}
		list = list[i+1:]
	}
	return false
}
