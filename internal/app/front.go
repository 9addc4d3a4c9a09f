package app

import (
	"net/http"
	"strings"

	"concord/internal/config"
	"concord/portal"
)

// front is all that the public listener serves: the API, and what browsers are shown beside it.
func front(api http.Handler, cfg *config.Config) (http.Handler, error) {
	p := cfg.Portal
	options := portal.Options{PublicURL: cfg.PublicURL, GraphiQL: p.GraphiQL}
	if p.ClientID != "" {
		options.SignIn = &portal.SignIn{ClientID: p.ClientID, AuthorizeURL: p.AuthorizeURL, TokenURL: p.TokenURL, Scopes: p.Scopes}
	}
	page, err := portal.New(options)
	if err != nil {
		return nil, err
	}
	editor := portal.GraphiQL()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case path == "/" || strings.HasPrefix(path, "/portal/"):
			page.ServeHTTP(w, r)
		case p.GraphiQL && (path == "/graphiql" || strings.HasPrefix(path, "/graphiql/")):
			editor.ServeHTTP(w, r)
		default:
			api.ServeHTTP(w, r)
		}
	}), nil
}
