package smart

import (
	"errors"
	"fmt"
	"time"

	"concord"
)

// Refusal says why a token does not hold, from a closed set. It is the innermost cause of every Fault that Verify
// returns, meant for the log and the trail: a client is told no more than the Fault's Kind. It holds no part of the
// token. The zero value is no refusal.
type Refusal uint8

// The refusals. NoToken is answered without an error attribute (RFC 6750 §3.1), SeveralTokens with 400 invalid_request,
// KeysUnreachable and IssuerUnreachable with 503, and all others alike with 401 invalid_token.
const (
	NoToken           Refusal = iota + 1 // no Authorization header, or not of the Bearer scheme
	SeveralTokens                        // more than one Authorization header
	TooLong                              // the token or its header is over the limit
	NotJWS                               // not a compact JWS of three strict base64url parts around JSON objects, nor opaque where that may be
	UnknownIssuer                        // iss is none of those configured, or nobody issues such an opaque token
	WrongAlgorithm                       // alg is missing or not one of the six that hold
	WrongHeader                          // crit, b64, or a key that the token brings itself
	UnknownKey                           // kid matches no key of the issuer that fits alg, or several, or is missing
	BadSignature                         //
	Expired                              //
	NotYetValid                          // nbf or iat lies ahead
	WrongTimes                           // exp is missing, one of the times is no number, or it holds for too long
	WrongAudience                        // aud is missing, or is not this gateway
	NotAccessToken                       // an ID token, a client assertion, or another typ
	WrongClaims                          // a claim of another type than it should be, or neither sub nor client
	KeysUnreachable                      // the issuer's keys can't be had, so nothing can be said of the token
	Inactive                             // its issuer says that it does not hold: unknown there, expired, revoked, or not for us to know
	ForeignTenant                        // its issuer may not speak for its tenant
	IssuerUnreachable                    // the issuer can't be asked about the token, so nothing can be said of it
)

var refusalNames = [...]string{"none", "no-token", "several-tokens", "too-long", "not-jws", "unknown-issuer", "wrong-algorithm",
	"wrong-header", "unknown-key", "bad-signature", "expired", "not-yet-valid", "wrong-times", "wrong-audience",
	"not-access-token", "wrong-claims", "keys-unreachable", "inactive", "foreign-tenant", "issuer-unreachable"}

// String is the reason code, such as "bad-signature".
func (r Refusal) String() string {
	if int(r) < len(refusalNames) {
		return refusalNames[r]
	}
	return refusalNames[0]
}

// Error is the reason code.
func (r Refusal) Error() string { return r.String() }

// RefusalOf is the Refusal within err, or 0 when there is none.
func RefusalOf(err error) Refusal {
	var r Refusal
	errors.As(err, &r)
	return r
}

// refuse makes the Fault for r.
func refuse(r Refusal) *concord.Fault {
	f := &concord.Fault{Op: "verify token", Kind: concord.Unauthorized, Err: r}
	if r == SeveralTokens {
		f.Kind = concord.Invalid
	}
	return f
}

// unreachable makes the Fault for what can't be had, r, to be asked for again after retry.
func unreachable(r Refusal, cause error, retry time.Duration) *concord.Fault {
	f := &concord.Fault{Op: "verify token", Kind: concord.Unavailable, RetryAfter: max(retry, time.Second), Err: r}
	if cause != nil {
		f.Err = fmt.Errorf("%w: %w", r, cause)
	}
	return f
}
