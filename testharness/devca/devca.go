// Package devca is a certification authority for development and tests: it signs for loopback, its keys are new each time,
// and nobody outside should trust it.
package devca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// CA signs certificates.
type CA struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// Leaf says what a certificate is for. The zero value is a server on loopback, good for a day.
type Leaf struct {
	Name   string        // common name; default localhost
	Client bool          // for a client instead of a server
	Hosts  []string      // DNS names and addresses of a server; default localhost and the loopback addresses
	Life   time.Duration // default a day; below zero it has expired
}

// New makes an authority of that name.
func New(name string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	t := template(name, 24*time.Hour)
	t.IsCA, t.BasicConstraintsValid, t.KeyUsage = true, true, x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	return &CA{cert, key}, nil
}

func template(name string, life time.Duration) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		serial = big.NewInt(1) // never: crypto/rand ends the program first
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-48 * time.Hour), NotAfter: now.Add(life)}
}

// PEM is the authority's certificate.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// Pool has the authority's certificate alone.
func (c *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(c.cert)
	return p
}

// Issue makes a key and signs its certificate, both as PEM.
func (c *CA) Issue(l Leaf) (cert, key []byte, err error) {
	if l.Name == "" {
		l.Name = "localhost"
	}
	if l.Life == 0 {
		l.Life = 24 * time.Hour
	}
	if l.Hosts == nil {
		l.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("devca: %w", err)
	}
	t := template(l.Name, l.Life)
	t.KeyUsage, t.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	if l.Client {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	} else {
		for _, h := range l.Hosts {
			if ip := net.ParseIP(h); ip != nil {
				t.IPAddresses = append(t.IPAddresses, ip)
			} else {
				t.DNSNames = append(t.DNSNames, h)
			}
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, t, c.cert, k.Public(), c.key)
	if err != nil {
		return nil, nil, fmt.Errorf("devca: %w", err)
	}
	pk, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, fmt.Errorf("devca: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}), nil
}

// Write issues a certificate into NAME.pem and NAME-key.pem of a folder, each replaced in one step, and returns their paths.
func (c *CA) Write(dir, name string, l Leaf) (certFile, keyFile string, err error) {
	cert, key, err := c.Issue(l)
	if err != nil {
		return "", "", err
	}
	certFile, keyFile = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+"-key.pem")
	for file, text := range map[string][]byte{keyFile: key, certFile: cert} {
		if err := os.WriteFile(file+".new", text, 0o600); err != nil {
			return "", "", err
		}
		if err := os.Rename(file+".new", file); err != nil {
			return "", "", err
		}
	}
	return certFile, keyFile, nil
}
