package shipsink_test

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"math/big"
	"net"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"concord/audit"
	"concord/audit/shipsink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// receiver is a syslog server over TLS that keeps what it is sent.
type receiver struct {
	address string
	roots   *x509.CertPool
	config  *tls.Config

	mu       sync.Mutex
	messages []message
	bad      []string
	conns    []net.Conn
	l        net.Listener
	wg       sync.WaitGroup
}

type message struct {
	pri    int
	typ    string
	number int
	text   string
}

// form is RFC 5424's, for what this sink may send.
var form = regexp.MustCompile(`^<([0-9]{1,3})>1 ([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{3}Z) ([!-~]{1,255}) concord - ([!-~]{1,32}) \[meta sequenceId="([0-9]+)"\] ([ -~]*)$`)

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "syslog"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	r := &receiver{roots: x509.NewCertPool(), config: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	r.roots.AddCert(leaf)
	r.listen(t, "127.0.0.1:0")
	t.Cleanup(r.stop)
	return r
}

func (r *receiver) listen(t *testing.T, address string) {
	t.Helper()
	l, err := tls.Listen("tcp", address, r.config)
	if err != nil {
		t.Fatal(err)
	}
	r.l, r.address = l, l.Addr().String()
	r.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.mu.Lock()
			r.conns = append(r.conns, c)
			r.mu.Unlock()
			r.wg.Go(func() { r.read(c) })
		}
	})
}

// read takes frames as RFC 5425 §4.3 has them: a length, a blank, and so many bytes.
func (r *receiver) read(c net.Conn) {
	defer func() { _ = c.Close() }()
	in := bufio.NewReader(c)
	for {
		digits, err := in.ReadString(' ')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(digits, " "))
		if err != nil || n < 1 || digits[0] == '0' {
			r.complain("a frame's length: " + digits)
			return
		}
		b := make([]byte, n)
		if _, err := io.ReadFull(in, b); err != nil {
			return
		}
		m := form.FindSubmatch(b)
		if m == nil {
			r.complain("a message's form: " + string(b))
			return
		}
		pri, _ := strconv.Atoi(string(m[1]))
		number, _ := strconv.Atoi(string(m[5]))
		r.mu.Lock()
		r.messages = append(r.messages, message{pri, string(m[4]), number, string(m[6])})
		r.mu.Unlock()
	}
}

func (r *receiver) complain(s string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bad = append(r.bad, s)
}

// hangUp ends every connection.
func (r *receiver) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
}

// stop ends connections and listening.
func (r *receiver) stop() {
	_ = r.l.Close()
	r.hangUp()
	r.wg.Wait()
}

// all are the messages, once there are so many.
func (r *receiver) all(t *testing.T, n int) []message {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		got, bad := append([]message(nil), r.messages...), append([]string(nil), r.bad...)
		r.mu.Unlock()
		if len(bad) > 0 {
			t.Fatalf("%q", bad)
		}
		if len(got) >= n {
			return got
		}
		if time.Now().After(end) {
			t.Fatalf("%d messages, want %d", len(got), n)
		}
	}
}

func (r *receiver) sink(t *testing.T) *shipsink.Syslog {
	t.Helper()
	s, err := shipsink.NewSyslog(shipsink.SyslogConfig{Address: r.address, TLS: &tls.Config{RootCAs: r.roots}, Host: "gw 1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// counting counts what was handed over.
type counting struct {
	audit.Sink
	mu sync.Mutex
	n  int
}

// pipe is a writer that keeps what it is given, or fails as it is told.
type pipe struct {
	mu   sync.Mutex
	b    bytes.Buffer
	part int // bytes that a failing write takes; -1: it does not fail
	shut bool
}

var errPipe = errors.New("the pipe is broken")

func (p *pipe) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.part >= 0 {
		n, _ := p.b.Write(b[:min(p.part, len(b))])
		return n, errPipe
	}
	return p.b.Write(b)
}

func (p *pipe) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shut = true
	return nil
}

func (p *pipe) fail(part int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.part = part
}

func (p *pipe) lines() (all [][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range bytes.Split(bytes.Clone(p.b.Bytes()), []byte("\n")) {
		if len(l) > 0 {
			all = append(all, l)
		}
	}
	return all
}
