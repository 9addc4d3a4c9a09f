package portal

import (
	"embed"
	"net/http"
	"path"
)

// graphiQLPath is where GraphiQL stands.
const graphiQLPath = "/graphiql"

//go:embed graphiql thirdparty
var pages embed.FS

// graphiQLFiles are the parts of the page, by the last part of their URL.
var graphiQLFiles = map[string]string{
	"":                            "graphiql/index.html",
	"start.js":                    "graphiql/start.js",
	"page.css":                    "graphiql/page.css",
	"graphiql.min.js":             "thirdparty/graphiql/graphiql.min.js",
	"graphiql.min.css":            "thirdparty/graphiql/graphiql.min.css",
	"react.production.min.js":     "thirdparty/react/react.production.min.js",
	"react-dom.production.min.js": "thirdparty/react/react-dom.production.min.js",
}

// graphiQLPolicy lets the page load nothing from elsewhere and speak to nobody else. Its editor sets styles of its own.
const graphiQLPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src data:; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// GraphiQL is an editor for GraphQL queries, at /graphiql and below. The user gives it an access token, which it keeps in
// memory only.
func GraphiQL() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := ""
		if r.URL.Path != graphiQLPath {
			name = path.Base(r.URL.Path)
		}
		file, ok := graphiQLFiles[name]
		if !ok || r.URL.Path != graphiQLPath && path.Dir(r.URL.Path) != graphiQLPath {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", graphiQLPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin") // the portal's too: it may hand its token over
		h.Set("Cache-Control", "no-cache")
		http.ServeFileFS(w, r, pages, file)
	})
}
