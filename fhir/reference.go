package fhir

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// ReferenceKind says what a reference's text points into, from a closed set.
type ReferenceKind uint8

// The kinds of reference. The zero value is text that is none of them, or none at all.
const (
	BadReference         ReferenceKind = iota // empty, or nothing that R4 allows
	LocalReference                            // at the source that wrote it: Type/id, or the same behind its own base
	ContainedReference                        // "#id": within the resource that holds it; an empty id is the resource itself
	URNReference                              // urn:uuid: or urn:oid:, which has meaning only within its Bundle
	ForeignReference                          // an absolute URL that is not one of a resource at the source
	ConditionalReference                      // Type?query, which is legal only in a transaction
)

// Reference is the text of one Reference.reference taken apart. Its strings are parts of that text. It is PHI and prints
// as nothing but its type. The zero Reference refers to nothing.
type Reference struct {
	Kind ReferenceKind
	// Type is the resource type of a local or conditional reference, and of a foreign one whose URL ends in Type/id.
	Type ResourceType
	// ID is the logical id byte for byte, the contained id without "#", or a URN as a whole.
	ID string
	// Version is what follows _history; "" without one.
	Version string
}

// ParseReference takes s apart as R4's references page has it (https://hl7.org/fhir/R4/references.html#literal). base is
// the service base of the source that wrote s, without a slash at its end; with "" every absolute URL is foreign. Ids are
// not held to R4's 64 characters: EHRs send longer ones.
func ParseReference(s, base string) Reference {
	if s == "" {
		return Reference{}
	}
	if s[0] == '#' {
		return Reference{Kind: ContainedReference, ID: s[1:]}
	}
	if isURN(s) {
		return Reference{Kind: URNReference, ID: s}
	}
	if i := strings.Index(s, "://"); i > 0 && isScheme(s[:i]) {
		return absolute(s, i+3, base)
	}
	return relative(s)
}

// isURN tells whether s begins as the two kinds of URN that R4 allows.
func isURN(s string) bool {
	return len(s) > 9 && strings.EqualFold(s[:9], "urn:uuid:") || len(s) > 8 && strings.EqualFold(s[:8], "urn:oid:")
}

// isScheme tells whether s is a URL's scheme by RFC 3986.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' {
			continue
		}
		if i == 0 || (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

// relative reads Type/id, Type/id/_history/version and Type?query.
func relative(s string) Reference {
	i := strings.IndexAny(s, "/?")
	if i < 0 || !knownType(s[:i]) {
		return Reference{}
	}
	out := Reference{Kind: LocalReference, Type: ResourceType(s[:i])}
	if s[i] == '?' {
		if i+1 == len(s) {
			return Reference{}
		}
		out.Kind = ConditionalReference
		return out
	}
	out.ID = s[i+1:]
	if j := strings.IndexByte(out.ID, '/'); j >= 0 {
		v, ok := strings.CutPrefix(out.ID[j:], "/_history/")
		if !ok || !isID(v) {
			return Reference{}
		}
		out.ID, out.Version = out.ID[:j], v
	}
	if !isID(out.ID) {
		return Reference{}
	}
	return out
}

// isID tells whether s can stand where a URL has an id.
func isID(s string) bool { return s != "" && !strings.ContainsAny(s, "/?#") }

// absolute reads a URL whose authority begins at host.
func absolute(s string, host int, base string) Reference {
	if host == len(s) || s[host] == '/' {
		return Reference{}
	}
	if rest, ok := behind(s, host, strings.TrimSuffix(base, "/")); ok {
		if r := relative(rest); r.Kind != BadReference {
			return r
		}
	}
	out := Reference{Kind: ForeignReference}
	path := s[host:]
	end := strings.LastIndex(path, "/_history/")
	if end < 0 {
		end = len(path)
	}
	if i := strings.LastIndexByte(path[:end], '/'); i > 0 {
		if j := strings.LastIndexByte(path[:i], '/'); j >= 0 {
			if r := relative(path[j+1:]); r.Kind == LocalReference {
				out.Type, out.ID, out.Version = r.Type, r.ID, r.Version
			}
		}
	}
	return out
}

// behind is what follows base and a slash in the URL s. Scheme and host are alike whatever their case, a path is not.
func behind(s string, host int, base string) (string, bool) {
	if base == "" || len(s) <= len(base) || s[len(base)] != '/' || len(base) <= host {
		return "", false
	}
	path := len(base)
	if i := strings.IndexByte(base[host:], '/'); i >= 0 {
		path = host + i
	}
	if !strings.EqualFold(s[:path], base[:path]) || s[path:len(base)] != base[path:] {
		return "", false
	}
	return s[len(base)+1:], true
}

// LegalID tells whether s is an R4 id: 1 to 64 of letters, digits, "-" and ".".
func LegalID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// String is the type, and nothing that tells which one.
func (r Reference) String() string { return string(r.Type) + "/" + redacted }

// GoString keeps %#v from showing the id.
func (r Reference) GoString() string { return r.String() }

// Format keeps every other verb from showing it.
func (r Reference) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, r.String()) }

// LogValue keeps slog from showing it.
func (r Reference) LogValue() slog.Value { return slog.StringValue(r.String()) }
