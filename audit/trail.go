package audit

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"concord"
)

// Sink takes events. It is safe for concurrent use and passes sinktest.Run.
type Sink interface {
	// Append returns nil only when e would survive a power cut or, for a sink that is not Durable, was handed over whole; an
	// event whose Append began after another's had returned comes after it. Its errors are *concord.Fault: Unavailable (the
	// disk, the far end, or the sink is closed), Timeout (ctx ended first), Canceled (its caller went away) and Invalid (e
	// can't be kept at all). A failed Append leaves no record, with one exception: when ctx ends, the process dies or a far
	// end does not answer while the write is under way, the record may be there. So a record may lack its answer, and an
	// answer never lacks its record.
	Append(ctx context.Context, e Event) error

	// Health is nil when the last attempt to write succeeded. Otherwise it tries again, with a record of the sink's own, and
	// tells how that went, by the same faults as Append: so a sink becomes healthy again although no request is let through.
	Health(ctx context.Context) error

	// Durable tells whether Append's nil proves that e survives a power cut. It is always the same for one sink.
	Durable() bool

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

// NewTrail returns a trail over sinks, which it closes. The key makes the pseudonyms that stand for user names (see
// PseudonymKey); without one a pseudonym is a plain hash, which someone with a list of user names can invert. A nil sink, or
// a list without a durable one, is Invalid: the promise that whatever was answered is in the trail needs a sink that can
// keep it, and the others stand beside it.
func NewTrail(key []byte, sinks ...Sink) (*Trail, error) {
	durable := false
	for _, s := range sinks {
		if s == nil {
			return nil, invalid("audit trail", "nil sink")
		}
		durable = durable || s.Durable()
	}
	if !durable {
		return nil, invalid("audit trail", "no durable sink")
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
	return t.all(func(s Sink) error { return s.Append(ctx, e) })
}

// Health tells whether Record can be expected to succeed, for readiness: after a failure it is an error until a sink has
// written again. Its errors are those of Record.
func (t *Trail) Health(ctx context.Context) error {
	return t.all(func(s Sink) error { return s.Health(ctx) })
}

// all asks every sink at once, and returns the first error in their order.
func (t *Trail) all(do func(Sink) error) error {
	if len(t.sinks) == 1 {
		return guarded(t.sinks[0], do)
	}
	errs := make([]error, len(t.sinks))
	var wg sync.WaitGroup
	for i, s := range t.sinks {
		wg.Go(func() { errs[i] = guarded(s, do) })
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

// clean is e as it may be written: stamped, bounded, and without what is not known to be an id.
func (t *Trail) clean(e Event) Event {
	if e.Time.IsZero() {
		e.Time = time.Now()
	}
	if e.PrincipalID != "" && !opaque(e.PrincipalID) {
		e.PrincipalID = Pseudonym(t.key, e.PrincipalID)
	}
	if !resourceID(e.ResourceID) {
		e.ResourceID = ""
	}
	if !resourceID(e.Person) {
		e.Person = ""
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

// guarded does something with a sink, with a panic made a fault: a sink must not take the gateway down, nor be passed over.
func guarded(s Sink, do func(Sink) error) (err error) {
	defer func() {
		if recover() != nil {
			err = &concord.Fault{Op: "audit append", Kind: concord.Internal}
		}
	}()
	err = do(s)
	var f *concord.Fault
	if err == nil || errors.As(err, &f) {
		return err
	}
	return &concord.Fault{Op: "audit append", Kind: concord.Unavailable, Err: err}
}

func invalid(op, what string) error {
	return &concord.Fault{Op: op, Kind: concord.Invalid, Err: errors.New(what)}
}
