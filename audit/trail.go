package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"concord"
)

// Sink keeps events for good. It is safe for concurrent use and passes sinktest.Run. Append returns nil only when e would
// survive a power cut; an event whose Append began after another's had returned comes after it. Its errors are
// *concord.Fault: Unavailable (the disk, or the sink is closed), Timeout (ctx ended first) and Invalid (e can't be kept at
// all). A failed Append leaves no record, with one exception: when ctx ends, or the process dies, while the write is under
// way, the record may be there. So a record may lack its answer, and an answer never lacks its record.
type Sink interface {
	Append(ctx context.Context, e Event) error
	// Close makes what was appended final and frees the sink; closing twice is no fault.
	Close() error
}

// RecordBudget bounds how long Trail.Record waits for the sinks.
const RecordBudget = 5 * time.Second

// maxText bounds a text field, in bytes: tokens are issued by others, and a record must fit its line.
const maxText = 1024

// Trail writes each event to all of its sinks.
type Trail struct {
	key   []byte
	sinks []Sink
}

// NewTrail returns a trail over sinks, which it closes. The key makes the pseudonyms that stand for user names; without
// one a pseudonym is a plain hash, which someone with a list of user names can invert. An empty list of sinks, or a nil
// one, is Invalid: there is no such thing as a trail that goes nowhere.
func NewTrail(key []byte, sinks ...Sink) (*Trail, error) {
	if len(sinks) == 0 {
		return nil, invalid("audit trail", "no sink")
	}
	for _, s := range sinks {
		if s == nil {
			return nil, invalid("audit trail", "nil sink")
		}
	}
	return &Trail{key: append([]byte(nil), key...), sinks: append([]Sink(nil), sinks...)}, nil
}

// Record makes e durable in every sink, or fails: then the request must be refused and nothing of the answer may leave.
// The client's hanging up does not stop it; RecordBudget does. Its errors are *concord.Fault: Invalid, Unavailable,
// Timeout, or Internal when a sink panicked.
func (t *Trail) Record(ctx context.Context, e Event) error {
	if e.Type == EventNone || int(e.Type) >= len(eventNames) || e.Type.OfSink() {
		return invalid("audit record", "event type")
	}
	e = t.clean(e)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RecordBudget)
	defer cancel()
	if len(t.sinks) == 1 {
		return appendTo(ctx, t.sinks[0], e)
	}
	errs := make([]error, len(t.sinks))
	var wg sync.WaitGroup
	for i, s := range t.sinks {
		wg.Go(func() { errs[i] = appendTo(ctx, s, e) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Close closes every sink, and returns the first error.
func (t *Trail) Close() error {
	var first error
	for _, s := range t.sinks {
		if err := s.Close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// Pseudonym stands for s in the trail: the same s gives the same pseudonym, and whoever lacks the key can't tell which s.
func (t *Trail) Pseudonym(s string) string {
	if len(t.key) == 0 {
		return DigestOf(s).String()
	}
	m := hmac.New(sha256.New, t.key)
	m.Write([]byte("concord.audit.pseudonym.v1\x00"))
	m.Write([]byte(s))
	return "hmac-sha256:" + hex.EncodeToString(m.Sum(nil))
}

// clean is e as it may be written: stamped, bounded, and without what is not known to be an id.
func (t *Trail) clean(e Event) Event {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.PrincipalID != "" && !opaque(e.PrincipalID) {
		e.PrincipalID = t.Pseudonym(e.PrincipalID)
	}
	if !resourceID(e.ResourceID) {
		e.ResourceID = ""
	}
	if !resourceType(e.ResourceType) {
		e.ResourceType = ""
	}
	for _, s := range []*string{&e.RequestID, &e.PrincipalRole, &e.TenantID, &e.ClientID, &e.Route, &e.MissingScope} {
		*s = bounded(*s)
	}
	if i := strings.IndexAny(e.Route, "?#"); i >= 0 { // a template has no query; whoever passed one passed a URL
		e.Route = e.Route[:i]
	}
	for i, s := range e.Scopes {
		if len(s) > maxText {
			e.Scopes = append([]string(nil), e.Scopes...)
			e.Scopes[i] = bounded(s)
		}
	}
	return e
}

// opaque tells whether s looks like an id rather than a user name or an address: ids have digits, and neither blanks, @
// nor a backslash. It errs towards pseudonyms.
func opaque(s string) bool {
	digits := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.IndexByte("-_.:/|", c) >= 0:
		default:
			return false
		}
	}
	return digits > 0 && len(s) <= 255
}

// resourceID tells whether s is a legal FHIR id (R4 datatypes, id).
func resourceID(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '.' {
			return false
		}
	}
	return len(s) <= 64
}

// resourceType tells whether s has the form of a type's name.
func resourceType(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'A' || c > 'Z') && (i == 0 || c < 'a' || c > 'z') {
			return false
		}
	}
	return len(s) <= 64
}

// bounded cuts s to maxText bytes, between two runes.
func bounded(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// appendTo is one sink's Append with a panic made a fault: a sink must not take the gateway down, nor be passed over.
func appendTo(ctx context.Context, s Sink, e Event) (err error) {
	defer func() {
		if recover() != nil {
			err = &concord.Fault{Op: "audit append", Kind: concord.Internal}
		}
	}()
	err = s.Append(ctx, e)
	var f *concord.Fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &concord.Fault{Op: "audit append", Kind: concord.Unavailable, Err: err}
}

func invalid(op, what string) error {
	return &concord.Fault{Op: op, Kind: concord.Invalid, Err: errors.New(what)}
}
