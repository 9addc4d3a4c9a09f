package graphql

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync"

	gql "github.com/graph-gophers/graphql-go"
	gqlerrors "github.com/graph-gophers/graphql-go/errors"

	"concord/fhir"
	"concord/smart"
)

// Engine executes requests. It is made once, by New, and is safe for concurrent use.
type Engine struct {
	schema *gql.Schema
	types  types
	intro  func() (*metadata, error)
}

// parallelism is how many resolvers of a request may wait for the backend at once.
const parallelism = 32

// New binds the schema. It fails only when the generated code does not fit it.
func New() (*Engine, error) {
	s, err := gql.ParseSchema(schemaText, root{},
		gql.Tracer(guard{}), gql.PanicHandler(quiet{}), gql.Logger(quiet{}), gql.DisableFieldSelections(),
		gql.MaxParallelism(parallelism), gql.OverlapValidationLimit(20_000), gql.MaxSelections(20_000),
		gql.RestrictIntrospection(func(context.Context) bool { return false }))
	if err != nil {
		return nil, err
	}
	return &Engine{schema: s, types: newTypes(s.AST()), intro: sync.OnceValues(newMetadata)}, nil
}

// Schema is the schema in GraphQL's own language.
func (e *Engine) Schema() string { return schemaText }

// quiet is where panics go: what they say may be PHI.
type quiet struct{}

// LogPanic says nothing.
func (quiet) LogPanic(context.Context, any) {}

// MakePanicError says nothing of the cause.
func (quiet) MakePanicError(context.Context, any) *gqlerrors.QueryError {
	f := internal()
	return &gqlerrors.QueryError{Message: f.text, ResolverError: f}
}

// Execute answers one request. b and g are the caller's: what g does not cover is not asked of b. It comes back soon
// after ctx has ended.
func (e *Engine) Execute(ctx context.Context, req Request, b Backend, g smart.Grant, lim Limits) (out Response) {
	defer func() {
		if recover() != nil {
			out = refusal(http.StatusInternalServerError, internal())
		}
	}()
	lim = lim.orDefault()
	if len(req.Query) > lim.Query {
		return refuse(fail(codeCostly, "the query is too long"))
	}
	d, err := parse(req.Query)
	if err != nil {
		return refuse(err)
	}
	m, err := d.measure(req.OperationName, lim)
	if err != nil {
		return refuse(err)
	}
	if m.op.kind != "query" {
		return onlyQueries(m.op.kind, req.Get)
	}
	if req.Instance != (Name{}) && (m.schema || !offered(string(req.Instance.Type)) || !fhir.LegalID(req.Instance.ID)) {
		return refuse(fail(codeUnsupported, "this can't be asked of an instance"))
	}
	w, text, err := d.rewrite(e.types, req.Instance)
	if err != nil {
		return refuse(err)
	}
	vars := maps.Clone(req.Variables)
	if errs := e.schema.ValidateWithVariables(text, vars); len(errs) > 0 {
		return refusal(http.StatusBadRequest, w.invalid(text, errs, lim.Errors)...)
	}
	if m.schema {
		return e.introspect(m.op, arguments{d, m.op, vars}, lim)
	}
	return e.execute(ctx, &work{req: req, d: d, m: m, w: w, text: text, vars: vars}, newRun(g, b, lim))
}

// onlyQueries refuses what is not a query.
func onlyQueries(kind string, get bool) Response {
	out := refuse(fail(codeUnsupported, "only queries are offered"))
	if get && kind == "mutation" {
		out.Status, out.Allow = http.StatusMethodNotAllowed, http.MethodPost
	}
	return out
}

// refuse is the answer to a request that is not executed.
func refuse(err error) Response {
	var f *failure
	if !errors.As(err, &f) {
		f = internal()
	}
	return refusal(http.StatusBadRequest, f)
}

// refusal is an answer without data.
func refusal(status int, all ...*failure) Response {
	return Response{Status: status, Body: append(appendErrors([]byte{'{'}, all), '}'), Broken: anyInternal(all), Errors: len(all)}
}

func anyInternal(all []*failure) bool {
	return slices.ContainsFunc(all, func(f *failure) bool { return f.code == codeInternal })
}

func appendErrors(dst []byte, all []*failure) []byte {
	dst = append(dst, `"errors":[`...)
	for i, f := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = f.append(dst)
	}
	return append(dst, ']')
}

// invalid makes the errors of validation ours: the executor's repeat what the client wrote, and guess at what is there.
func (w *rewriter) invalid(executed string, errs []*gqlerrors.QueryError, most int) (out []*failure) {
	for _, e := range errs {
		f := fail(codeInvalid, ruleText(e.Rule))
		if errors.Is(e, gqlerrors.ErrSyntax) {
			f.code = codeSyntax
		}
		if e.Rule == "OverlapValidationLimitExceeded" {
			f.code = codeCostly
		}
		if len(e.Locations) > 0 {
			f.at = w.original(executed, location{e.Locations[0].Line, e.Locations[0].Column})
		}
		if out = append(out, f); len(out) == most {
			break
		}
	}
	return out
}
