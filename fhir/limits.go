package fhir

// Limits bound what Parse accepts beyond JSON itself. A zero field means the default.
type Limits struct {
	Bytes int // size of the document in bytes; default 64 MiB, at most 2 GiB
	Depth int // nesting of objects and arrays; default 64
}

// maxMembers bounds the members of one object: FHIR's widest element has fewer than 60, and the check for duplicate
// names is quadratic.
const maxMembers = 512

const (
	defaultBytes = 64 << 20
	maxBytes     = 2 << 30
	defaultDepth = 64
)

// Reason says why a document was refused, from a closed set, without any of its content.
type Reason uint8

// The reasons. All but Syntax are limits of this scanner beyond RFC 8259.
const (
	Syntax       Reason = iota + 1 // not JSON, or cut off
	TooLarge                       // more than Limits.Bytes
	TooDeep                        // nested deeper than Limits.Depth
	TooWide                        // an object of more than 512 members
	DuplicateKey                   // an object names a member twice
	EscapedKey                     // a member's name holds an escape; FHIR has no such name, and it could hide one
	InvalidUTF8                    // a string is not UTF-8
	NotAResource                   // not an object with a resourceType
	NotABundle                     // a resource, but not a Bundle
)

var reasonNames = [...]string{"", "not JSON, or cut off", "larger than the limit", "nested too deep", "an object with too many members",
	"a member named twice", "a member's name with an escape", "not UTF-8", "not a FHIR resource", "not a Bundle"}

// String says the reason in words without PHI.
func (r Reason) String() string { return reasonNames[r] }

// ParseError tells where and why a document was refused. It holds none of the document.
type ParseError struct {
	Offset int // byte at which the fault was seen
	Reason Reason
}

// Error is the reason.
func (e *ParseError) Error() string { return "fhir: " + e.Reason.String() }
