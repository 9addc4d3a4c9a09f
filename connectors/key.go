package connectors

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/go-jose/go-jose/v4"

	"concord"
)

// Why a private key can't be used. None says anything of the key.
var (
	errNoKey   = errors.New("neither PEM nor a JWK")
	errBadKey  = errors.New("the private key can't be read")
	errWeakKey = errors.New("the private key is neither RSA of 2048 bits or more, nor ECDSA on P-384")
)

// ParsePrivateKey reads the content of a key file: PEM (PKCS #8, PKCS #1 or SEC 1, not encrypted) or one private JWK
// (RFC 7517), whose kid comes with it. Its error is a *concord.Fault of Kind Invalid, with a cause that holds no secret.
func ParsePrivateKey(file []byte) (key crypto.Signer, kid string, err error) {
	key, kid, why := parseKey(bytes.TrimSpace(file))
	if why == nil {
		if _, ok := algorithm(key); !ok {
			why = errWeakKey
		}
	}
	if why != nil {
		return nil, "", &concord.Fault{Op: "configure: private key", Kind: concord.Invalid, Err: why}
	}
	return key, kid, nil
}

func parseKey(file []byte) (crypto.Signer, string, error) {
	if len(file) > 0 && file[0] == '{' {
		var k jose.JSONWebKey
		if k.UnmarshalJSON(file) != nil {
			return nil, "", errBadKey
		}
		if s, ok := k.Key.(crypto.Signer); ok && k.Valid() {
			return s, k.KeyID, nil
		}
		return nil, "", errBadKey
	}
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, "", errNoKey
		}
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		default:
			continue // curve parameters, certificates
		}
		s, ok := key.(crypto.Signer)
		if err != nil || !ok {
			return nil, "", errBadKey
		}
		return s, "", nil
	}
}
