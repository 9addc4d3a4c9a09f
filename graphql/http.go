package graphql

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// Refused is the error of ParseHTTP: the request is not one that is executed.
type Refused struct{ Response Response }

// Error says no more than the status.
func (r *Refused) Error() string { return "graphql: " + http.StatusText(r.Response.Status) }

func refused(status int, c code, text string) error {
	r := &Refused{refusal(status, fail(c, text))}
	if status == http.StatusMethodNotAllowed {
		r.Response.Allow = "GET, POST"
	}
	return r
}

// ParseHTTP reads a request: GET with query, variables and operationName, POST with a JSON object of these, or POST with
// the query as application/graphql. Forms and plain text, which a browser sends to any site without asking it, are not
// taken, and neither are lists of requests. Its error is a *Refused. The body is not bounded here but for its parts.
func ParseHTTP(r *http.Request, lim Limits) (Request, error) {
	lim = lim.orDefault()
	switch r.Method {
	case http.MethodGet:
		return parseGet(r.URL.RawQuery, lim)
	case http.MethodPost:
	default:
		return Request{}, refused(http.StatusMethodNotAllowed, codeUnsupported, "a query comes by GET or POST")
	}
	t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || t != "application/json" && t != "application/graphql" {
		return Request{}, refused(http.StatusUnsupportedMediaType, codeUnsupported, "the body of a query is application/json or application/graphql")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, int64(2*(lim.Query+lim.Variables))))
	if err != nil || len(body) == 2*(lim.Query+lim.Variables) {
		return Request{}, refused(http.StatusRequestEntityTooLarge, codeCostly, "the body is too long")
	}
	if t == "application/graphql" {
		return checked(Request{Query: string(body)}, 0, lim)
	}
	return parseJSON(body, lim)
}

func parseGet(query string, lim Limits) (Request, error) {
	bad := refused(http.StatusBadRequest, codeInput, "the parameters can't be read")
	q, err := url.ParseQuery(query)
	if err != nil {
		return Request{}, bad
	}
	for _, n := range []string{"query", "variables", "operationName"} {
		if len(q[n]) > 1 {
			return Request{}, bad
		}
	}
	out := Request{Query: q.Get("query"), OperationName: q.Get("operationName"), Get: true}
	vars := q.Get("variables")
	if len(vars) > lim.Variables {
		return Request{}, refused(http.StatusBadRequest, codeCostly, "the variables are too long")
	}
	if vars != "" && json.Unmarshal([]byte(vars), &out.Variables) != nil {
		return Request{}, bad
	}
	return checked(out, len(vars), lim)
}

func parseJSON(body []byte, lim Limits) (Request, error) {
	var in struct {
		Query         string
		OperationName *string
		Variables     json.RawMessage
		Extensions    json.RawMessage
	}
	if strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "[") {
		return Request{}, refused(http.StatusBadRequest, codeUnsupported, "one request at a time")
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	if err := d.Decode(&in); err != nil {
		return Request{}, refused(http.StatusBadRequest, codeInput, "the body is not a request in JSON")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return Request{}, refused(http.StatusBadRequest, codeInput, "the body is not a request in JSON")
	}
	out := Request{Query: in.Query}
	if in.OperationName != nil {
		out.OperationName = *in.OperationName
	}
	if len(in.Variables) > 0 && json.Unmarshal(in.Variables, &out.Variables) != nil {
		return Request{}, refused(http.StatusBadRequest, codeInput, "variables are an object")
	}
	return checked(out, len(in.Variables), lim)
}

func checked(r Request, variables int, lim Limits) (Request, error) {
	switch {
	case strings.TrimSpace(r.Query) == "":
		return Request{}, refused(http.StatusBadRequest, codeInput, "there is no query")
	case len(r.Query) > lim.Query:
		return Request{}, refused(http.StatusBadRequest, codeCostly, "the query is too long")
	case variables > lim.Variables:
		return Request{}, refused(http.StatusBadRequest, codeCostly, "the variables are too long")
	}
	return r, nil
}
