package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord/internal/app"
	"concord/internal/config"
)

// minimal is the least that an operator writes.
const minimal = `listen: 127.0.0.1:8080
public_url: http://127.0.0.1:8080
auth:
  audience: http://127.0.0.1:8080/fhir/r4
  issuers: [{issuer: "http://127.0.0.1:1/", jwks_url: "http://127.0.0.1:1/jwks"}]
mpi: {store: memory}
audit: {dir: audit}
sources: [{name: e, vendor: generic, base_url: "http://127.0.0.1:1", auth: {type: none}}]
`

// TestFront: what stands where on the public listener, with the least configuration and with everything.
func TestFront(t *testing.T) {
	for _, tt := range []struct {
		name, more string
		want       map[string]int
		settings   string
	}{
		{"minimal", "", map[string]int{"/": 200, "/portal/main.js": 200, "/graphiql": 404, "/portal/none": 404, "/fhir/r4/metadata": 200, "/other": 404}, `{"signIn":null,"graphiql":false}`},
		{"all", "portal: {graphiql: true, client_id: c, authorize_url: \"https://idp.example.org/a\", token_url: \"https://idp.example.org/t\"}\n",
			map[string]int{"/": 200, "/graphiql": 200, "/graphiql/start.js": 200, "/fhir/r4/metadata": 200}, `"redirectUri":"http://127.0.0.1:8080/","scope":"openid user/*.rs","aud":"http://127.0.0.1:8080/fhir/r4"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "concord.yaml")
			if err := os.WriteFile(file, []byte(minimal+tt.more), 0o600); err != nil {
				t.Fatal(err)
			}
			cfg, err := config.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			a, err := app.New(t.Context(), cfg, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			}()
			ask := func(path string) *httptest.ResponseRecorder {
				w := httptest.NewRecorder()
				a.Public.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
				return w
			}
			for path, want := range tt.want {
				if w := ask(path); w.Code != want {
					t.Errorf("%s: HTTP %d", path, w.Code)
				}
			}
			if got := ask("/portal/settings.json").Body.String(); !strings.Contains(got, tt.settings) {
				t.Errorf("the page is told %s", got)
			}
		})
	}
}
