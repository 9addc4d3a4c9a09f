package gateway

import (
	"net/http"
	"net/url"
	"strings"

	"concord/fhir"
)

// basePath is where the FHIR base is below the public URL.
const basePath = "/fhir/r4"

// route is what a request asks for: decided once, from method and path, before anything else looks at them.
type route struct {
	interaction fhir.Interaction
	typ         fhir.ResourceType // "" for the whole system
	id          string            // as in the path, decoded; PHI
	template    string            // the path with {id} in the place of ids, for audit and metrics
	public      bool              // answered without a token
	form        bool              // the parameters are in the body
	built       bool              // false: known, and not offered by this version
}

// operations are those that the gateway knows, and where they stand.
var operations = map[string]struct {
	interaction fhir.Interaction
	on          fhir.ResourceType // the type that it is offered on; "" for any
	instance    bool
	built       bool
}{
	"$everything": {fhir.Everything, "Patient", true, true},
	"$compare":    {fhir.Compare, "Patient", true, true},
	"$explain":    {fhir.Explain, "Patient", true, true},
	"$sources":    {fhir.Sources, "", false, true},
	"$match":      {fhir.Match, "Patient", false, true},
	"$ihe-pix":    {fhir.Pix, "Patient", false, true},
	"$mpi-review": {fhir.Review, "", false, true},
	"$export":     {fhir.Export, "", false, false},
	"$validate":   {fhir.Validate, "", false, true},
	"$graphql":    {fhir.GraphQL, "", false, true},
}

// classify decides what a request asks for. The problem is a 400, 404 or 405, and names nothing of the path.
func classify(method, escapedPath string) (route, *problem) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if escapedPath == "/graphql" {
		return route{interaction: fhir.GraphQL, template: "/graphql", built: true}, nil
	}
	if escapedPath == "/cds-services" || strings.HasPrefix(escapedPath, "/cds-services/") {
		return route{interaction: fhir.CDSHook, template: "/cds-services"}, nil
	}
	rest, ok := strings.CutPrefix(escapedPath, basePath)
	if !ok || rest != "" && rest[0] != '/' {
		return route{template: "other"}, notFound("no such page")
	}
	parts, bad := segments(rest)
	if bad != nil {
		return route{template: basePath + "/other"}, bad
	}
	switch {
	case len(parts) == 1 && parts[0] == "metadata":
		return only(method, route{interaction: fhir.Capabilities, template: basePath + "/metadata", public: true, built: true}, http.MethodGet)
	case len(parts) == 2 && parts[0] == ".well-known" && parts[1] == "smart-configuration":
		return only(method, route{interaction: fhir.Capabilities, template: basePath + "/.well-known/smart-configuration", public: true, built: true}, http.MethodGet)
	case len(parts) == 1 && strings.HasPrefix(parts[0], "$"):
		return operation(method, "", "", parts[0])
	case len(parts) == 0:
		return route{template: basePath}, refuse(http.StatusNotFound, "not-supported", "a batch or a search of the whole system is not offered")
	}
	t := fhir.ResourceType(parts[0])
	if !fhir.KnownType(t) {
		return route{template: basePath + "/{type}"}, refuse(http.StatusNotFound, "not-supported", "no such resource type in R4")
	}
	at := basePath + "/" + parts[0]
	switch {
	case len(parts) == 1 && method == http.MethodGet:
		return route{interaction: fhir.SearchType, typ: t, template: at, built: true}, nil
	case len(parts) == 1:
		return only(method, route{interaction: fhir.Create, typ: t, template: at, built: true}, http.MethodPost)
	case len(parts) == 2 && parts[1] == "_search":
		return only(method, route{interaction: fhir.SearchType, typ: t, template: at + "/_search", form: true, built: true}, http.MethodPost)
	case len(parts) == 2 && parts[1] == "_history":
		return only(method, route{interaction: fhir.History, typ: t, template: at + "/_history"}, http.MethodGet)
	case len(parts) == 2 && strings.HasPrefix(parts[1], "$"):
		return operation(method, t, "", parts[1])
	case len(parts) == 2:
		r := route{typ: t, id: parts[1], template: at + "/{id}"}
		switch method {
		case http.MethodGet:
			r.interaction, r.built = fhir.Read, true
		case http.MethodPut:
			r.interaction = fhir.Update
		case http.MethodPatch:
			r.interaction = fhir.Patch
		case http.MethodDelete:
			r.interaction = fhir.Delete
		default:
			return r, notAllowed()
		}
		return r, nil
	case len(parts) == 3 && strings.HasPrefix(parts[2], "$"):
		return operation(method, t, parts[1], parts[2])
	case len(parts) >= 3 && parts[2] == "_history" && len(parts) <= 4:
		return only(method, route{interaction: fhir.VRead, typ: t, id: parts[1], template: at + "/{id}/_history"}, http.MethodGet)
	}
	return route{template: at + "/other"}, notFound("no such page")
}

func operation(method string, t fhir.ResourceType, id, name string) (route, *problem) {
	op, ok := operations[name]
	r := route{interaction: op.interaction, typ: t, id: id, template: basePath + "/$operation"}
	if !ok || op.on != "" && op.on != t || op.instance != (id != "") && name != "$graphql" && name != "$export" && name != "$validate" ||
		name == "$graphql" && (t == "") != (id == "") || name == "$validate" && t == "" || (name == "$sources" || name == "$mpi-review") && t != "" {
		return r, refuse(http.StatusNotFound, "not-supported", "no such operation here")
	}
	at := basePath
	if t != "" {
		at += "/" + string(t)
	}
	if id != "" {
		at += "/{id}"
	}
	r.template, r.built = at+"/"+name, op.built
	if method == http.MethodPost {
		r.form = true
		return r, nil
	}
	if name == "$validate" || name == "$match" { // what it is about does not fit into a URL
		return r, notAllowed()
	}
	return only(method, r, http.MethodGet)
}

// maxBody is how large the request's body may be.
func (r route) maxBody() int64 {
	switch r.interaction {
	case fhir.GraphQL:
		return maxQuery
	case fhir.Create, fhir.Validate:
		return maxResource
	}
	return maxForm
}

func only(method string, r route, allowed string) (route, *problem) {
	if method != allowed {
		return r, notAllowed()
	}
	return r, nil
}

func notAllowed() *problem {
	return refuse(http.StatusMethodNotAllowed, "not-supported", "this method is not offered here")
}

// segments splits a path and decodes each part once. Route and checks use what this returns, and nothing else.
func segments(p string) ([]string, *problem) {
	if p == "" || p == "/" {
		return nil, nil
	}
	bad := refuse(http.StatusBadRequest, "invalid", "the path is not one of a FHIR request")
	if len(p) > 2048 {
		return nil, bad
	}
	parts := strings.Split(strings.TrimSuffix(p[1:], "/"), "/")
	for i, s := range parts {
		d, err := url.PathUnescape(s)
		if err != nil || d == "" || d == "." || d == ".." || strings.ContainsAny(d, "/\\;\x00") || !printable(d) {
			return nil, bad
		}
		parts[i] = d
	}
	return parts, nil
}

// printable tells whether s is ASCII without control characters, as every legal path here is.
func printable(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
