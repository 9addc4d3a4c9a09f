package graphql

import (
	"errors"

	"concord"
	"concord/fhir"
	"concord/smart"
)

// code is extensions.code of an error, from a closed set.
type code string

const (
	codeForbidden   code = "FORBIDDEN"
	codeNotFound    code = "NOT_FOUND"
	codeUnavailable code = "UNAVAILABLE" // sources did not answer
	codeIncomplete  code = "INCOMPLETE"  // some source did not; the data are what the others gave
	codeInput       code = "BAD_USER_INPUT"
	codeUnsupported code = "UNSUPPORTED"
	codeCostly      code = "QUERY_TOO_COSTLY"
	codeSyntax      code = "GRAPHQL_PARSE_FAILED"
	codeInvalid     code = "GRAPHQL_VALIDATION_FAILED"
	codeCanceled    code = "CANCELED"
	codeInternal    code = "INTERNAL"
)

// issueType is the code of the OperationOutcome that goes with an error.
func (c code) issueType() string {
	switch c {
	case codeForbidden:
		return "forbidden"
	case codeNotFound:
		return "not-found"
	case codeUnavailable:
		return "transient"
	case codeIncomplete:
		return "incomplete"
	case codeUnsupported:
		return "not-supported"
	case codeCostly:
		return "too-costly"
	case codeInput, codeSyntax, codeInvalid:
		return "invalid"
	case codeCanceled:
		return "timeout"
	default:
		return "exception"
	}
}

// location is a place in the query.
type location struct{ line, column int }

// failure is an error of one place of the query. Its text is ours, and holds no PHI.
type failure struct {
	code  code
	text  string
	scope string       // one that would have sufficed
	kind  concord.Kind // of the fault behind it
	at    location     // zero: not told
	path  []any
}

// Error is the text.
func (f *failure) Error() string { return f.text }

func fail(c code, text string) *failure { return &failure{code: c, text: text} }

// internal is the failure of what must not happen.
func internal() *failure { return fail(codeInternal, "something went wrong here") }

// ofGrant is the failure of a grant's refusal.
func ofGrant(err error) *failure {
	f := fail(codeForbidden, "the token does not cover this")
	var m *smart.Missing
	if errors.As(err, &m) {
		f.scope = m.Scope
	}
	return f
}

// ofBackend is the failure of an answer without resources.
func ofBackend(a Answer) *failure {
	var own *failure
	if errors.As(a.Err, &own) {
		return own
	}
	f := ofKind(a.Err)
	f.kind = concord.KindOf(a.Err)
	if len(a.Issues) > 0 && a.Issues[0].Text != "" && f.code != codeForbidden && f.code != codeInternal {
		f.text = a.Issues[0].Text
	}
	return f
}

func ofKind(err error) *failure {
	switch concord.KindOf(err) {
	case concord.Forbidden:
		var fault *concord.Fault
		if errors.As(err, &fault) && fault.Source != "" {
			return fail(codeUnavailable, "a source does not let us read this")
		}
		return ofGrant(err)
	case concord.NotFound, concord.Moved:
		return fail(codeNotFound, "there is no such resource")
	case concord.Invalid:
		return fail(codeInput, "these arguments can't be answered")
	case concord.Unsupported:
		return fail(codeUnsupported, "this can't be asked for")
	case concord.Canceled:
		return fail(codeCanceled, "the request was ended")
	case concord.Unknown, concord.Internal:
		return internal()
	default:
		return fail(codeUnavailable, "the sources did not answer")
	}
}

// append appends an error as the answer has it, with an OperationOutcome of its own.
func (f *failure) append(dst []byte) []byte {
	dst = append(dst, `{"message":`...)
	dst = fhir.AppendString(dst, f.text)
	if f.at.line > 0 {
		dst = appendInt(append(dst, `,"locations":[{"line":`...), f.at.line)
		dst = append(appendInt(append(dst, `,"column":`...), f.at.column), `}]`...)
	}
	if len(f.path) > 0 {
		dst = append(dst, `,"path":[`...)
		for i, p := range f.path {
			if i > 0 {
				dst = append(dst, ',')
			}
			switch p := p.(type) {
			case string:
				dst = fhir.AppendString(dst, p)
			case int:
				dst = appendInt(dst, p)
			default:
				dst = append(dst, "null"...)
			}
		}
		dst = append(dst, ']')
	}
	dst = append(dst, `,"extensions":{"code":"`+string(f.code)+`"`...)
	if f.scope != "" {
		dst = fhir.AppendString(append(dst, `,"scope":`...), f.scope)
	}
	dst = append(dst, `,"resource":`...)
	dst = appendOutcome(dst, []Issue{{Severity: "error", Code: f.code.issueType(), Text: f.text}})
	return append(dst, `}}`...)
}

// appendOutcome appends an OperationOutcome of the issues.
func appendOutcome(dst []byte, issues []Issue) []byte {
	dst = append(dst, `{"resourceType":"OperationOutcome","issue":[`...)
	for i, x := range issues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = fhir.AppendString(append(dst, `{"severity":`...), x.Severity)
		dst = fhir.AppendString(append(dst, `,"code":`...), x.Code)
		dst = append(dst, `,"details":{`...)
		if x.Source != "" {
			dst = append(dst, `"coding":[{"system":"urn:concord:source","code":`...)
			dst = append(fhir.AppendString(dst, string(x.Source)), `}],`...)
		}
		dst = append(fhir.AppendString(append(dst, `"text":`...), x.Text), '}')
		if x.Type != "" {
			dst = append(fhir.AppendString(append(dst, `,"expression":[`...), string(x.Type)), ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}
