package epic_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord"
	ct "concord/connectors/connectortest"
	"concord/fhir"
)

// TestPublishedSamples: the answers that Epic's documentation shows are taken, all but those of types that are not asked
// for. They lie beside the repository.
func TestPublishedSamples(t *testing.T) {
	files, err := filepath.Glob("../../../shared/data/ehr/epic/explorer/*-Search*.json")
	if err != nil || len(files) == 0 {
		t.Skip("no sample answers beside the repository")
	}
	asked := 0
	for _, file := range files {
		typ, _, _ := strings.Cut(filepath.Base(file), "-")
		body, err := os.ReadFile(file) // #nosec G304 -- found above
		if err != nil {
			t.Fatal(err)
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			s := ct.NewSite(t, func(_ *ct.Site, w http.ResponseWriter, _ *http.Request) { ct.Write(w, string(body)) })
			c := connect(t, s)
			if !c.Supports(fhir.ResourceType(typ)) || typ == "Patient" {
				t.Skip("not asked for by patient")
			}
			page, err := c.Search(t.Context(), query(fhir.ResourceType(typ)))
			if k := concord.KindOf(err); err != nil && k != concord.Incomplete && k != concord.Unsupported {
				t.Errorf("kind %v", k)
			}
			if err == nil && len(page.Matches) == 0 {
				t.Error("no matches")
			}
			asked++
		})
	}
	if asked < 10 {
		t.Errorf("only %d samples were looked at", asked)
	}
}
