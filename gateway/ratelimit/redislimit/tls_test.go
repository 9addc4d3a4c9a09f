package redislimit_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"concord/testharness/servers"
)

// certificate makes a certificate for 127.0.0.1 that is its own authority, and the files of it and its key.
func certificate(t *testing.T) (roots *x509.CertPool, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "redis"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	certFile, keyFile = write("cert.pem", "CERTIFICATE", der), write("key.pem", "PRIVATE KEY", private)
	roots = x509.NewCertPool()
	own, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(own)
	return roots, certFile, keyFile
}

// TestTLS: an encrypted connection is made to a server whose certificate holds, and to no other.
func TestTLS(t *testing.T) {
	roots, cert, key := certificate(t)
	others, _, _ := certificate(t)
	port := strconv.Itoa(servers.FreePort(t))
	r := servers.StartRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file", cert, "--tls-auth-clients", "no")
	o := patient(r)
	o.Addr = net.JoinHostPort("127.0.0.1", port)
	o.TLS = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	s := open(t, five, o)
	ask(t, s, ann)
	if s.State().Degraded {
		t.Error("no connection")
	}
	o.TLS = &tls.Config{RootCAs: others, MinVersion: tls.VersionTLS12}
	if s := open(t, five, o); !s.State().Degraded {
		t.Error("connected to a server whose certificate does not hold")
	}
}

// TestDatabase: the number in the URL is the database that is counted in.
func TestDatabase(t *testing.T) {
	r := servers.StartRedis(t)
	o := patient(r)
	o.DB = 7
	s := open(t, five, o)
	ask(t, s, ann)
	if n := len(keys(t, admin(t, r.Addr))); n != 0 {
		t.Errorf("%d keys in database 0", n)
	}
	if d := ask(t, open(t, five, o), ann); d.Remaining != 3 {
		t.Errorf("%+v", d)
	}
}
