package smart

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Caller is who asks, as far as a token tells: what a page link is bound to and limits are counted by. Comparable. It
// holds no PHI, but Subject may be a user's name at the issuer.
type Caller struct {
	Issuer  string // iss, one of those configured
	Subject string // sub; "" when the token has none
	Client  string // client_id, or azp; "" when the token has neither
	Tenant  string // the tenant claim; "" when the token has none. Never taken from anywhere else
}

// Token is what a verified access token says. Only Verifier.Verify makes one that means anything. It may hold PHI (the
// patient's id) and prints redacted. The zero Token is nobody's and grants nothing.
type Token struct {
	Caller
	Role         string    // such as "physician"; "" when the token has none
	Scope        string    // the scopes granted, separated by spaces
	PatientClaim string    // the launch context's patient as the issuer wrote it: a person or {source}.{id}; PHI
	FHIRUser     string    // the fhirUser claim; may be PHI, since patients sign in too
	ID           string    // jti; "" when the token has none
	Expires      time.Time // exp
}

const redacted = "[redacted]"

// String keeps the content out of logs.
func (t Token) String() string { return "token" + redacted }

// GoString keeps %#v from showing it.
func (t Token) GoString() string { return t.String() }

// Format keeps every other verb from showing it.
func (t Token) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, t.String()) }

// LogValue keeps slog from showing it.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// MarshalText keeps encoders from showing it.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }
