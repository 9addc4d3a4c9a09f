package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"time"

	"concord"
)

// Event is one record of the trail. The set of fields is closed, and none has room for PHI: ids are opaque, the route is
// a template, what a client or an upstream wrote is hashed or left out. Still, ids, addresses and times about a person
// are among the identifiers of 45 CFR 164.514(b)(2), so the trail is content-free and not public.
type Event struct {
	Type      EventType
	Time      time.Time // when it was decided; written in UTC with milliseconds. Zero: Trail.Record's time
	RequestID string    // the gateway's own id of the request, never the client's

	// The caller; all of it from a verified token, and empty without one.
	PrincipalID   string // opaque; Trail.Record puts a pseudonym for what looks like a user name
	PrincipalRole string // such as "physician"
	TenantID      string
	ClientID      string // the OAuth client

	// The question.
	ResourceType string      // a type that the gateway knows, never a word of the URL; empty when there is none
	ResourceID   string      // opaque logical id, only once it is known to be one; empty: left out
	Person       string      // opaque id of the person whose record was asked for, once the index knows; empty: left out
	Interaction  Interaction //
	Scopes       []string    // those that granted this access, none else
	Method       Method      //
	Route        string      // the template, such as "/fhir/r4/Patient/{id}"
	SourceIP     netip.Addr  // the peer's address; zero is written as ""
	UserAgent    Digest      // DigestOf the header

	// The answer.
	Status       int           // HTTP
	Outcome      Outcome       //
	Elapsed      time.Duration // until the answer was ready; written in whole milliseconds
	BreakGlass   bool          // limits were lifted; the record is written as elevated
	Denied       Denial        // for EventDenied
	MissingScope string        // for InsufficientScope: the scope that would have done, made by the gateway
	Disclosed    []Disclosure  // how many resources of each type left
	Sources      []SourceAccess

	Link       *LinkChange // for EventLinkChanged
	Config     Digest      // for EventConfigChanged: the digest of the configuration
	Seal       *Seal       // for EventSealed
	Checkpoint *Checkpoint // for EventCheckpoint
}

// Disclosure is how many resources of one type an answer held.
type Disclosure struct {
	Type  string // FHIR resource type
	Count int
}

// SourceAccess is what one source did for a federated request.
type SourceAccess struct {
	Source    concord.SourceID
	Outcome   SourceOutcome
	Resources int           // returned by the source
	Elapsed   time.Duration // written in whole milliseconds
}

// LinkChange is a change of who is who.
type LinkChange struct {
	Action  LinkAction
	Person  string // the opaque id of the person
	Patient string // the source record as the gateway serves it, {source}.{id}
	Grade   string // certain, probable or possible
}

// Seal tells of bytes cut off a segment: a record that was begun and never answered for. With the cause Unanswered nothing
// was cut off: the segment stands, and its records lack their answers.
type Seal struct {
	Segment string // file name, without the directory
	Bytes   int64  // cut off; 0 when a write failed before its first byte
	Digest  Digest // of the bytes; zero (left out) when they were not readable
	Refused int    // records whose writing failed and whose requests were refused; 0 when found at start
	Cause   SealCause
}

// Checkpoint states the chain's head just before the record that carries it. Unsigned, it proves nothing against someone
// who can rewrite the whole trail, and only serves comparison with a copy kept elsewhere; signed, it proves that whoever
// held the key vouched for every record up to HeadSeq. Neither shows that the tail after it was cut off.
type Checkpoint struct {
	HeadSeq   uint64 // 0: the trail begins here
	Head      Digest
	Every     int    // at most so many records lie between two checkpoints
	KeyID     string // first bytes of the public key's digest, in hex; empty when unsigned
	Signature []byte // Ed25519; nil when unsigned
}

// Digest is a SHA-256. The zero value stands for the digest of nothing.
type Digest [sha256.Size]byte

// DigestOf hashes s, so that it can be recognised and not read. Do not use it for values that can be guessed.
func DigestOf(s string) Digest { return sha256.Sum256([]byte(s)) }

// IsZero tells whether d is the zero value.
func (d Digest) IsZero() bool { return d == Digest{} }

// String is "sha256:" and the digest in hex; for the zero value, the digest of the empty string.
func (d Digest) String() string {
	if d.IsZero() {
		d = sha256.Sum256(nil)
	}
	return "sha256:" + hex.EncodeToString(d[:])
}
