package graphql

import (
	"context"

	"github.com/graph-gophers/graphql-go/errors"
	"github.com/graph-gophers/graphql-go/introspection"

	"concord/fhir"
)

// guard sees every field before it is resolved. It counts, and it is the net under the edges: content of a type that the
// grant does not cover in any way ends the request, however it came here. It knows types only; what a grant says of
// content is for the fetch and the edges.
type guard struct{}

func noField(*errors.QueryError)   {}
func noQuery([]*errors.QueryError) {}

// TraceQuery changes nothing.
func (guard) TraceQuery(ctx context.Context, _, _ string, _ map[string]any, _ map[string]*introspection.Type) (context.Context, func([]*errors.QueryError)) {
	return ctx, noQuery
}

// TraceField lets the field be resolved or not: with a context that has ended it is not, nor are those within it.
func (guard) TraceField(ctx context.Context, _, typeName, fieldName string, _ bool, _ map[string]any) (context.Context, func(*errors.QueryError)) {
	s, ok := ctx.(*scope)
	if !ok {
		return denied{ctx}, noField
	}
	s.run.executes(fieldName)
	if owner, ok := ownerOf(typeName); !ok || owner != "" && !s.run.shows(fhir.ResourceType(owner)) {
		_ = s.run.end(internal()) // __typename is resolved whatever the context says
		return denied{ctx}, noField
	}
	return ctx, noField
}

// shows tells whether content of a type may be in the answer at all.
func (r *run) shows(t fhir.ResourceType) bool {
	return r.allows(right{typ: t, how: fhir.Read}) == nil || r.allows(right{typ: t, how: fhir.SearchType}) == nil
}

// denied is a context that has ended.
type denied struct{ context.Context }

// Err says so.
func (denied) Err() error { return ofGrant(nil) }
