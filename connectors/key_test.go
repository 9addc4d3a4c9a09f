package connectors_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"concord"
	"concord/connectors"
)

func TestParsePrivateKey(t *testing.T) {
	r, ok := rsaKey().(*rsa.PrivateKey)
	if !ok {
		t.Fatal("no RSA key")
	}
	small, err := rsa.GenerateKey(rand.Reader, 1024) // #nosec G403 -- to be refused
	if err != nil {
		t.Fatal(err)
	}
	e := ecKey(t, elliptic.P384())
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	block := func(typ string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der}))
	}
	jwk := func(key any) string {
		return string(must((&jose.JSONWebKey{Key: key, KeyID: "k1", Algorithm: "RS384"}).MarshalJSON()))
	}
	params := block("EC PARAMETERS", []byte{6, 5, 43, 129, 4, 0, 34})
	for _, x := range []struct {
		name, file, kid string
		ok              bool
	}{
		{"PKCS 8, RSA", block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(r))), "", true},
		{"PKCS 8, ECDSA", block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(e))), "", true},
		{"PKCS 1", "\n" + block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(r)), "", true},
		{"SEC 1 behind its parameters", params + block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(e))), "", true},
		{"JWK, RSA", jwk(r), "k1", true},
		{"JWK, ECDSA", jwk(e), "k1", true},
		{"JWK of a public key", jwk(e.Public()), "", false},
		{"JWK that is none", "{}", "", false},
		{"a short key", block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(small))), "", false},
		{"another curve", block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ecKey(t, elliptic.P256())))), "", false},
		{"a public key", block("PUBLIC KEY", must(x509.MarshalPKIXPublicKey(e.Public()))), "", false},
		{"not DER", block("PRIVATE KEY", []byte("x")), "", false},
		{"nothing", "", "", false},
		{"not PEM", "secret", "", false},
	} {
		t.Run(x.name, func(t *testing.T) {
			key, kid, err := connectors.ParsePrivateKey([]byte(x.file))
			if x.ok != (err == nil) || x.ok != (key != nil) || kid != x.kid || !x.ok && concord.KindOf(err) != concord.Invalid {
				t.Errorf("kid %q, error %v", kid, err)
			}
		})
	}
}
