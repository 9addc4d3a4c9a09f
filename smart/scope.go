package smart

import (
	"net/url"
	"strings"

	"concord/fhir"
)

// Prefix is whose data a scope speaks of. The zero value is none.
type Prefix uint8

// The prefixes.
const (
	PatientScope Prefix = iota + 1 // the one patient of the launch context
	UserScope                      // what the signed-in user may see
	SystemScope                    // what the client may see by itself
)

var prefixNames = [...]string{"", "patient", "user", "system"}

// String is the prefix as a scope has it, without the slash.
func (p Prefix) String() string {
	if int(p) < len(prefixNames) {
		return prefixNames[p]
	}
	return ""
}

// Permission is a set of SMART v2 permissions.
type Permission uint8

// The permissions, and which interactions each one covers.
const (
	PermCreate Permission = 1 << iota // create
	PermRead                          // read, vread, history of an instance
	PermUpdate                        // update, patch
	PermDelete                        // delete
	PermSearch                        // search and history of a type
)

const permLetters = "cruds"

// String is the letters, in the order that SMART demands.
func (p Permission) String() string {
	var b [len(permLetters)]byte
	n := 0
	for i := range len(permLetters) {
		if p&(1<<i) != 0 {
			b[n] = permLetters[i]
			n++
		}
	}
	return string(b[:n])
}

// parsePermission reads v1's words and v2's letters. A word is never read letter by letter.
func parsePermission(s string) (Permission, bool) {
	switch s {
	case "read":
		return PermRead | PermSearch, true
	case "write":
		return PermCreate | PermUpdate | PermDelete, true
	case "*":
		return PermCreate | PermRead | PermUpdate | PermDelete | PermSearch, true
	}
	var p Permission
	from := 0
	for i := range len(s) {
		at := strings.IndexByte(permLetters[from:], s[i])
		if at < 0 {
			return 0, false
		}
		from += at
		p |= 1 << from
		from++
	}
	return p, p != 0
}

// Param is one constraint of a granular scope, or one to put on a search: a search parameter's name, and its value after
// one percent-decoding. The value may be PHI.
type Param struct{ Key, Value string }

// anyType is how a scope names all types.
const anyType = "*"

// Scope is one SMART resource scope that is well formed and whose constraints can be evaluated. The zero Scope grants
// nothing.
type Scope struct {
	prefix  Prefix
	typ     fhir.ResourceType // or anyType
	perms   Permission
	params  []Param
	filters []fhir.Filter // one for each of params; nil as long as typ is anyType
	name    string
}

// Prefix is whose data the scope speaks of.
func (s Scope) Prefix() Prefix { return s.prefix }

// Permissions is what may be done.
func (s Scope) Permissions() Permission { return s.perms }

// Granular tells whether the scope covers only resources that match its parameters.
func (s Scope) Granular() bool { return len(s.params) > 0 }

// String is the scope as the token has it, for the trail. Of a granular scope's values only those of category are shown:
// any other may be about a person.
func (s Scope) String() string { return s.name }

// ParseScopes reads a scope claim (SMART App Launch 2.2 §3): tokens between single spaces, case-sensitive. It returns the
// resource scopes that grant something, and how many tokens look like one and grant nothing, because they are malformed,
// name a type that R4 does not have, or hold a parameter that can't be evaluated. Other scopes, such as openid and
// launch/patient, grant no data and are passed over.
func ParseScopes(claim string) (scopes []Scope, invalid int) {
	for s := range strings.SplitSeq(claim, " ") {
		prefix, rest, ok := strings.Cut(s, "/")
		p := prefixOf(prefix)
		if !ok || p == 0 {
			continue
		}
		if scope, ok := parseScope(p, rest); ok && p.String() == prefix {
			scopes = append(scopes, scope)
		} else {
			invalid++
		}
	}
	return scopes, invalid
}

// prefixOf is the prefix that s is or is meant to be: one in capitals is counted as invalid, not passed over.
func prefixOf(s string) Prefix {
	for p := PatientScope; p <= SystemScope; p++ {
		if strings.EqualFold(s, p.String()) {
			return p
		}
	}
	return 0
}

// parseScope reads what follows the prefix: type, dot, permissions, and "?" with parameters.
func parseScope(p Prefix, rest string) (Scope, bool) {
	plain, query, granular := strings.Cut(rest, "?")
	typ, perms, ok := strings.Cut(plain, ".")
	s := Scope{prefix: p, typ: fhir.ResourceType(typ), name: p.String() + "/" + plain}
	if !ok || typ != anyType && !fhir.KnownType(s.typ) {
		return Scope{}, false
	}
	if s.perms, ok = parsePermission(perms); !ok {
		return Scope{}, false
	}
	if !granular {
		return s, true
	}
	if s.params, ok = parseParams(query); !ok {
		return Scope{}, false
	}
	s.name += "?" + shownParams(s.params)
	if typ != anyType {
		s.filters, ok = filtersFor(s.typ, s.params)
	}
	return s, ok
}

// parseParams reads key=value pairs. A plus sign is one: scopes are percent-encoded, not form-encoded.
func parseParams(query string) ([]Param, bool) {
	var out []Param
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		key, err1 := url.PathUnescape(k)
		value, err2 := url.PathUnescape(v)
		if err1 != nil || err2 != nil || value == "" || !isParamKey(key) {
			return nil, false
		}
		out = append(out, Param{Key: key, Value: value})
	}
	return out, true
}

// isParamKey tells whether s has the form of a search parameter's name. Modifiers and chains are experimental in scopes,
// and those that ask for what is not there would show the one copy of an event that lacks what hides the others: a scope
// with one grants nothing.
func isParamKey(s string) bool {
	for _, c := range []byte(s) {
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

// filtersFor makes the filters that params are for resources of type t, all of them or none: a constraint that can't be
// evaluated is never left out.
func filtersFor(t fhir.ResourceType, params []Param) ([]fhir.Filter, bool) {
	out := make([]fhir.Filter, 0, len(params))
	for _, p := range params {
		f, err := fhir.ParseFilter(t, p.Key, p.Value)
		if err != nil {
			return nil, false
		}
		out = append(out, f)
	}
	return out, true
}

// shownParams writes params for the trail.
func shownParams(params []Param) string {
	var b strings.Builder
	for i, p := range params {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.Key)
		if p.Key == "category" {
			b.WriteString("=" + p.Value)
		}
	}
	return b.String()
}
