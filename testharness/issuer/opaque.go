package issuer

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
)

// OpaquePrefix is what this issuer's opaque tokens begin with.
const OpaquePrefix = "hrn_"

// IntrospectionURL is where a gateway asks about tokens (RFC 7662), with HTTP Basic and what Gateway returns.
func (i *Issuer) IntrospectionURL() string { return i.url + "/introspect" }

// Gateway is who may ask about tokens.
func (i *Issuer) Gateway() (id, secret string) { return i.o.GatewayID, i.o.GatewaySecret }

// Opaque makes a token that only this issuer understands; it holds until the claims' exp, or Revoke.
func (i *Issuer) Opaque(c Claims) string {
	token := OpaquePrefix + rand.Text()
	i.mu.Lock()
	defer i.mu.Unlock()
	i.opaque[token] = maps.Clone(c)
	return token
}

// Revoke takes an opaque token back.
func (i *Issuer) Revoke(token string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.opaque, token)
}

// Introspections is how often a gateway asked.
func (i *Issuer) Introspections() int { return int(i.asked.Load()) }

// introspect tells an authenticated gateway what an opaque token says, and of any other that it is not active.
func (i *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	i.asked.Add(1)
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	id, secret, _ := r.BasicAuth()
	if id != url.QueryEscape(i.o.GatewayID) || secret != url.QueryEscape(i.o.GatewaySecret) {
		w.Header().Set("WWW-Authenticate", `Basic realm="issuer"`)
		answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	if r.Method != http.MethodPost || r.ParseForm() != nil || r.PostForm.Get("token") == "" {
		answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_request"})
		return
	}
	i.mu.Lock()
	c, ok := i.opaque[r.PostForm.Get("token")]
	i.mu.Unlock()
	w.Header().Set("Cache-Control", "no-store")
	if exp, isInt := c["exp"].(int64); !ok || isInt && exp <= i.o.Now().Unix() {
		answer(w, http.StatusOK, map[string]bool{"active": false})
		return
	}
	answer(w, http.StatusOK, c.With("active", true).With("token_type", "Bearer"))
}
