package graphql

import (
	"context"

	"concord"
	"concord/federation"
	"concord/fhir"
)

// Backend is where one request's resources come from. It is made for one caller and one request, and is safe for
// concurrent use. What it gives are the gateway's own resources (public ids, references rewritten, marks), already
// narrowed to the caller's grant; references to copies that were merged go to their survivors among all that it gave.
// Errors are *concord.Fault: NotFound and Forbidden for what is not there or not for the caller, Invalid for arguments
// that can't be answered, and otherwise what kept the sources from answering.
type Backend interface {
	// Search answers all of queries in one fan-out: an Answer for each, in their order, whole and not cut into pages.
	// No query is asked twice in a request.
	Search(ctx context.Context, queries []Query) []Answer
	// Read reads one resource: the unified Patient of a person, or one source's copy. An Answer without an error holds
	// one resource, of the type asked for.
	Read(ctx context.Context, l Link) Answer
	// Hold keeps the answer to a query of this request for its further pages, for the same caller, and gives a handle
	// that can't be guessed.
	Hold(ctx context.Context, q Query) (handle string, err error)
	// Held is what Hold kept, narrowed to what the caller's grant covers now. NotFound for anyone else's, and for what
	// is gone.
	Held(ctx context.Context, handle string) (Query, Answer)
}

// Query is a search for resources of one type. PHI.
type Query struct {
	Type fhir.ResourceType
	// Params are search parameters as a URL has them, decoded once and sorted: several of one name must all match, and
	// commas divide alternatives. All are parameters of the type that fhir.ParseFilter knows, or _sort.
	Params []federation.Param
}

// Link leads to one resource. PHI.
type Link struct {
	Type fhir.ResourceType
	ID   string // public
	// From is the resource whose reference led here, by its public name; zero when the client named the resource. Under
	// a patient/ scope some resources may be seen only from others.
	From Name
}

// Name is a resource's public name. PHI. The zero Name names none.
type Name struct {
	Type fhir.ResourceType
	ID   string
}

// Answer is what a search or a read brought. PHI, in Resources.
type Answer struct {
	Resources []fhir.Resource
	// Outcomes say what became of each source that was asked for this answer.
	Outcomes []federation.Outcome
	// Issues are what is to be told of the answer: what is missing, what sources said of it, what was ignored.
	Issues []Issue
	// Partial says that some source is missing from Resources.
	Partial bool
	// Err says that there is no answer.
	Err error
}

// Issue is one issue of an OperationOutcome. It holds no PHI and nothing that a source or a client wrote.
type Issue struct {
	Severity string            // error, warning or information
	Code     string            // http://hl7.org/fhir/issue-type
	Source   concord.SourceID  // which source it is about; "" for none
	Type     fhir.ResourceType // which resource type it is about; "" for none
	Text     string
}
