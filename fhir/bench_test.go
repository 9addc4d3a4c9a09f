package fhir_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"testing"

	"github.com/valyala/fastjson"

	"concord/fhir"
)

// searchset is a Bundle of n Observations, some 1.1 KB each, as an EHR sends them: compact, or indented as some do.
func searchset(n int, indent bool) []byte {
	var b bytes.Buffer
	b.WriteString(`{"resourceType":"Bundle","id":"5e1f","type":"searchset","link":[{"relation":"self","url":"https://ehr.example.org/fhir/Observation?patient=1"}],"entry":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"fullUrl":"https://ehr.example.org/fhir/Observation/L-%d","resource":{"resourceType":"Observation","id":"L-%d","meta":{"versionId":"1","lastUpdated":"2024-05-0%dT10:00:00.000Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}],"code":{"coding":[{"system":"https://fhir.example.org/codeSet/72","code":"%d","display":"Potassium Level","userSelected":true},{"system":"http://loinc.org","code":"2823-3","display":"Potassium [Moles/volume] in Serum or Plasma","userSelected":false}],"text":"Potassium Level"},"subject":{"reference":"Patient/12742400","display":"EXAMPLE, PERSON"},"encounter":{"reference":"Encounter/97953477"},"effectiveDateTime":"2024-05-0%dT09:%02d:00.000Z","issued":"2024-05-01T09:30:12.000Z","valueQuantity":{"value":4.%d0,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"},"referenceRange":[{"low":{"value":3.5,"unit":"mmol/L"},"high":{"value":5.1,"unit":"mmol/L"}}]},"search":{"mode":"match"}}`,
			i, i, i%9+1, 1000+i, i%9+1, i%60, i%10)
	}
	b.WriteString(`]}`)
	if indent {
		var out bytes.Buffer
		if err := json.Indent(&out, b.Bytes(), "", "  "); err != nil {
			panic(err)
		}
		return out.Bytes()
	}
	return b.Bytes()
}

// extracted is what routing and merging read of an Observation.
type extracted struct {
	typ, id, status, effective, subject, code, value string
	refs                                             int
}

func extract(r fhir.Resource) (x extracted) {
	x.typ, x.id, x.status, x.effective = string(r.Type()), r.ID(), r.Get("status").Text(), r.Get("effectiveDateTime").Text()
	x.subject = r.Path("subject", "reference").Text()
	for c := range r.Path("code", "coding").Items() {
		if c.Get("system").Is("http://loinc.org") {
			x.code = c.Get("code").Text()
		}
	}
	x.value = r.Path("valueQuantity", "value").Text()
	for range r.References() {
		x.refs++
	}
	return x
}

// The types of a typed model, with the elements that these Observations have.
type (
	typedCoding struct {
		System, Code, Display string
		UserSelected          *bool
	}
	typedConcept struct {
		Coding []typedCoding
		Text   string
	}
	typedReference struct{ Reference, Display string }
	typedQuantity  struct {
		Value              json.Number
		Unit, System, Code string
	}
	typedObservation struct {
		ResourceType, ID, Status  string
		Meta                      struct{ VersionID, LastUpdated string }
		Category                  []typedConcept
		Code                      typedConcept
		Subject, Encounter        *typedReference
		EffectiveDateTime, Issued string
		ValueQuantity             *typedQuantity
		ReferenceRange            []struct{ Low, High *typedQuantity }
	}
	typedBundle struct {
		ResourceType, ID, Type string
		Link                   []struct{ Relation, URL string }
		Entry                  []struct {
			FullURL  string
			Search   struct{ Mode string }
			Resource typedObservation
		}
	}
)

// BenchmarkExtract reads of each Observation in a 2 MB searchset what routing and merging need. The yardsticks read the
// same; encoding/json into the structs of a typed model.
//
// 64 MiB are kept alive, as in a gateway that is at work: with an empty heap the collector would run at every other Bundle,
// and be measured in the place of those who leave something behind.
func BenchmarkExtract(b *testing.B) {
	alive := make([]byte, 64<<20)
	defer runtime.KeepAlive(alive)
	for _, form := range []string{"compact", "indented"} {
		body := searchset(1800, form == "indented")
		b.Run(form+"/concord", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				x, err := fhir.ParseBundle(body, fhir.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				for _, e := range x.Entries {
					if extract(e.Resource).code != "2823-3" {
						b.Fatal("wrong")
					}
				}
			}
		})
		b.Run(form+"/fastjson", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			var p fastjson.Parser
			for b.Loop() {
				v, err := p.ParseBytes(body)
				if err != nil {
					b.Fatal(err)
				}
				for _, e := range v.GetArray("entry") {
					if fastExtract(e.Get("resource")).code != "2823-3" {
						b.Fatal("wrong")
					}
				}
			}
		})
		b.Run(form+"/encoding-json", func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				var v typedBundle
				if err := json.Unmarshal(body, &v); err != nil {
					b.Fatal(err)
				}
				for i := range v.Entry {
					if v.Entry[i].Resource.Code.Coding[1].Code != "2823-3" {
						b.Fatal("wrong")
					}
				}
			}
		})
	}
}

func fastExtract(r *fastjson.Value) (x extracted) {
	s := func(k ...string) string { return string(r.GetStringBytes(k...)) }
	x.typ, x.id, x.status, x.effective, x.subject = s("resourceType"), s("id"), s("status"), s("effectiveDateTime"), s("subject", "reference")
	for _, c := range r.GetArray("code", "coding") {
		if string(c.GetStringBytes("system")) == "http://loinc.org" {
			x.code = string(c.GetStringBytes("code"))
		}
	}
	x.value = r.Get("valueQuantity", "value").String()
	for _, k := range []string{"subject", "encounter"} {
		if r.Exists(k, "reference") {
			x.refs++
		}
	}
	return x
}

// BenchmarkRewrite gives each Observation of a 2 MB searchset another id, other references and a tag. The yardstick does
// so the way that most programs do: decode to maps, change, encode. Both start from the bytes and check them.
func BenchmarkRewrite(b *testing.B) {
	alive := make([]byte, 64<<20)
	defer runtime.KeepAlive(alive)
	body := searchset(1800, false)
	b.Run("concord", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		var out []byte
		var edits []fhir.Edit
		id, ref, tag := []byte(`"epic.x"`), []byte(`"Patient/p"`), []byte(`"tag":[{"system":"urn:concord:source","code":"epic"}]`)
		for b.Loop() {
			x, err := fhir.ParseBundle(body, fhir.Limits{})
			if err != nil {
				b.Fatal(err)
			}
			out = out[:0]
			for _, e := range x.Entries {
				edits = append(edits[:0], fhir.Replace(e.Resource.Get("id"), id), fhir.Append(e.Resource.Get("meta"), tag))
				for r := range e.Resource.References() {
					edits = append(edits, fhir.Replace(r, ref))
				}
				out = fhir.Splice(out, e.Resource.Value, edits)
			}
		}
	})
	b.Run("maps", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		var out []byte
		for b.Loop() {
			v, err := oracle(body)
			if err != nil {
				b.Fatal(err)
			}
			out = out[:0]
			for _, e := range v.(map[string]any)["entry"].([]any) {
				r := e.(map[string]any)["resource"].(map[string]any)
				rewrite(r, "Patient/p")
				r["id"] = "epic.x"
				r["meta"].(map[string]any)["tag"] = []any{map[string]any{"system": "urn:concord:source", "code": "epic"}}
				one, err := json.Marshal(r)
				if err != nil {
					b.Fatal(err)
				}
				out = append(out, one...)
			}
		}
		if len(out) == 0 {
			b.Fatal("nothing was written")
		}
	})
}
