package smart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"concord/fhir"
)

// Claims names the claims that carry what the standards leave open. An empty name means the default.
type Claims struct {
	Tenant  string // default "tenant"
	Role    string // default "role"
	Patient string // default "patient" (SMART launch context)
	Scope   string // default "scope", a string (RFC 9068); under another name, such as "scp", an array of strings is taken too
}

func (c Claims) withDefaults() Claims {
	for _, f := range []struct {
		field *string
		name  string
	}{{&c.Tenant, "tenant"}, {&c.Role, "role"}, {&c.Patient, "patient"}, {&c.Scope, "scope"}} {
		if *f.field == "" {
			*f.field = f.name
		}
	}
	return c
}

// leeway is how far the issuer's clock may be from ours.
const leeway = 60 * time.Second

// lastDate is the end of year 9999, which no exp needs to exceed.
const lastDate = 253402300799

// numericDate reads a NumericDate (RFC 7519 §2). ok is false when v is there and not one.
func numericDate(v fhir.Value) (t time.Time, ok bool) {
	if absent(v) {
		return time.Time{}, true
	}
	if !v.IsNumber() {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(v.Text(), 64)
	if err != nil || f < 0 || f > lastDate {
		return time.Time{}, false
	}
	sec, frac := math.Modf(f)
	return time.Unix(int64(sec), int64(frac*1e9)), true
}

// absent tells whether a claim is not there; null says as much.
func absent(v fhir.Value) bool { return !v.Exists() || string(v.Raw()) == "null" }

// checkTimes is §4.1.4 to 4.1.6 of RFC 7519 with a bound on the lifetime; 0 is no bound.
func checkTimes(claims fhir.Value, now time.Time, longest time.Duration) (exp time.Time, _ Refusal) {
	exp, ok1 := numericDate(claims.Get("exp"))
	nbf, ok2 := numericDate(claims.Get("nbf"))
	iat, ok3 := numericDate(claims.Get("iat"))
	switch {
	case !ok1 || !ok2 || !ok3 || exp.IsZero():
		return exp, WrongTimes
	case !now.Before(exp.Add(leeway)):
		return exp, Expired
	case nbf.After(now.Add(leeway)), iat.After(now.Add(leeway)):
		return exp, NotYetValid
	}
	begin := now.Add(leeway)
	if !iat.IsZero() { // by the same clock as exp, so without leeway
		begin = iat
	}
	if longest > 0 && exp.Sub(begin) > longest {
		return exp, WrongTimes
	}
	return exp, 0
}

// checkAudience tells whether aud, a string or an array of them, names audience.
func checkAudience(claims fhir.Value, audience string) Refusal {
	aud := claims.Get("aud")
	found := false
	for a := range aud.Items() {
		if !a.IsString() {
			return WrongAudience
		}
		found = found || a.Is(audience)
	}
	if !found {
		return WrongAudience
	}
	return 0
}

// checkUse refuses what the issuer signed for another purpose. typ is the header's (RFC 9068 §2.1); most EHRs still
// say "JWT" or nothing, so the marks of an ID token (OpenID Connect Core §2) and of a client assertion (RFC 7523 §3)
// are looked for then.
func checkUse(typ string, claims fhir.Value) Refusal {
	switch typ {
	case "at+jwt":
	case "", "jwt":
		for _, name := range [...]string{"nonce", "at_hash", "c_hash"} {
			if claims.Get(name).Exists() {
				return NotAccessToken
			}
		}
	default:
		return NotAccessToken
	}
	if iss := claims.Get("iss"); iss.Is(claims.Get("sub").Text()) {
		return NotAccessToken
	}
	return 0
}

// readToken reads the claims that the gateway uses. One of another type than it should be refuses the token: who wrote
// it means something that we do not understand.
func readToken(claims fhir.Value, names Claims, exp time.Time) (Token, Refusal) {
	t := Token{Expires: exp}
	var client, azp, encounter string
	for _, f := range []struct {
		field *string
		name  string
	}{
		{&t.Subject, "sub"}, {&client, "client_id"}, {&azp, "azp"}, {&t.FHIRUser, "fhirUser"}, {&t.ID, "jti"}, {&encounter, "encounter"},
		{&t.Tenant, names.Tenant}, {&t.Role, names.Role}, {&t.PatientClaim, names.Patient},
	} {
		v := claims.Get(f.name)
		if absent(v) {
			continue
		}
		if !v.IsString() {
			return Token{}, WrongClaims
		}
		*f.field = v.Text()
	}
	if t.Client = client; client == "" {
		t.Client = azp
	}
	if t.Subject == "" && t.Client == "" {
		return Token{}, WrongClaims
	}
	scope, ok := readScope(claims.Get(names.Scope), names.Scope != "scope")
	if !ok {
		return Token{}, WrongClaims
	}
	t.Scope = scope
	return t, 0
}

func readScope(v fhir.Value, array bool) (string, bool) {
	if absent(v) {
		return "", true
	}
	if v.IsString() {
		return v.Text(), true
	}
	if !array || !v.IsArray() {
		return "", false
	}
	var all []string
	for s := range v.Items() {
		if !s.IsString() {
			return "", false
		}
		all = append(all, s.Text())
	}
	return strings.Join(all, " "), true
}
