package connectors

import (
	"net/url"
	"strings"
)

// origin is where a source is, and so where requests may go: scheme, host, port and base path.
type origin struct {
	base *url.URL // without a slash at its end
	port string
}

func newOrigin(base *url.URL) origin { return origin{base: base, port: portOf(base)} }

func portOf(u *url.URL) string {
	switch p := u.Port(); {
	case p != "":
		return p
	case u.Scheme == "https":
		return "443"
	default:
		return "80"
	}
}

// resolve reads a link that the source gave, and tells whether it stays at the source. A relative link is taken from the
// base. What does not stay is an attack or a proxy's mistake: asking it would carry our token elsewhere.
func (o origin) resolve(link string) (*url.URL, bool) {
	ref, err := url.Parse(link)
	if err != nil || link == "" {
		return nil, false
	}
	u := ref
	if !ref.IsAbs() {
		root := *o.base
		root.Path += "/"
		if root.RawPath != "" {
			root.RawPath += "/"
		}
		u = root.ResolveReference(ref)
	}
	u.Fragment, u.RawFragment = "", ""
	return u, o.holds(u)
}

// holds tells whether u lies at the source.
func (o origin) holds(u *url.URL) bool {
	if u.Opaque != "" || u.User != nil || u.Scheme != o.base.Scheme || !strings.EqualFold(u.Hostname(), o.base.Hostname()) || portOf(u) != o.port {
		return false
	}
	base, path := o.base.EscapedPath(), u.EscapedPath()
	rest, ok := strings.CutPrefix(path, base)
	if !ok || rest != "" && rest[0] != '/' {
		return false
	}
	// a server behind may resolve dots, decode once more, or take a backslash for a slash
	decoded := rest
	for range 3 {
		lower := strings.ToLower(decoded)
		if strings.Contains(lower, `\`) || dotted(lower) {
			return false
		}
		next, err := url.PathUnescape(decoded)
		if err != nil {
			return false
		}
		decoded = next
	}
	return true
}

// dotted tells whether a path has a segment of dots only.
func dotted(path string) bool {
	for s := range strings.SplitSeq(path, "/") {
		if s == "." || s == ".." {
			return true
		}
	}
	return false
}
