// Package tlsfiles keeps certificates and roots as their files have them: a file that changes is read again without a
// restart. It makes none, and what can't be read leaves the last good one in place.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"os"
	"sync"
	"time"
)

// every is how often files are looked at, at most.
const every = time.Second

// watched is a value that is read from files. It is safe for concurrent use.
type watched[T any] struct {
	names []string
	read  func() (T, error)

	mu     sync.Mutex
	val    T
	seen   []stamp
	looked time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	size int64
	at   time.Time
}

// watch reads the files for the first time.
func watch[T any](read func() (T, error), names ...string) (*watched[T], error) {
	w := &watched[T]{names: names, read: read, looked: time.Now()}
	w.seen = w.stamps()
	var err error
	w.val, err = read()
	return w, err
}

func (w *watched[T]) stamps() []stamp {
	out := make([]stamp, len(w.names))
	for i, n := range w.names {
		if f, err := os.Stat(n); err == nil {
			out[i] = stamp{f.Size(), f.ModTime()}
		}
	}
	return out
}

// get is the value of the files as they are, or as they last were when they can't be read: half a pair is replaced before
// the other half.
func (w *watched[T]) get() T {
	w.mu.Lock()
	defer w.mu.Unlock()
	if time.Since(w.looked) < every {
		return w.val
	}
	w.looked = time.Now()
	now := w.stamps()
	same := true
	for i, s := range now {
		same = same && s == w.seen[i]
	}
	if same {
		return w.val
	}
	if v, err := w.read(); err == nil {
		w.val, w.seen = v, now
	}
	return w.val
}

// Pair is a certificate chain and its key.
type Pair struct{ w *watched[*tls.Certificate] }

// LoadPair reads PEM files. Its error names a file, and holds nothing of one.
func LoadPair(certFile, keyFile string) (*Pair, error) {
	w, err := watch(func() (*tls.Certificate, error) {
		c, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &c, err
	}, certFile, keyFile)
	if err != nil {
		return nil, err
	}
	return &Pair{w}, nil
}

// Certificate is the pair as its files have it.
func (p *Pair) Certificate() *tls.Certificate { return p.w.get() }

// Expires is when the certificate does.
func (p *Pair) Expires() time.Time {
	if c := p.w.get(); c.Leaf != nil {
		return c.Leaf.NotAfter
	}
	return time.Time{}
}

// Roots are certificates to trust.
type Roots struct{ w *watched[*x509.CertPool] }

// errNoRoot is the error of a file of roots without any.
var errNoRoot = errors.New("no certificate in the file")

// LoadRoots reads a PEM file, which must have a certificate.
func LoadRoots(file string) (*Roots, error) {
	w, err := watch(func() (*x509.CertPool, error) {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errNoRoot
		}
		return pool, nil
	}, file)
	if err != nil {
		return nil, err
	}
	return &Roots{w}, nil
}

// Pool is the roots as their file has them.
func (r *Roots) Pool() *x509.CertPool { return r.w.get() }

// suites are what TLS 1.2 may use: forward secrecy, and no cipher that has to be used with care. TLS 1.3 has no others.
func suites() []uint16 {
	return []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
}

// Server is a server's configuration: TLS 1.2 or 1.3. With clients, whoever connects must present a certificate that one of
// them has signed.
func Server(own *Pair, clients *Roots) *tls.Config {
	base := tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites(),
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.Certificate(), nil }}
	if clients == nil {
		return &base
	}
	base.ClientAuth = tls.RequireAndVerifyClientCert
	base.ClientCAs = clients.Pool()
	outer := base.Clone()
	outer.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c := base.Clone()
		c.ClientCAs = clients.Pool()
		return c, nil
	}
	return outer
}

// Client is a transport's configuration towards a server: its roots, nil for the system's, and the certificate to present,
// nil for none.
func Client(roots *x509.CertPool, own *Pair) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites(), RootCAs: roots}
	if own != nil {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return own.Certificate(), nil }
	}
	return c
}

// Transport sends by a transport that build made for the roots as their file has them; another one is made when they change.
// Nil roots never do.
func Transport(roots *Roots, build func(*x509.CertPool) http.RoundTripper) http.RoundTripper {
	if roots == nil {
		return build(nil)
	}
	t := &rooted{roots: roots, build: build}
	t.pool, t.next = roots.Pool(), build(roots.Pool())
	return t
}

type rooted struct {
	roots *Roots
	build func(*x509.CertPool) http.RoundTripper

	mu   sync.Mutex
	pool *x509.CertPool
	next http.RoundTripper
}

// RoundTrip is that of the transport for the present roots.
func (t *rooted) RoundTrip(r *http.Request) (*http.Response, error) {
	t.mu.Lock()
	if now := t.roots.Pool(); now != t.pool {
		t.pool, t.next = now, t.build(now)
	}
	next := t.next
	t.mu.Unlock()
	return next.RoundTrip(r)
}
