package concord

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Kind says what sort of fault happened, from a closed set. A Kind is itself an error, so errors.Is(err, Timeout) works
// on any Fault that has it. The zero value is Unknown.
type Kind uint8

// The kinds of fault. Each comment gives the HTTP status or event that an upstream shows it by.
const (
	Unknown      Kind = iota
	Invalid           // the question was wrong: 400, 422
	Unauthorized      // our credentials were refused: 401
	Forbidden         // 403
	NotFound          // 404, 410
	Unsupported       // the source can't do this: 405, 406, 501, a type that it does not have
	RateLimited       // 429, or a quota stated in the body
	Unavailable       // connection refused or reset, 502, 503, breaker open
	Internal          // 500 and other 5xx
	Timeout           // no answer within the budget, 408, 504
	Canceled          // the caller went away
	Malformed         // the body is not JSON, not FHIR, cut off or over a limit
	Incomplete        // part was read, and the rest could not be
	Conflict          // 409, 412, a compare-and-set that lost
	Moved             // the patient's record was merged into another
)

var kindNames = [...]string{"unknown", "invalid", "unauthorized", "forbidden", "not-found", "unsupported", "rate-limited",
	"unavailable", "internal", "timeout", "canceled", "malformed", "incomplete", "conflict", "moved"}

// Error is the kind's name, such as "rate-limited"; it holds no PHI.
func (k Kind) Error() string { return k.String() }

// String is the kind's name.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[Unknown]
}

// Fault is the one error type that crosses packages.
type Fault struct {
	Op         string        // what was under way, from a closed set, such as "search"; no PHI
	Kind       Kind          // what sort of fault
	Source     SourceID      // the source at fault; empty when it is ours
	Status     int           // the upstream's HTTP status; 0 without one
	RetryAfter time.Duration // how long the upstream asks us to wait; 0 when it did not say
	Err        error         // the cause; may hold PHI, so Error never prints it
}

// Error is op, source, kind and status, and never the cause.
func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.Op)
	if f.Source != "" {
		b.WriteString(" at " + string(f.Source))
	}
	b.WriteString(": " + f.Kind.String())
	if f.Status != 0 {
		b.WriteString(" (HTTP " + strconv.Itoa(f.Status) + ")")
	}
	return b.String()
}

// Unwrap gives the kind and the cause to errors.Is and errors.As.
func (f *Fault) Unwrap() []error {
	if f.Err == nil {
		return []error{f.Kind}
	}
	return []error{f.Kind, f.Err}
}

// KindOf is the Kind of the first Fault or Kind in err's tree, or Unknown.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	var k Kind
	if errors.As(err, &k) {
		return k
	}
	return Unknown
}
