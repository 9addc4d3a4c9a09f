package population_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"concord/testharness/population"
)

// synthea reads Bundles from the folder of shared data beside the repository.
func synthea(t *testing.T, pattern string, n int) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", "data", "synthea", pattern))
	if err != nil || len(files) == 0 {
		t.Skip("no Synthea Bundles beside the repository")
	}
	var out [][]byte
	for _, f := range files[:min(n, len(files))] {
		h, err := os.Open(f)
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(h)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		out = append(out, b)
	}
	return out
}

func TestSyntheaIsDealt(t *testing.T) {
	for _, tt := range []struct {
		name, pattern string
		n, limit      int
		noise         population.Noise
	}{
		{"small, plain", "*.json.gz", 3, 0, population.Noise{}},
		{"small, all noise", "*.json.gz", 3, 0, population.AllNoise()},
		{"limited", "*.json.gz", 3, 5, population.AllNoise()},
		{"large", "large/*.json.gz", 1, 0, population.AllNoise()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bundles := synthea(t, tt.pattern, tt.n)
			p, err := population.FromBundles(5, bundles, tt.limit, tt.noise)
			if err != nil {
				t.Fatal(err)
			}
			checkConsistent(t, p)
			again, err := population.FromBundles(5, bundles, tt.limit, tt.noise)
			if err != nil || !reflect.DeepEqual(p.Sites, again.Sites) {
				t.Error("same seed, other bytes")
			}
			// every event of the compartment is dealt, and every decimal keeps its digits
			copies := p.Truth.Copies()
			for i, raw := range bundles {
				var b struct {
					Entry []struct{ Resource json.RawMessage }
				}
				if err := json.Unmarshal(raw, &b); err != nil {
					t.Fatal(err)
				}
				types := map[string]int{}
				for _, e := range b.Entry {
					m := decode(t, e.Resource)
					typ := m["resourceType"].(string)
					types[typ]++
					key := population.EventKey(string(p.Persons[i].Key) + "/" + typ + "/" + m["id"].(string))
					switch typ {
					case "Patient", "Practitioner", "Organization", "Location", "Medication":
					default:
						if tt.limit == 0 && len(copies[key]) == 0 {
							t.Errorf("%s is at no source", key)
						}
					}
				}
				if types["Claim"] == 0 || types["ExplanationOfBenefit"] == 0 {
					t.Errorf("bundle %d has no claims: %v", i, types)
				}
			}
		})
	}
}

const tiny = `{"resourceType":"Bundle","type":"transaction","entry":[
 {"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"1","gender":"male","birthDate":"1970-02-03","name":[{"family":"Roe","given":["Rex"]}],
  "identifier":[{"system":"http://hl7.org/fhir/sid/us-ssn","value":"123-45-6780"},{"system":"urn:other","value":"x"}]}},
 {"fullUrl":"urn:uuid:2","resource":{"resourceType":"Observation","id":"2","status":"final","subject":{"reference":"urn:uuid:1"},"performer":[{"reference":"urn:uuid:9"}],"valueQuantity":{"value":1.50}}},
 {"fullUrl":"urn:uuid:3","resource":{"resourceType":"DiagnosticReport","id":"3","status":"final","subject":{"reference":"urn:uuid:1"},"result":[{"reference":"urn:uuid:2"},{"reference":"Observation/none","display":"gone"}],"performer":[{"reference":"urn:uuid:4"}]}},
 {"fullUrl":"urn:uuid:4","resource":{"resourceType":"Practitioner","id":"4","name":[{"family":"Doe"}]}}]}`

func TestFromBundles(t *testing.T) {
	p, err := population.Options{Seed: 1, Registered: 3, Copies: 3}.FromBundles([][]byte{[]byte(tiny)}, 0)
	if err != nil {
		t.Fatal(err)
	}
	checkConsistent(t, p)
	for _, s := range p.Sites {
		n := map[string]int{}
		for _, r := range s.Resources {
			n[r.Type]++
			switch r.Type {
			case "Observation":
				if !bytes.Contains(r.Body, []byte(`"value":1.50`)) || bytes.Contains(r.Body, []byte("performer")) {
					t.Errorf("%s", r.Body)
				}
			case "DiagnosticReport":
				if !bytes.Contains(r.Body, []byte(`{"display":"gone"}`)) {
					t.Errorf("%s", r.Body)
				}
			case "Patient":
				if bytes.Contains(r.Body, []byte("urn:other")) || !bytes.Contains(r.Body, []byte(s.Source.MRNSystem())) {
					t.Errorf("%s", r.Body)
				}
			}
		}
		if n["Observation"] != 1 || n["DiagnosticReport"] != 1 || n["Practitioner"] != 1 || n["Patient"] != 1 {
			t.Errorf("%s holds %v", s.Source.ID, n)
		}
	}
	if q := p.Persons[0]; q.Family != "Roe" || q.Given[0] != "Rex" || q.SSN != "123-45-6780" || q.Birth.Year() != 1970 {
		t.Errorf("person: %+v", q)
	}
}

func TestFromBundlesRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, want string }{
		{"not JSON", `{"entry":[`, "bundle 0"},
		{"not an object", `[]`, "not an object"},
		{"text behind it", `{} {}`, "behind"},
		{"no Patient", `{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Observation","id":"1"}}]}`, "no Patient"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := population.FromBundles(1, [][]byte{[]byte(tt.body)}, 0, population.Noise{}); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}
