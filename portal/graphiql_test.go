package portal_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"concord/portal"
)

// TestThirdPartyIsAsPublished: what others wrote is in the table with its sum, and all of the table is there.
func TestThirdPartyIsAsPublished(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("thirdparty", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (\S+) \| \S+@\S+ \| MIT \| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(text), -1) {
		sums[m[1]] = m[2]
	}
	err = filepath.WalkDir("thirdparty", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "LICENSE" || d.Name() == "README.md" {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		short := strings.TrimPrefix(filepath.ToSlash(name), "thirdparty/")
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != sums[short] {
			t.Errorf("%s is not what the table says", short)
		}
		delete(sums, short)
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), "LICENSE")); err != nil {
			t.Errorf("%s has no licence beside it", short)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range sums {
		t.Errorf("%s is not there", name)
	}
}

func TestGraphiQLServesItsFilesOnly(t *testing.T) {
	h := portal.GraphiQL()
	for path, want := range map[string]int{"/graphiql": 200, "/graphiql/start.js": 200, "/graphiql/page.css": 200, "/graphiql/graphiql.min.js": 200, "/graphiql/react.production.min.js": 200,
		"/graphiql/index.html": 404, "/graphiql/README.md": 404, "/graphiql/a/start.js": 404, "/graphiql/../start.js": 404, "/other": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: HTTP %d", path, w.Code)
		}
		if w.Code == 200 && (!strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") || w.Header().Get("X-Content-Type-Options") != "nosniff") {
			t.Errorf("%s: its policy is missing", path)
		}
	}
}
