package audit

// name is the i-th of names, or the first of them for a number beyond the set.
func name(names []string, i uint8) string {
	if int(i) < len(names) {
		return names[i]
	}
	return names[0]
}

// EventType says what happened, from a closed set. The zero value is no event, and is refused.
type EventType uint8

// The types of event. Those of a request carry every field of the request; the audit.* ones are written by sinks only.
const (
	EventNone          EventType = iota
	EventAccess                  // a request that was answered
	EventDenied                  // a request that was refused: 401, 403, 429
	EventBreakGlass              // a request whose limits were lifted in an emergency; elevated
	EventLinkChanged             // the patient index linked or unlinked two records
	EventConfigChanged           // the gateway runs with another configuration
	EventOpened                  // a sink was opened, so the process began
	EventSealed                  // what a crash or a failed write left at a segment's end was cut off
	EventCheckpoint              // the chain's head, signed when there is a key
	EventIntended                // a request that is about to change something at a source: what came of it is another record
)

var eventNames = []string{"none", "fhir.api.access", "fhir.api.denied", "break_glass.used", "mpi.link.changed", "config.changed",
	"audit.opened", "audit.sealed", "audit.checkpoint", "fhir.api.intended"}

// String is the type's name in the trail, such as "fhir.api.access".
func (t EventType) String() string { return name(eventNames, uint8(t)) }

// OfRequest tells whether events of this type describe one request, and so carry all the request's fields.
func (t EventType) OfRequest() bool {
	return t == EventAccess || t == EventDenied || t == EventBreakGlass || t == EventIntended
}

// OfSink tells whether only a sink may write events of this type.
func (t EventType) OfSink() bool { return t == EventOpened || t == EventSealed || t == EventCheckpoint }

// Interaction is what was asked of the FHIR server, by the codes of http://hl7.org/fhir/restful-interaction, and a few
// of our own. The zero value is written as "unknown".
type Interaction uint8

// The interactions.
const (
	UnknownInteraction Interaction = iota
	Read
	VRead
	SearchType
	Create
	Update
	Patch
	Delete
	History
	Batch
	Transaction
	Capabilities
	Operation // such as $everything
	GraphQL
	Export
)

var interactionNames = []string{"unknown", "read", "vread", "search-type", "create", "update", "patch", "delete",
	"history-instance", "batch", "transaction", "capabilities", "operation", "graphql", "export"}

// String is the code.
func (i Interaction) String() string { return name(interactionNames, uint8(i)) }

// Method is an HTTP method from a closed set: a client may send any word as its method, and none of its words belong here.
type Method uint8

// The methods.
const (
	OtherMethod Method = iota
	GET
	HEAD
	POST
	PUT
	PATCH
	DELETE
	OPTIONS
)

var methodNames = []string{"other", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

// String is the method as HTTP writes it, or "other".
func (m Method) String() string { return name(methodNames, uint8(m)) }

// MethodOf is the Method named s, or OtherMethod.
func MethodOf(s string) Method {
	for i, n := range methodNames[1:] {
		if n == s {
			return Method(i + 1) // #nosec G115 -- eight names
		}
	}
	return OtherMethod
}

// Outcome says how a request ended. Whoever sets it has looked at the OperationOutcome of the body too, and not at the
// status alone. The zero value is written as "unknown".
type Outcome uint8

// The outcomes.
const (
	UnknownOutcome Outcome = iota
	Success                // everything that was asked for
	Partial                // answered, but some source failed or was only partly read
	Failure                // no data left, or an error of severity error or fatal did
	Refused                // not allowed, or over a limit
)

var outcomeNames = []string{"unknown", "success", "partial", "failure", "refused"}

// String is the outcome's name.
func (o Outcome) String() string { return name(outcomeNames, uint8(o)) }

// Denial says why a request was refused. The zero value is "not refused", and is left out.
type Denial uint8

// The reasons.
const (
	NotDenied         Denial = iota
	NoToken                  // 401
	InvalidToken             // 401: does not verify, is expired, or is for another audience
	InsufficientScope        // 403: Event.MissingScope names what would have done
	OtherPatient             // 403: a patient/ scope, and the question is about someone else
	OtherCaller              // 403: a page link of another caller
	RateLimited              // 429
	BadBreakGlass            // the emergency header was forged, stale or used before
	ClientCertificate        // 401: mutual TLS is demanded
	Overloaded               // 503: more was asked than could be answered in time
)

var denialNames = []string{"", "no-token", "invalid-token", "insufficient-scope", "other-patient", "other-caller",
	"rate-limited", "bad-break-glass", "client-certificate", "overloaded"}

// String is the reason's code.
func (d Denial) String() string { return name(denialNames, uint8(d)) }

// SourceOutcome says how one source did in a federated request, by the codes that clients see for it. The zero value is
// written as "unknown".
type SourceOutcome uint8

// The outcomes of a source.
const (
	SourceUnknown SourceOutcome = iota
	SourceOK
	SourceTimeout
	SourceTransient
	SourceThrottled
	SourceForbidden
	SourceException
	SourceIncomplete
	SourceNotSupported
	SourceNotFound
	SourceSkipped // not asked: its breaker is open, or the grant does not need it
)

var sourceOutcomeNames = []string{"unknown", "ok", "timeout", "transient", "throttled", "forbidden", "exception", "incomplete",
	"not-supported", "not-found", "skipped"}

// String is the code.
func (o SourceOutcome) String() string { return name(sourceOutcomeNames, uint8(o)) }

// LinkAction is what was done to a link of the patient index. The zero value is written as "unknown".
type LinkAction uint8

// The actions.
const (
	UnknownAction LinkAction = iota
	Linked
	Unlinked
	Confirmed // a reviewer said that a proposed link holds
	Rejected  // a reviewer said that it does not
)

var linkActionNames = []string{"unknown", "linked", "unlinked", "confirmed", "rejected"}

// String is the action's name.
func (a LinkAction) String() string { return name(linkActionNames, uint8(a)) }

// SealCause is why the end of a segment was cut off. The zero value is written as "unknown".
type SealCause uint8

// The causes.
const (
	UnknownCause SealCause = iota
	Torn                   // found at start: a crash or a power cut during a write
	WriteFailed            // a write or a sync failed, and the records in it were refused
	Unanswered             // the far end did not answer in time: the segment's records are there, and their requests were refused
)

var sealCauseNames = []string{"unknown", "torn", "write-failed", "unanswered"}

// String is the cause's name.
func (c SealCause) String() string { return name(sealCauseNames, uint8(c)) }
