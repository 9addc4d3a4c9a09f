package app

import (
	"net/http"
	"strings"

	"concord/internal/config"
	"concord/portal"
)

// front is all that the public listener serves: the API, and what browsers are shown beside it.
func front(api http.Handler, p config.Portal) http.Handler {
	if !p.GraphiQL {
		return api
	}
	editor := portal.GraphiQL()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/graphiql" || strings.HasPrefix(r.URL.Path, "/graphiql/") {
			editor.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	})
}
