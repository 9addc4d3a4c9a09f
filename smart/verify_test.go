package smart_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"concord"
	"concord/smart"
)

func TestVerifyHolds(t *testing.T) {
	s := newAuthServer()
	v, iss := listening(t, s, nil)
	k := keys()
	now := time.Now()
	want := smart.Token{Caller: smart.Caller{Issuer: iss, Subject: "u-1", Client: "app-1", Tenant: "t-1"}, Role: "nurse",
		Scope: "patient/*.rs", PatientClaim: "P1", FHIRUser: "Practitioner/9", ID: "j-1", Expires: time.Unix(now.Unix()+300, 0)}
	claims := goodClaims(iss, now)
	for _, c := range []struct {
		name, alg, kid string
		key            any
		header         members
		claims         members
		scheme         string
		want           func(smart.Token) smart.Token
	}{
		{name: "RS256", alg: "RS256", kid: "rsa", key: k.rsa},
		{name: "RS384", alg: "RS384", kid: "rsa", key: k.rsa},
		{name: "PS256", alg: "PS256", kid: "rsa", key: k.rsa},
		{name: "PS384", alg: "PS384", kid: "rsa", key: k.rsa},
		{name: "ES256", alg: "ES256", kid: "p256", key: k.p256},
		{name: "ES384", alg: "ES384", kid: "p384", key: k.p384},
		{name: "no kid, one key that fits", alg: "ES384", key: k.p384, header: members{"alg": "ES384"}},
		{name: "typ JWT", header: goodHeader().with("typ", "JWT")},
		{name: "typ as media type", header: goodHeader().with("typ", "Application/AT+JWT")},
		{name: "no typ", header: goodHeader().with("typ", nil)},
		{name: "7 ours among the audiences", claims: claims.with("aud", []string{"https://x.test", audience})},
		{name: "scheme in lower case", scheme: "bearer  "},
		{name: "just expired", claims: claims.with("exp", now.Unix()-50).with("iat", now.Unix()-300),
			want: func(x smart.Token) smart.Token { x.Expires = time.Unix(now.Unix()-50, 0); return x }},
		{name: "nbf a little ahead", claims: claims.with("nbf", now.Unix()+50)},
		{name: "nbf of 0", claims: claims.with("nbf", 0)},
		{name: "exp as a fraction", claims: claims.with("exp", float64(now.Unix())+300.5),
			want: func(x smart.Token) smart.Token { x.Expires = time.Unix(now.Unix()+300, 5e8); return x }},
		{name: "azp for client_id", claims: claims.with("client_id", nil).with("azp", "app-1")},
		{name: "null is absent", claims: members{"iss": iss, "aud": audience, "sub": "u-1", "exp": now.Unix() + 300, "patient": json.RawMessage("null")},
			want: func(x smart.Token) smart.Token {
				return smart.Token{Caller: smart.Caller{Issuer: iss, Subject: "u-1"}, Expires: x.Expires}
			}},
		{name: "members that we do not know", claims: claims.with("realm_access", members{"roles": []string{"x"}})},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.alg == "" {
				c.alg, c.kid, c.key = "RS384", "rsa", k.rsa
			}
			if c.header == nil {
				c.header = goodHeader().with("alg", c.alg).with("kid", c.kid)
			}
			if c.claims == nil {
				c.claims = claims
			}
			if c.scheme == "" {
				c.scheme = "Bearer "
			}
			want := want
			if c.want != nil {
				want = c.want(want)
			}
			header := []string{c.scheme + sign(c.alg, c.key, c.header, c.claims)}
			for range 2 { // the second time from the cache, if it may be
				got, err := v.Verify(context.Background(), header)
				if err != nil {
					t.Fatalf("Verify: %v (%v)", err, smart.RefusalOf(err))
				}
				if got != want {
					t.Errorf("Verify: the token differs: %v", cmp.Diff(fields(want), fields(got)))
				}
			}
		})
	}
	if n := s.fetched(); n != 1 {
		t.Errorf("%d fetches of the key set, want 1", n)
	}
}

// fields takes a token apart, since it prints redacted.
func fields(t smart.Token) []string {
	return []string{t.Issuer, t.Subject, t.Client, t.Tenant, t.Role, t.Scope, t.PatientClaim, t.FHIRUser, t.ID, t.Expires.UTC().String()}
}

func TestVerifyClaimNames(t *testing.T) {
	s := newAuthServer()
	v, iss := listening(t, s, func(c *smart.Config) {
		c.Issuers[0].Claims = smart.Claims{Tenant: "https://idp.test/org", Role: "job", Patient: "launch_patient", Scope: "scp"}
	})
	now := time.Now()
	claims := members{"iss": iss, "aud": audience, "sub": "u-1", "exp": now.Unix() + 60, "https://idp.test/org": "t-2", "job": "clerk",
		"launch_patient": "P2", "scp": []string{"user/Patient.rs", "openid"}, "tenant": "forged", "patient": "forged"}
	got, err := v.Verify(context.Background(), []string{"Bearer " + sign("RS384", keys().rsa, goodHeader(), claims)})
	if err != nil {
		t.Fatal(err, smart.RefusalOf(err))
	}
	want := smart.Token{Caller: smart.Caller{Issuer: iss, Subject: "u-1", Tenant: "t-2"}, Role: "clerk", Scope: "user/Patient.rs openid",
		PatientClaim: "P2", Expires: time.Unix(now.Unix()+60, 0)}
	if d := cmp.Diff(fields(want), fields(got)); d != "" {
		t.Error(d)
	}
}

// TestVerifyRefuses is the attack table for tokens, by its rows' numbers: whatever is wrong, the reason is for the log alone,
// and the answer is one.
func TestVerifyRefuses(t *testing.T) {
	k := keys()
	s := newAuthServer()
	weak := jwk("weak", k.rsaWeak)
	s.keys = append(s.keys, jwk("twice", k.rsa), jwk("twice", k.rsaOther), jwk("enc", k.rsaOther).with("use", "enc"),
		jwk("ps", k.rsaOther).with("alg", "PS384"), jwk("wrap", k.rsaOther).with("key_ops", []string{"wrapKey"}),
		jwk("private", k.rsaOther).with("d", "AQAB"), weak, members{"kty": "oct", "kid": "oct", "k": b64([]byte("secret-secret-secret-secret-secret"))},
		members{"kty": "OKP", "kid": "ed", "crv": "Ed25519", "x": b64(make([]byte, 32))}, "not a key")
	attacker := newAuthServer()
	evil := httptest.NewServer(attacker)
	defer evil.Close()
	v, iss := listening(t, s, nil)
	now := time.Now()
	good, h := goodClaims(iss, now), goodHeader()
	token := func(header, claims any) string { return sign("RS384", k.rsa, header, claims) }
	forged := func(header members) string { return sign("RS384", k.rsaOther, header, good) }
	fine := token(h, good)
	pub, err := json.Marshal(jwk("rsa", k.rsa))
	if err != nil {
		t.Fatal(err)
	}
	in := encode(members{"alg": "ES256", "kid": "p256"}) + "." + encode(good)
	es := signature("ES256", k.p256, in)
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(es[:32]), new(big.Int).SetBytes(es[32:])})
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(fine, ".")
	body, sig, _ := strings.Cut(rest, ".")
	goodJSON, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	number := func(name, raw string) string {
		return token(h, strings.Replace(string(goodJSON), "{", `{"`+name+`":`+raw+`,`, 1))
	}
	without := func(name string) string {
		b, err := json.Marshal(good.with(name, nil))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	with := func(name, raw string) string {
		return token(h, strings.Replace(without(name), "{", `{"`+name+`":`+raw+`,`, 1))
	}
	for _, c := range []struct {
		name, token string
		want        smart.Refusal
	}{
		{"1 alg none", encode(h.with("alg", "none")) + "." + encode(good) + ".", smart.WrongAlgorithm},
		{"1 alg None with a signature", token(h.with("alg", "None"), good), smart.WrongAlgorithm},
		{"1 alg nOnE", token(h.with("alg", "nOnE"), good), smart.WrongAlgorithm},
		{"alg missing", token(h.with("alg", nil), good), smart.WrongAlgorithm},
		{"alg not a string", token(h.with("alg", 1), good), smart.WrongAlgorithm},
		{"alg RS512", token(h.with("alg", "RS512"), good), smart.WrongAlgorithm},
		{"alg EdDSA", token(h.with("alg", "EdDSA").with("kid", "ed"), good), smart.WrongAlgorithm},
		{"2 HS256 with the public key", sign("HS256", pub, h.with("alg", "HS256"), good), smart.WrongAlgorithm},
		{"2 HS256 with a published secret", sign("HS256", []byte("secret-secret-secret-secret-secret"), h.with("alg", "HS256").with("kid", "oct"), good), smart.WrongAlgorithm},
		{"1 empty signature", head + "." + body + ".", smart.BadSignature},
		{"alg of another hash", strings.Replace(fine, head, encode(h.with("alg", "RS256")), 1), smart.BadSignature},
		{"alg of another kind of key", token(h.with("alg", "ES256"), good), smart.UnknownKey},
		{"curve of another size", sign("ES256", k.p256, h.with("alg", "ES384").with("kid", "p256"), good), smart.UnknownKey},
		{"another issuer's key", forged(h), smart.BadSignature},
		{"3 jwk", forged(h.with("jwk", jwk("rsa", k.rsaOther))), smart.WrongHeader},
		{"3 jku", forged(h.with("jku", evil.URL)), smart.WrongHeader},
		{"3 x5u", forged(h.with("x5u", evil.URL)), smart.WrongHeader},
		{"3 x5c", forged(h.with("x5c", []string{"AA=="})), smart.WrongHeader},
		{"crit", token(h.with("crit", []string{"x"}).with("x", 1), good), smart.WrongHeader},
		{"b64", token(h.with("b64", true), good), smart.WrongHeader},
		{"4 kid of a file", forged(h.with("kid", "../../../../dev/null")), smart.UnknownKey},
		{"4 kid of a URL", forged(h.with("kid", evil.URL)), smart.UnknownKey},
		{"4 kid of SQL", forged(h.with("kid", "x' OR '1'='1")), smart.UnknownKey},
		{"kid not a string", token(h.with("kid", 7), good), smart.WrongHeader},
		{"kid empty", token(h.with("kid", ""), good), smart.UnknownKey},
		{"4 kid long", token(h.with("kid", strings.Repeat("k", 4000)), good), smart.TooLong},
		{"token long", token(h, good.with("x", strings.Repeat("x", 10_000))), smart.TooLong},
		{"no kid, several keys", token(h.with("kid", nil), good), smart.UnknownKey},
		{"kid of two keys", token(h.with("kid", "twice"), good), smart.UnknownKey},
		{"key for encryption", forged(h.with("kid", "enc")), smart.UnknownKey},
		{"key for wrapping", forged(h.with("kid", "wrap")), smart.UnknownKey},
		{"key bound to another alg", forged(h.with("kid", "ps")), smart.UnknownKey},
		{"private key published", forged(h.with("kid", "private")), smart.UnknownKey},
		{"10 RSA of 1024 bits", sign("RS384", k.rsaWeak, h.with("kid", "weak"), good), smart.UnknownKey},
		{"10 ES256 as DER", in + "." + b64(der), smart.BadSignature},
		{"10 r and s of zero", in + "." + b64(make([]byte, 64)), smart.BadSignature},
		{"10 ES256 with a zero between", in + "." + b64(slices.Insert(slices.Clone(es), 32, 0)), smart.BadSignature},
		{"ES256 cut", in + "." + b64(es[:63]), smart.BadSignature},

		{"empty", "", smart.NotJWS},
		{"two parts", head + "." + body, smart.NotJWS},
		{"four parts", fine + ".AAAA", smart.NotJWS},
		{"five parts", fine + ".AAAA.AAAA", smart.NotJWS},
		{"opaque, and nobody to ask", "b3BhcXVl", smart.NotJWS},
		{"PS384 with a salt of 32 bytes", salted(k.rsa, h.with("alg", "PS384"), good), smart.BadSignature},
		{"5 trailing byte", fine + "x", smart.NotJWS},
		{"5 trailing bytes", fine + "AAAA", smart.BadSignature},
		{"5 padding", head + "." + body + "." + sig + "==", smart.NotJWS},
		{"5 stray bits", fine[:len(fine)-1] + string(stray(fine[len(fine)-1])), smart.NotJWS},
		{"5 new line in base64", head + "." + body[:8] + "\n" + body[8:] + "." + sig, smart.NotJWS},
		{"5 standard alphabet", "+/" + fine[2:], smart.NotJWS},
		{"header no object", sign("RS384", k.rsa, `[1]`, good), smart.NotJWS},
		{"5 header twice alg", sign("RS384", k.rsa, `{"alg":"none","alg":"RS384","kid":"rsa"}`, good), smart.NotJWS},
		{"header escaped alg", sign("RS384", k.rsa, `{"\u0061lg":"RS384","kid":"rsa"}`, good), smart.NotJWS},
		{"5 claims twice scope", token(h, `{"scope":"user/*.rs",`+string(goodJSON)[1:]), smart.NotJWS},
		{"claims escaped name", token(h, `{"\u0073cp":1,`+string(goodJSON)[1:]), smart.NotJWS},
		{"5 claims with a tail", token(h, string(goodJSON)+"{}"), smart.NotJWS},
		{"claims no JSON", token(h, "hello"), smart.NotJWS},
		{"claims nested deep", token(h, `{"x":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`), smart.NotJWS},
		{"claims a string", token(h, `"x"`), smart.NotJWS},

		{"6 expired", token(h, good.with("exp", now.Unix()-61)), smart.Expired},
		{"exp missing", token(h, good.with("exp", nil)), smart.WrongTimes},
		{"exp null", with("exp", "null"), smart.WrongTimes},
		{"6 exp a string", with("exp", `"4102444800"`), smart.WrongTimes},
		{"6 exp beyond numbers", with("exp", "1e400"), smart.WrongTimes},
		{"exp beyond dates", with("exp", "1e15"), smart.WrongTimes},
		{"6 exp negative", with("exp", "-1"), smart.WrongTimes},
		{"6 exp NaN", with("exp", "NaN"), smart.NotJWS},
		{"exp an array", with("exp", "[4102444800]"), smart.WrongTimes},
		{"exp twice", number("exp", "4102444800"), smart.NotJWS},
		{"for too long", token(h, good.with("exp", now.Unix()+3700)), smart.WrongTimes},
		{"for too long, no iat", token(h, good.with("exp", now.Unix()+3700).with("iat", nil)), smart.WrongTimes},
		{"6 nbf ahead", token(h, good.with("nbf", now.Unix()+90)), smart.NotYetValid},
		{"nbf a string", token(h, good.with("nbf", "0")), smart.WrongTimes},
		{"iat ahead", token(h, good.with("iat", now.Unix()+90)), smart.NotYetValid},

		{"7 aud of another", token(h, good.with("aud", "https://other.test/fhir")), smart.WrongAudience},
		{"aud longer", token(h, good.with("aud", audience+"/evil")), smart.WrongAudience},
		{"aud with a slash", token(h, good.with("aud", audience+"/")), smart.WrongAudience},
		{"aud missing", token(h, good.with("aud", nil)), smart.WrongAudience},
		{"aud empty", token(h, good.with("aud", []string{})), smart.WrongAudience},
		{"aud of mixed kinds", token(h, good.with("aud", []any{audience, 1})), smart.WrongAudience},
		{"aud an object", token(h, good.with("aud", members{audience: audience})), smart.WrongAudience},

		{"8 iss with a slash", token(h, good.with("iss", iss+"/")), smart.UnknownIssuer},
		{"8 iss in capitals", token(h, good.with("iss", strings.ToUpper(iss))), smart.UnknownIssuer},
		{"8 iss of another", token(h, good.with("iss", evil.URL)), smart.UnknownIssuer},
		{"iss missing", token(h, good.with("iss", nil)), smart.UnknownIssuer},
		{"iss an array", token(h, good.with("iss", []string{iss})), smart.UnknownIssuer},

		{"9 ID token by nonce", token(h.with("typ", "JWT"), good.with("nonce", "n")), smart.NotAccessToken},
		{"9 ID token by at_hash", token(h.with("typ", nil), good.with("at_hash", "n")), smart.NotAccessToken},
		{"9 client assertion", token(h, good.with("sub", iss)), smart.NotAccessToken},
		{"DPoP proof", token(h.with("typ", "dpop+jwt"), good), smart.NotAccessToken},
		{"logout token", token(h.with("typ", "logout+jwt"), good), smart.NotAccessToken},
		{"typ not a string", token(h.with("typ", 1), good), smart.WrongHeader},

		{"scope an array", token(h, good.with("scope", []string{"user/*.rs"})), smart.WrongClaims},
		{"scope a number", token(h, good.with("scope", 1)), smart.WrongClaims},
		{"patient an array", token(h, good.with("patient", []string{"P1", "P2"})), smart.WrongClaims},
		{"encounter a number", token(h, good.with("encounter", 1)), smart.WrongClaims},
		{"tenant a number", token(h, good.with("tenant", 1)), smart.WrongClaims},
		{"sub an object", token(h, good.with("sub", members{})), smart.WrongClaims},
		{"nobody's", token(h, good.with("sub", nil).with("client_id", nil)), smart.WrongClaims},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := v.Verify(context.Background(), []string{"Bearer " + c.token})
			if got != (smart.Token{}) {
				t.Error("a token came back")
			}
			if r := smart.RefusalOf(err); r != c.want {
				t.Errorf("refused for %v, want %v", r, c.want)
			}
			if !errors.Is(err, concord.Unauthorized) || err.Error() != "verify token: unauthorized" {
				t.Errorf("err = %v, not the one outward shape", err)
			}
			var f *concord.Fault
			if errors.As(err, &f) && fmt.Sprintf("%T", f.Err) != "smart.Refusal" {
				t.Errorf("the cause is %T, which could hold more than the reason", f.Err)
			}
		})
	}
	if n := attacker.fetched(); n != 0 {
		t.Errorf("the attacker's server was asked %d times", n)
	}
	if n := s.fetched(); n > 2 {
		t.Errorf("the issuer was asked %d times, want 2 at most: once for keys and once for an unknown kid", n)
	}
	if _, err := v.Verify(context.Background(), []string{"Bearer " + fine}); err != nil {
		t.Errorf("after all that the good token is refused: %v", smart.RefusalOf(err))
	}
}

// salted is a PS384 signature with a salt of another length than RFC 7518 §3.5 demands.
func salted(key *rsa.PrivateKey, header, claims any) string {
	in := encode(header) + "." + encode(claims)
	sum := sha512.Sum384([]byte(in))
	sig, err := rsa.SignPSS(rand.Reader, key, crypto.SHA384, sum[:], &rsa.PSSOptions{SaltLength: 32})
	if err != nil {
		panic(err)
	}
	return in + "." + b64(sig)
}

// stray changes the bits of the last base64 digit that decode to nothing: 256 bytes end in a digit with four of them.
func stray(c byte) byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return digits[strings.IndexByte(digits, c)|1]
}

func TestVerifyHeaders(t *testing.T) {
	s := newAuthServer()
	v, iss := listening(t, s, nil)
	good := "Bearer " + goodToken(iss, time.Now())
	for _, c := range []struct {
		name   string
		values []string
		want   smart.Refusal
		kind   concord.Kind
	}{
		{"none", nil, smart.NoToken, concord.Unauthorized},
		{"another scheme", []string{"Basic dTpw"}, smart.NoToken, concord.Unauthorized},
		{"empty", []string{""}, smart.NoToken, concord.Unauthorized},
		{"scheme alone", []string{"Bearer"}, smart.NotJWS, concord.Unauthorized},
		{"two", []string{good, good}, smart.SeveralTokens, concord.Invalid},
		{"two in one", []string{good + ", " + good}, smart.NotJWS, concord.Unauthorized},
		{"tab", []string{"Bearer\t" + good[7:]}, smart.NoToken, concord.Unauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := v.Verify(context.Background(), c.values)
			if smart.RefusalOf(err) != c.want || !errors.Is(err, c.kind) {
				t.Errorf("refused for %v as %v, want %v as %v", smart.RefusalOf(err), concord.KindOf(err), c.want, c.kind)
			}
		})
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	ok := smart.Issuer{Name: "https://idp.test", JWKSURL: "https://idp.test/keys"}
	for _, c := range []struct {
		name string
		cfg  smart.Config
	}{
		{"no audience", smart.Config{Issuers: []smart.Issuer{ok}}},
		{"no issuer", smart.Config{Audience: audience}},
		{"issuer twice", smart.Config{Audience: audience, Issuers: []smart.Issuer{ok, ok}}},
		{"issuer unnamed", smart.Config{Audience: audience, Issuers: []smart.Issuer{{JWKSURL: ok.JWKSURL}}}},
		{"no keys", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x"}}}},
		{"keys twice", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x", JWKSURL: ok.JWKSURL, JWKSFile: "f"}}}},
		{"http", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x", JWKSURL: "http://idp.test/keys"}}}},
		{"http of a host named like loopback", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x", JWKSURL: "http://127.0.0.1.idp.test/keys"}}}},
		{"file scheme", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x", JWKSURL: "file:///etc/keys"}}}},
		{"with a password", smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "x", JWKSURL: "https://u:p@idp.test/keys"}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := smart.NewVerifier(c.cfg); !errors.Is(err, concord.Invalid) {
				t.Errorf("err = %v, want Invalid", err)
			}
		})
	}
}

func TestVerifyKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	write := func(v any) {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	v, err := smart.NewVerifier(smart.Config{Audience: audience, Issuers: []smart.Issuer{{Name: "https://idp.test", JWKSFile: path}}})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	header := []string{"Bearer " + goodToken("https://idp.test", time.Now())}
	if err := v.Warm(context.Background()); !errors.Is(err, concord.Unavailable) {
		t.Errorf("Warm without a file: %v, want Unavailable", err)
	}
	write(members{"keys": []any{jwk("rsa", keys().rsa)}})
	v.Purge()
	if _, err := v.Verify(context.Background(), header); err != nil {
		t.Fatalf("with the file: %v", err)
	}
	write(members{"keys": []any{}})
	v.Purge()
	if _, err := v.Verify(context.Background(), header); smart.RefusalOf(err) != smart.UnknownKey {
		t.Errorf("after the key was withdrawn: %v", smart.RefusalOf(err))
	}
}
