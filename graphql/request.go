package graphql

import (
	"time"

	"concord/fhir"
)

// Request is one GraphQL request. PHI: a query may hold anything.
type Request struct {
	Query         string
	Variables     map[string]any
	OperationName string
	// Instance, when it is set, is the resource that the query is about: its fields are selected at the root.
	Instance Name
	// Strict makes a missing source an error (Prefer: handling=strict).
	Strict bool
	// Get says that the request came by GET, which must not change anything.
	Get bool
}

// Response is what leaves. Its Body is PHI.
type Response struct {
	Status int
	// Allow is the Allow header of a 405; "" otherwise.
	Allow string
	Body  []byte // application/json
	// Disclosed is how many different resources of each type are in Body, contained ones not counted.
	Disclosed map[fhir.ResourceType]int
	Errors    int // that Body lists
	// Denied counts the places of the answer that the grant did not cover.
	Denied int
	// Scope is one that would have covered such a place, for the trail; "" without one.
	Scope string
	// Incomplete says that some source is missing from Body.
	Incomplete bool
	// Broken says that something here, or the Backend, did what must not happen. It is for a log; Body says no more.
	Broken bool
	// Fields is how many fields were executed, for rate limits and metrics.
	Fields int
}

// Limits bound what one request may cost. A zero field means its default. Beyond any of them a request ends with the
// code QUERY_TOO_COSTLY.
type Limits struct {
	Query      int           // bytes of the query text; default 64 KiB
	Variables  int           // bytes of the variables as JSON, which ParseHTTP looks at; default 64 KiB
	Depth      int           // fields within fields; default 12, and 16 for a query of the schema
	Selections int           // fields of the query, fragments expanded; default 1,000
	Aliases    int           // in one selection set; default 30
	Fragments  int           // default 50
	Directives int           // on one field; default 5
	Roots      int           // fields at the root; default 10
	Fields     int           // fields of the answer; default 50,000
	Resources  int           // resources in the answer, each time that it is there; default 10,000
	Searches   int           // different searches; default 50
	References int           // different resources that are read; default 500
	Body       int           // bytes of the answer; default 10 MiB
	Errors     int           // that are listed; default 100
	Time       time.Duration // default 10 s
}

// orDefault is l with every zero field set.
func (l Limits) orDefault() Limits {
	for _, f := range []struct {
		at  *int
		def int
	}{
		{&l.Query, 64 << 10}, {&l.Variables, 64 << 10}, {&l.Depth, 12}, {&l.Selections, 1000}, {&l.Aliases, 30}, {&l.Fragments, 50},
		{&l.Directives, 5}, {&l.Roots, 10}, {&l.Fields, 50_000}, {&l.Resources, 10_000}, {&l.Searches, 50}, {&l.References, 500},
		{&l.Body, 10 << 20}, {&l.Errors, 100},
	} {
		if *f.at <= 0 {
			*f.at = f.def
		}
	}
	if l.Time <= 0 {
		l.Time = 10 * time.Second
	}
	return l
}
