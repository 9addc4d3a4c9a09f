package config

import (
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)

// address is a host:port to listen on.
func (f field) address(def string) string {
	v := f.text()
	if v == "" {
		return def
	}
	host, port, err := net.SplitHostPort(v)
	if err != nil || !isPort(port) || host != "" && !isHost(host) {
		f.fail("must be host:port, such as %s", def)
		return def
	}
	return v
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}

func isHost(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil || hostName.MatchString(s)
}

// overlap tells whether two addresses can't be listened on side by side. Port 0 is a free port, another each time.
func overlap(a, b string) bool {
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	nA, _ := strconv.Atoi(portA)
	nB, _ := strconv.Atoi(portB)
	return nA == nB && nA != 0 && (hostA == hostB || everyInterface(hostA) || everyInterface(hostB))
}

func everyInterface(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "" || err == nil && a.IsUnspecified()
}

// urlRule is what a URL may be beside https with a host and a path.
type urlRule struct {
	bare  bool // nothing after the host
	query bool // a query is allowed
	plain bool // http is allowed to any host, not to loopback only
}

func (f field) url(rule urlRule) string {
	v := f.text()
	if v == "" {
		return ""
	}
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || !isHost(u.Hostname()) || u.Port() != "" && !isPort(u.Port()):
		f.fail("must be an absolute http or https URL")
	case u.User != nil:
		f.fail("must hold no user or password: a secret is given as a file")
	case rule.bare && (strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || strings.Contains(v, "#")):
		f.fail("must be scheme and host only, without path or query")
	case strings.Contains(v, "#") || !rule.query && (u.RawQuery != "" || u.ForceQuery):
		f.fail("must have no query or fragment")
	case u.Scheme == "http" && !rule.plain && !loopback(u.Hostname()):
		f.fail("must be https: plain http is for a loopback host only")
	default:
		return v
	}
	return ""
}

// base is a URL that paths are put behind.
func (f field) base(rule urlRule) string { return strings.TrimRight(f.url(rule), "/") }

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback() || strings.EqualFold(host, "localhost")
}

// indexStore is where the index of persons is kept.
func (f field) indexStore() IndexStore {
	v := f.text()
	if v == "" {
		return IndexStore{}
	}
	scheme, rest, _ := strings.Cut(v, ":")
	switch scheme {
	case "memory": // without its colon too, which YAML wants quotes for
		if rest == "" {
			return IndexStore{Kind: IndexMemory}
		}
	case "sqlite":
		if rest != "" {
			return IndexStore{Kind: IndexSQLite, Path: f.doc.resolve(rest)}
		}
	case "postgres":
		u, err := url.Parse(v)
		if err != nil || !isHost(u.Hostname()) || strings.Trim(u.Path, "/") == "" {
			break
		}
		if _, secret := u.User.Password(); secret || u.Query().Has("password") {
			f.fail("must hold no password: a secret is given as a file, by passfile in the URL's query")
			return IndexStore{}
		}
		return IndexStore{Kind: IndexPostgres, URL: v}
	}
	f.fail("must be sqlite:PATH, postgres://user@host/database or memory")
	return IndexStore{}
}

// counterStore is where the rate limit's counters are kept.
func (f field) counterStore() CounterStore {
	v := f.text()
	if v == "" || v == "memory" {
		return CounterStore{}
	}
	u, err := url.Parse(v)
	if err == nil && u.User != nil {
		f.fail("must hold no user or password")
		return CounterStore{}
	}
	if err == nil && u.Scheme == "redis" && isHost(u.Hostname()) && isPort(u.Port()) && u.RawQuery == "" && u.Fragment == "" {
		if db, err := strconv.Atoi(strings.TrimPrefix(u.Path, "/")); err == nil && db >= 0 {
			return CounterStore{RedisAddr: u.Host, RedisDB: db}
		}
	}
	f.fail("must be memory or redis://host:port/number")
	return CounterStore{}
}

// resolve is path as seen from the working directory.
func (d *document) resolve(path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(d.dir, path)
}

// file is the path of a file that can be read.
func (f field) file() string {
	v := f.text()
	if v == "" {
		return ""
	}
	path := f.doc.resolve(v)
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() { // asked first: opening a pipe would wait for its writer
		f.fail("is not a regular file")
		return ""
	}
	var r *os.File
	if err == nil {
		r, err = os.Open(path)
	}
	if err != nil {
		f.fail("cannot be read: %s", reason(err))
		return ""
	}
	_ = r.Close() // only looked at
	return path
}

// newFile is the path of a file, which need not exist yet.
func (f field) newFile() string {
	v := f.text()
	if v == "" {
		return ""
	}
	path := f.doc.resolve(v)
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f.fail("is not a regular file")
		return ""
	}
	return path
}

// dir is the path of a folder, which need not exist yet.
func (f field) dir() string {
	v := f.text()
	if v == "" {
		return ""
	}
	path := f.doc.resolve(v)
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		f.fail("is not a folder")
		return ""
	}
	return path
}
