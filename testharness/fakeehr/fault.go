package fakeehr

import (
	"sync"
	"time"
)

// Kind is a way of misbehaving.
type Kind string

// The ways of misbehaving. Unless the comment says otherwise the answer's status is 200.
const (
	Slow          Kind = "slow"           // a good answer after Delay
	Hang          Kind = "hang"           // no answer, until the client goes away
	ServerError   Kind = "500"            // an HTML error page
	BadGateway    Kind = "502"            // an HTML error page of a proxy
	Unavailable   Kind = "503"            // with Retry-After
	Throttled     Kind = "429"            // with Retry-After
	Forbidden     Kind = "403"            // as the vendor says it
	NotFound      Kind = "404"            // as the vendor says it
	Unauthorized  Kind = "401"            // as for a token that has expired, though it may not have
	RequiredField Kind = "500-required"   // Cerner: 500 fatal/required, one bad record fails the search
	BadJSON       Kind = "bad-json"       // not JSON
	HTML          Kind = "html"           // a page of HTML, as gateways give it
	Empty         Kind = "empty"          // no body
	Truncated     Kind = "truncated"      // cut half way, the connection broken
	CutClean      Kind = "cut-clean"      // cut half way, and ended as if that were all
	Trickle       Kind = "trickle"        // a byte per Delay, or per second
	Reset         Kind = "reset"          // the connection reset without an answer
	WrongPatient  Kind = "wrong-patient"  // another patient's resources
	WrongType     Kind = "wrong-type"     // resources of another type
	Endless       Kind = "endless"        // a body without end
	PageFails     Kind = "page-fails"     // the first page is good, later ones are 500
	PageLoop      Kind = "page-loop"      // next leads to the page itself
	ForeignNext   Kind = "foreign-next"   // next leads to another host
	PathNext      Kind = "path-next"      // next leads out of the FHIR base on the same host
	PageExpired   Kind = "page-expired"   // the first page is good, later ones tell of a session that is over
	Redirect      Kind = "redirect"       // 302 to another host
	OutcomeAs200  Kind = "outcome-as-200" // a searchset whose only entry is an OperationOutcome with severity error
	FatalInside   Kind = "fatal-inside"   // a good searchset with a fatal outcome among its entries
	Withheld      Kind = "withheld"       // a good searchset with a warning that part is withheld (Epic 59204)
	TokenFails    Kind = "token-fails"    // the token endpoint: 400 invalid_client
	TokenDown     Kind = "token-down"     // the token endpoint: 503
	TokenGarbage  Kind = "token-garbage"  // the token endpoint: 200 and no JSON
	TokenHangs    Kind = "token-hangs"    // the token endpoint: no answer
)

// Fault is one line of a script. The zero value of a condition means any.
type Fault struct {
	Kind Kind
	// Type is the resource type that is asked for.
	Type string
	// Interaction is "search", "read", "create", "update", "operation", "metadata" or "smart". The faults do not touch
	// metadata and smart unless they are named here.
	Interaction string
	// Method is the HTTP method.
	Method string
	// From is the first matching request that is hit, counted from 1; 0 is the first.
	From int
	// Count is how many matching requests are hit; 0 is all from then on.
	Count int
	// Delay is what Slow waits, and Trickle between bytes; 0 is 1 s.
	Delay time.Duration
	// RetryAfter is the header of that name with Unavailable, BadGateway and Throttled; empty is "1", "-" is without.
	RetryAfter string
	// Location is where Redirect leads; empty is the foreign host.
	Location string
}

func (k Kind) token() bool {
	return k == TokenFails || k == TokenDown || k == TokenGarbage || k == TokenHangs
}

// late tells whether the fault bites only on pages behind the first.
func (k Kind) late() bool { return k == PageFails || k == PageExpired }

// script is the faults in force, with how often each has matched.
type script struct {
	mu     sync.Mutex
	faults []Fault
	seen   []int
}

// Set replaces the script: of the faults that fit a request the first one that is due hits it.
func (e *EHR) Set(faults ...Fault) {
	e.script.mu.Lock()
	defer e.script.mu.Unlock()
	e.script.faults = append([]Fault(nil), faults...)
	e.script.seen = make([]int, len(faults))
}

// Clear ends all faults.
func (e *EHR) Clear() { e.Set() }

// next is the fault that hits a request, or the zero Fault.
func (s *script) next(method, interaction, typ string, token bool) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	hit := Fault{}
	for i, f := range s.faults {
		if f.Kind.token() != token ||
			f.Type != "" && f.Type != typ ||
			f.Method != "" && f.Method != method ||
			f.Interaction != "" && f.Interaction != interaction ||
			f.Interaction == "" && (interaction == "metadata" || interaction == "smart") {
			continue
		}
		s.seen[i]++
		n := s.seen[i]
		if hit.Kind == "" && n >= max(f.From, 1) && (f.Count == 0 || n < max(f.From, 1)+f.Count) {
			hit = f
		}
	}
	return hit
}
