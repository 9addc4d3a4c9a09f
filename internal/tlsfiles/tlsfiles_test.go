package tlsfiles_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concord/internal/tlsfiles"
	"concord/testharness/devca"
)

// side is one end's files.
type side struct {
	dir, cert, key, ca string
	authority          *devca.CA
}

func newSide(t *testing.T, name string, l devca.Leaf) side {
	t.Helper()
	ca, err := devca.New(name)
	if err != nil {
		t.Fatal(err)
	}
	s := side{dir: t.TempDir(), authority: ca}
	s.ca = filepath.Join(s.dir, "ca.pem")
	s.publish(t)
	s.cert, s.key, err = ca.Write(s.dir, "leaf", l)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (s side) publish(t *testing.T) {
	t.Helper()
	if err := os.WriteFile(s.ca, s.authority.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func serve(t *testing.T, c *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }))
	s.Listener, s.Config.ErrorLog = tls.NewListener(s.Listener, c), log.New(io.Discard, "", 0) // StartTLS would add a certificate of its own
	s.Start()
	s.URL = strings.Replace(s.URL, "http:", "https:", 1)
	t.Cleanup(s.Close)
	return s
}

// get asks on a new connection, and tells the serial number of the server's certificate.
func get(t *testing.T, rt http.RoundTripper, url string) (serial string, err error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Close = true
	a, err := rt.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer func() { _ = a.Body.Close() }()
	return a.TLS.PeerCertificates[0].SerialNumber.String(), nil
}

func plain(c *tls.Config) http.RoundTripper {
	return &http.Transport{TLSClientConfig: c, DisableKeepAlives: true}
}

// TestMutual: who shows a certificate of the right authority is let in, and nobody else; either way round.
func TestMutual(t *testing.T) {
	server, client, stranger := newSide(t, "server", devca.Leaf{}), newSide(t, "client", devca.Leaf{Client: true}), newSide(t, "stranger", devca.Leaf{Client: true})
	expired := newSide(t, "expired", devca.Leaf{Client: true, Life: -time.Hour})
	own, err := tlsfiles.LoadPair(server.cert, server.key)
	if err != nil {
		t.Fatal(err)
	}
	pool := filepath.Join(t.TempDir(), "clients.pem")
	if err := os.WriteFile(pool, append(client.authority.PEM(), expired.authority.PEM()...), 0o600); err != nil {
		t.Fatal(err)
	}
	clients, err := tlsfiles.LoadRoots(pool)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, tlsfiles.Server(own, clients))
	pair := func(x side) *tlsfiles.Pair {
		p, err := tlsfiles.LoadPair(x.cert, x.key)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := func(c *tls.Config) *tls.Config {
		c.MinVersion, c.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
		return c
	}
	twelve := func(c *tls.Config) *tls.Config { c.MaxVersion = tls.VersionTLS12; return c }
	weak := func(c *tls.Config) *tls.Config {
		c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		return c
	}
	for _, c := range []struct {
		name   string
		config *tls.Config
		ok     bool
	}{
		{"the right one", tlsfiles.Client(server.authority.Pool(), pair(client)), true},
		{"TLS 1.2", twelve(tlsfiles.Client(server.authority.Pool(), pair(client))), true},
		{"no certificate", tlsfiles.Client(server.authority.Pool(), nil), false},
		{"a stranger's", tlsfiles.Client(server.authority.Pool(), pair(stranger)), false},
		{"an expired one", tlsfiles.Client(server.authority.Pool(), pair(expired)), false},
		{"a server's as a client's", tlsfiles.Client(server.authority.Pool(), pair(server)), false},
		{"a server that we don't know", tlsfiles.Client(stranger.authority.Pool(), pair(client)), false},
		{"TLS 1.1", old(tlsfiles.Client(server.authority.Pool(), pair(client))), false},
		{"a cipher of old", weak(tlsfiles.Client(server.authority.Pool(), pair(client))), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := get(t, plain(c.config), s.URL); (err == nil) != c.ok {
				t.Errorf("let in: %t", err == nil)
			}
		})
	}
	t.Run("another host's name", func(t *testing.T) {
		other := newSide(t, "server", devca.Leaf{Hosts: []string{"ehr.example.org"}})
		own, err := tlsfiles.LoadPair(other.cert, other.key)
		if err != nil {
			t.Fatal(err)
		}
		var name x509.HostnameError
		if _, err := get(t, plain(tlsfiles.Client(other.authority.Pool(), nil)), serve(t, tlsfiles.Server(own, nil)).URL); !errors.As(err, &name) {
			t.Error("a certificate for another host was taken")
		}
	})
}

// TestReload: a certificate and roots that are replaced hold from then on, without a restart; half of a pair, and what is no
// certificate, change nothing.
func TestReload(t *testing.T) {
	server, client := newSide(t, "server", devca.Leaf{}), newSide(t, "client", devca.Leaf{Client: true})
	own, err := tlsfiles.LoadPair(server.cert, server.key)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := tlsfiles.LoadRoots(client.ca)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, tlsfiles.Server(own, clients))
	shown, err := tlsfiles.LoadPair(client.cert, client.key)
	if err != nil {
		t.Fatal(err)
	}
	roots, err := tlsfiles.LoadRoots(server.ca)
	if err != nil {
		t.Fatal(err)
	}
	rt := tlsfiles.Transport(roots, func(p *x509.CertPool) http.RoundTripper { return plain(tlsfiles.Client(p, shown)) })
	first, err := get(t, rt, s.URL)
	if err != nil {
		t.Fatal(err)
	}
	// eventually tells when what is asked for holds; files are looked at once a second.
	eventually := func(what string, holds func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
			if holds() {
				return
			}
			wait := time.NewTimer(50 * time.Millisecond)
			<-wait.C
		}
		t.Errorf("it is not so: %s", what)
	}
	if err := os.WriteFile(server.cert, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	wait := time.NewTimer(1100 * time.Millisecond)
	<-wait.C
	if serial, err := get(t, rt, s.URL); err != nil || serial != first {
		t.Errorf("a broken file changed something: %v", err)
	}
	if _, _, err := server.authority.Write(server.dir, "leaf", devca.Leaf{Life: time.Hour}); err != nil {
		t.Fatal(err)
	}
	eventually("the new certificate is shown", func() bool { serial, err := get(t, rt, s.URL); return err == nil && serial != first })
	if left := time.Until(own.Expires()); left > time.Hour || left <= 0 {
		t.Errorf("it expires in %v", left)
	}
	// both authorities are replaced, and each side's certificate with them
	second, err := devca.New("server, second")
	if err != nil {
		t.Fatal(err)
	}
	server.authority = second
	server.publish(t)
	if _, _, err := second.Write(server.dir, "leaf", devca.Leaf{}); err != nil {
		t.Fatal(err)
	}
	third, err := devca.New("client, second")
	if err != nil {
		t.Fatal(err)
	}
	client.authority = third
	client.publish(t)
	old, err := tls.LoadX509KeyPair(client.cert, client.key)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := third.Write(client.dir, "leaf", devca.Leaf{Client: true}); err != nil {
		t.Fatal(err)
	}
	eventually("all four are new", func() bool { _, err := get(t, rt, s.URL); return err == nil })
	before := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: second.Pool(), Certificates: []tls.Certificate{old}}
	eventually("the old client is refused", func() bool { _, err := get(t, plain(before), s.URL); return err != nil })
}

func TestLoadErrors(t *testing.T) {
	s := newSide(t, "a", devca.Leaf{})
	if _, err := tlsfiles.LoadPair(s.cert, filepath.Join(s.dir, "none")); err == nil {
		t.Error("a key that is not there")
	}
	if _, err := tlsfiles.LoadRoots(s.key); err == nil {
		t.Error("a key in place of roots")
	}
	if _, err := tlsfiles.LoadRoots(filepath.Join(s.dir, "none")); err == nil {
		t.Error("roots that are not there")
	}
}
