package merge

import (
	"strings"

	"concord/fhir"
)

// identifierSystem is an identifier's system, read.
type identifierSystem struct {
	// base is a key that values are put behind; 0 for a system that is none, and so means something at one source only.
	base Key
	// oid is the system's OID, "" when it has none.
	oid string
	// uri tells of urn:ietf:rfc:3986 and its like, whose values are URIs themselves.
	uri bool
	// url is what the system begins with where it is the address of a type of resource at some server, as importers note
	// the id that a resource had there.
	url string
}

// identifierKey is the key of a business identifier whose system is a URI, and so means the same everywhere. A document
// export (C-CDA) carries identifiers along as a root and an extension, as a root alone, or as a UUID, and importers write
// them as the system and value, as a URI (urn:ietf:rfc:3986), or with the root repeated in the value: all are one here.
// One that says why it has no value (nullFlavor) is none.
func (w *World) identifierKey(id fhir.Value) (Key, bool) {
	val := strings.TrimSpace(id.Get("value").Text())
	if val == "" {
		return 0, false
	}
	sys := w.system(id)
	if len(val) < 36 && placeholder(fold(val)) || absentIdentifier(id) {
		return 0, false
	}
	if k, ok := uuidKey(val); ok && (sys.base != 0 || sys.uri) {
		return k, k != 0 // its own, whoever assigned it
	}
	if sys.uri {
		return uriKey(val)
	}
	if root, ext, ok := compound(val); ok && (sys.oid == "" || sys.oid == root) {
		return oidKey(root, ext), true
	}
	if sys.base == 0 || len(val) < 2 {
		return 0, false // a lone "1" is nobody's own
	}
	if sys.oid != "" {
		return oidKey(sys.oid, val), true
	}
	return sys.base.with(val), true
}

// system is the system of an identifier.
func (w *World) system(id fhir.Value) identifierSystem {
	s := id.Get("system").Text()
	sys, ok := w.systems[s]
	if !ok {
		sys = readSystem(s)
		if w.systems == nil {
			w.systems = map[string]identifierSystem{}
		}
		w.systems[s] = sys
	}
	return sys
}

// absentIdentifier tells of an identifier that is none of the event's: a number of the patient, or one that says why it
// has no value.
func absentIdentifier(id fhir.Value) bool {
	for c := range id.Path("type", "coding").Items() {
		if c.Get("code").Is("MR") || c.Get("code").Is("PI") {
			return true
		}
	}
	for _, v := range [...]fhir.Value{id.Get("extension"), id.Path("_value", "extension"), id.Path("_system", "extension")} {
		for x := range v.Items() {
			switch x.Get("url").Text() {
			case "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "http://hl7.org/fhir/StructureDefinition/iso21090-nullFlavor",
				"http://terminology.hl7.org/CodeSystem/v3-NullFlavor":
				return true
			}
		}
	}
	return false
}

func readSystem(s string) identifierSystem {
	canonical := fhir.CanonicalSystem(strings.TrimSpace(s))
	if nullFlavor(canonical) {
		return identifierSystem{}
	}
	switch strings.ToLower(canonical) {
	case "urn:ietf:rfc:3986", "urn:ietf:rfc3986", "ietf:rfc:3986", "urn:dicom:uid":
		return identifierSystem{uri: true}
	}
	if oid, ok := oidOf(canonical); ok {
		return identifierSystem{base: digest("identifier", "oid", oid), oid: oid}
	}
	if k, ok := uuidKey(canonical); ok && k != 0 {
		return identifierSystem{base: digest("identifier").withInt(int64(k))}
	}
	if len(canonical) < 5 || strings.IndexByte(canonical, ':') < 0 {
		return identifierSystem{}
	}
	if rest, ok := strings.CutPrefix(canonical, "https://"); ok {
		canonical = "http://" + rest
	}
	canonical = strings.TrimSuffix(canonical, "/")
	out := identifierSystem{base: digest("identifier", canonical)}
	if strings.Contains(canonical, "://") {
		out.url = canonical
	}
	return out
}

// uriKey is the key of an identifier that is a URI: an OID, or an address.
func uriKey(s string) (Key, bool) {
	if oid, ok := oidOf(s); ok {
		return oidKey(oid, ""), strings.Count(oid, ".") > 2
	}
	if len(s) < 8 || strings.IndexByte(s, ':') < 0 {
		return 0, false
	}
	return digest("identifier", "uri", s), true
}

// oidKey is the key of a root and an extension. An extension that holds the root is the whole, and one of digits makes an
// OID together with the root, which others write as one.
func oidKey(root, ext string) Key {
	switch whole, ok := oidOf(ext); {
	case ok && strings.HasPrefix(whole, root+"."):
		root, ext = whole, ""
	case ext != "" && strings.Trim(ext, "0123456789.") == "" && ext[0] != '.' && ext[len(ext)-1] != '.':
		root, ext = root+"."+ext, ""
	default:
		ext = strings.TrimPrefix(ext, root+"^")
	}
	if i := strings.LastIndexByte(root, '.'); ext == "" && i > 0 {
		root, ext = root[:i], root[i+1:]
	}
	return digest("identifier", "oid", root).with(ext)
}

// oidOf is the OID that s is, with or without urn:oid:; false when s is none.
func oidOf(s string) (string, bool) {
	if len(s) > 8 && strings.EqualFold(s[:8], "urn:oid:") {
		s = s[8:]
	} else if strings.Count(s, ".") < 3 { // 1.25 is a number
		return "", false
	}
	dot := true
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.' && !dot:
			dot = true
		case c-'0' <= 9:
			dot = false
		default:
			return "", false
		}
	}
	return s, !dot
}

// compound reads the form of HL7 version 2, in which a value names its root: 77^^^&1.2.840.1&ISO.
func compound(s string) (root, ext string, ok bool) {
	ext, rest, ok := strings.Cut(s, "^^^")
	if !ok || ext == "" {
		return "", "", false
	}
	parts := strings.Split(rest, "&")
	if len(parts) < 3 || parts[2] != "ISO" {
		return "", "", false
	}
	root, ok = oidOf(parts[1])
	return root, ext, ok
}

// uuidKey is the key of a UUID, with or without urn:uuid:, in either case; false for what is none. The key of the nil UUID,
// and of others of one digit, which stand for no UUID, is 0.
func uuidKey(s string) (Key, bool) {
	if len(s) > 9 && strings.EqualFold(s[:9], "urn:uuid:") {
		s = s[9:]
	}
	if len(s) != 36 {
		return 0, false
	}
	k, first, varied := digest("identifier", "uuid"), byte(0), false
	for i := 0; i < 36; i++ {
		c := s[i]
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return 0, false
			}
			continue
		}
		if c >= 'A' && c <= 'F' {
			c |= 0x20
		}
		if c-'0' > 9 && (c < 'a' || c > 'f') {
			return 0, false
		}
		if i == 0 {
			first = c
		}
		varied = varied || c != first
		k = (k ^ Key(c)) * fnvPrime
	}
	if !varied {
		return 0, true
	}
	return k, true
}
