package testharness_test

import (
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newWorld(t *testing.T, o testharness.Options) *testharness.World {
	t.Helper()
	w, err := testharness.NewWorld(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func httpClient(t *testing.T) *http.Client {
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

func fetch(t *testing.T, c *http.Client, u, bearer string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, u, nil)
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	a, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	return a.StatusCode, b
}

type bundle struct {
	Link  []struct{ Relation, URL string }
	Entry []struct {
		Search   struct{ Mode string }
		Resource json.RawMessage
	}
}

// all follows pages to the end; each resource by id.
func all(t *testing.T, c *http.Client, u string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for u != "" {
		status, body := fetch(t, c, u, "")
		var b bundle
		if err := json.Unmarshal(body, &b); status != http.StatusOK || err != nil {
			t.Fatalf("HTTP %d, %v, %.300s", status, err, body)
		}
		for _, e := range b.Entry {
			var h struct{ ID string }
			if err := json.Unmarshal(e.Resource, &h); err != nil {
				t.Fatal(err)
			}
			if e.Search.Mode == "match" {
				out[h.ID] = e.Resource
			}
		}
		u = ""
		for _, l := range b.Link {
			if l.Relation == "next" {
				u = l.URL
			}
		}
	}
	return out
}

// served holds that each EHR gives, page by page, just the bytes that its source holds of a type; more are parameters for
// Observation.
func served(t *testing.T, w *testharness.World, more string, types ...string) {
	t.Helper()
	c := httpClient(t)
	total := 0
	for i, site := range w.Population.Sites {
		e := w.EHRs[i]
		want := map[string]map[string][]byte{} // patient and type → id → body
		for _, r := range site.Resources {
			for _, typ := range types {
				if r.Type == typ {
					k := r.Patient + "/" + typ
					if want[k] == nil {
						want[k] = map[string][]byte{}
					}
					want[k][r.ID] = bytes.ReplaceAll(r.Body, []byte(site.Source.BaseURL()), []byte(e.URL()))
				}
			}
		}
		for k, bodies := range want {
			patient, typ, _ := strings.Cut(k, "/")
			u := e.URL() + "/" + typ + "?patient=" + url.QueryEscape(patient) + "&ah-practice=" + url.QueryEscape(e.Practice())
			if typ == "Observation" {
				u += "&_count=150" + more
			}
			got := all(t, c, u)
			for id, body := range bodies {
				total++
				if !bytes.Equal(got[id], body) {
					t.Errorf("%s: %s/%s is served as %.200q", site.Source.ID, typ, id, got[id])
				}
				delete(got, id)
			}
			if len(got) != 0 {
				t.Errorf("%s: %d of %s too many", site.Source.ID, len(got), k)
			}
		}
	}
	if total == 0 {
		t.Error("nothing to serve")
	}
}

func TestWorldServesItsPopulation(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 1, Persons: 3, Noise: population.AllNoise()}})
	served(t, w, "&category=laboratory,vital-signs,social-history,survey", "Observation", "Condition", "Encounter", "Immunization", "DocumentReference")
	p := w.Population.Persons[0]
	for _, copied := range p.Copies {
		if w.Patient(p.Key, copied.Source) != copied.ID {
			t.Errorf("%s is %q at %s", p.Key, w.Patient(p.Key, copied.Source), copied.Source)
		}
		e := w.EHR(copied.Source)
		u := e.URL() + "/Patient?identifier=" + url.QueryEscape("http://hl7.org/fhir/sid/us-ssn|"+p.SSN) + "&ah-practice=" + url.QueryEscape(e.Practice())
		if got := all(t, httpClient(t), u); len(got) != 1 || got[copied.ID] == nil {
			t.Errorf("%s: by SSN %d are found", copied.Source, len(got))
		}
	}
	if w.Patient("nobody", "epic") != "" || w.EHR("nowhere") != nil {
		t.Error("found what is not there")
	}
}

func TestWorldServesSynthea(t *testing.T) {
	dir := filepath.Join("..", "..", "shared", "data", "synthea")
	var bundles [][]byte
	for _, pattern := range []string{"*.json.gz", "large/*.json.gz"} {
		files, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil || len(files) == 0 {
			t.Skip("no Synthea Bundles beside the repository")
		}
		f, err := os.Open(files[0])
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		bundles = append(bundles, b)
	}
	manners := fakeehr.AllManners()
	manners.RequiredParams, manners.Categories = false, false // Epic would not give what has the category procedure
	w := newWorld(t, testharness.Options{Bundles: bundles, Manners: &manners, Population: population.Options{Seed: 2, Noise: population.AllNoise()}})
	served(t, w, "", "Observation", "Condition", "Procedure", "Claim", "ExplanationOfBenefit", "ImagingStudy")
}

func TestWorldRefusesBadBundles(t *testing.T) {
	if _, err := testharness.NewWorld(testharness.Options{Bundles: [][]byte{[]byte(`{`)}}); err == nil {
		t.Error("taken")
	}
}

func TestHeal(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 3, Persons: 1, NoHistory: true}})
	c := httpClient(t)
	w.EHRs[0].Set(fakeehr.Fault{Kind: fakeehr.ServerError, Interaction: "metadata"})
	if err := w.EHRs[1].Stop(); err != nil {
		t.Fatal(err)
	}
	w.Heal()
	for _, e := range w.EHRs {
		if status, _ := fetch(t, c, e.URL()+"/metadata", ""); status != http.StatusOK {
			t.Errorf("%s: HTTP %d", e.Source(), status)
		}
	}
}

// TestClient: the credentials that the world hands out open its EHRs.
func TestClient(t *testing.T) {
	c := httpClient(t)
	for _, mode := range []fakeehr.AuthMode{fakeehr.AuthNone, fakeehr.AuthSecret, fakeehr.AuthKey, fakeehr.AuthBearer} {
		t.Run("mode "+string(mode), func(t *testing.T) {
			w := newWorld(t, testharness.Options{Population: population.Options{Seed: 4, Persons: 1, Registered: 3, NoHistory: true}, Auth: mode})
			for _, e := range w.EHRs {
				u := e.URL() + "/Patient/" + w.Patient(w.Population.Persons[0].Key, e.Source())
				if status, _ := fetch(t, c, u, "guess"); (status == http.StatusOK) != (mode == fakeehr.AuthNone) {
					t.Errorf("%s: with a guess HTTP %d", e.Source(), status)
				}
				if status, _ := fetch(t, c, u, token(t, c, w, e, mode)); status != http.StatusOK {
					t.Errorf("%s: HTTP %d", e.Source(), status)
				}
			}
		})
	}
}

func token(t *testing.T, c *http.Client, w *testharness.World, e *fakeehr.EHR, mode fakeehr.AuthMode) string {
	t.Helper()
	v := url.Values{"grant_type": {"client_credentials"}, "scope": {"system/*.rs"}}
	switch mode {
	case fakeehr.AuthNone, fakeehr.AuthBearer:
		return w.Client.Secret
	case fakeehr.AuthSecret:
		v.Set("client_id", w.Client.ID)
		v.Set("client_secret", w.Client.Secret)
	case fakeehr.AuthKey:
		block, _ := pem.Decode(w.Client.KeyPEM)
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES384, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", w.Client.KeyID))
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(map[string]any{"iss": w.Client.ID, "sub": w.Client.ID, "aud": e.TokenURL(), "jti": string(e.Source()), "exp": time.Now().Add(time.Minute).Unix()})
		if err != nil {
			t.Fatal(err)
		}
		o, err := s.Sign(b)
		if err != nil {
			t.Fatal(err)
		}
		jwt, err := o.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		v.Set("client_assertion", jwt)
	}
	r, err := c.PostForm(e.TokenURL(), v)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Body.Close() }()
	var m struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
		t.Fatal(err)
	}
	return m.AccessToken
}

// TestTune: one EHR may be made otherwise than the rest.
func TestTune(t *testing.T) {
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 5, Persons: 1, Registered: 3, NoHistory: true}, Manners: &fakeehr.Manners{},
		Tune: func(s population.Source, o *fakeehr.Options) {
			if s.Vendor == population.Epic {
				m := fakeehr.AllManners()
				o.Manners = &m
			}
		}})
	c := httpClient(t)
	for _, e := range w.EHRs {
		status, _ := fetch(t, c, e.URL()+"/Observation?patient="+w.Patient(w.Population.Persons[0].Key, e.Source()), "")
		if (status == http.StatusOK) == (e.Vendor() == population.Epic) {
			t.Errorf("%s: HTTP %d", e.Source(), status)
		}
	}
}
