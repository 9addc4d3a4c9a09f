package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"concord"
	"concord/compare"
	"concord/fhir"
	"concord/merge"
)

const goodToken = "eyJhbGciOi.good-token.sig"

// fakeGateway serves $compare as the gateway does, of records that are made up, and misbehaves for some patients.
type fakeGateway struct{ records map[string][]merge.Batch }

func newFakeGateway(t *testing.T) *fakeGateway {
	t.Helper()
	batch := func(source concord.SourceID, texts ...string) merge.Batch {
		b := merge.Batch{Source: source}
		for _, s := range texts {
			r, err := fhir.Parse([]byte(s), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			b.Resources = append(b.Resources, r)
		}
		return b
	}
	lower := strings.NewReplacer(`"high"`, `"low"`)
	twice := strings.NewReplacer(`"value":1,`, `"value":2,`, "Take 1", "Take 2")
	return &fakeGateway{map[string][]merge.Batch{
		"epic.differs": {
			batch("athena", zoeAnywhere, penicillin, lisinopril),
			batch("cerner", zoeAnywhere, lower.Replace(penicillin)),
			batch("epic", zoeAnywhere, penicillin, twice.Replace(lisinopril), hypertension, influenza),
		},
		"epic.same":    {batch("athena", zoeAnywhere, penicillin), batch("cerner", zoeAnywhere, penicillin), batch("epic", zoeAnywhere, penicillin)},
		"epic.silent":  {batch("athena", zoeAnywhere, penicillin), batch("cerner", zoeAnywhere), batch("epic", zoeAnywhere, penicillin)},
		"7f3a":         {batch("athena", zoeAnywhere), batch("cerner", zoeAnywhere), batch("epic", zoeAnywhere, influenza)},
		"epic.foreign": {batch("athena"), batch("cerner", zoeAnywhere, penicillin), batch("epic", zoeAnywhere, penicillin)},
	}}
}

const (
	zoeAnywhere  = `{"resourceType":"Patient","id":"p","name":[{"family":"Zwicky","given":["Zoë"]}],"birthDate":"1951-02-03"}`
	penicillin   = `{"resourceType":"AllergyIntolerance","id":"a1","code":{"coding":[{"system":"http://snomed.info/sct","code":"91936005","display":"Allergy to penicillin"}]},"criticality":"high","onsetDateTime":"2011-05"}`
	lisinopril   = `{"resourceType":"MedicationRequest","id":"m1","status":"active","intent":"order","authoredOn":"2024-03-01","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG Oral Tablet"}]},"dosageInstruction":[{"text":"Take 1 tablet daily","doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}]}`
	hypertension = `{"resourceType":"Condition","id":"c1","code":{"coding":[{"system":"http://snomed.info/sct","code":"59621000"}],"text":"高血圧症（本態性）"},"clinicalStatus":{"coding":[{"code":"active"}]},"category":[{"coding":[{"code":"problem-list-item"}]}]}`
	influenza    = `{"resourceType":"Immunization","id":"i1","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"140","display":"Influenza, seasonal, injectable, preservative free"}]},"occurrenceDateTime":"2023-10-10"}`
)

// ServeHTTP answers.
func (g *fakeGateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id, ok := strings.CutPrefix(r.URL.Path, "/fhir/r4/Patient/")
	id, isCompare := strings.CutSuffix(id, "/$compare")
	switch {
	case !ok || !isCompare || r.Method != http.MethodGet:
		http.Error(w, "no such page: "+r.URL.Path, http.StatusNotFound)
		return
	case r.Header.Get("Authorization") != "Bearer "+goodToken:
		outcome(w, http.StatusUnauthorized, `{"severity":"error","code":"login","details":{"text":"a valid access token is needed"}}`)
		return
	}
	if g.misbehaves(w, r, id) {
		return
	}
	var o compare.Options
	for key, values := range r.URL.Query() {
		if ok, err := o.Set(key, values[0]); !ok || err != nil {
			outcome(w, http.StatusBadRequest, `{"severity":"error","code":"invalid","details":{"text":"this parameter is not supported"},"expression":["http.`+key+`"]}`)
			return
		}
	}
	if err := o.Check([]concord.SourceID{"athena", "cerner", "epic"}); err != nil {
		outcome(w, http.StatusBadRequest, `{"severity":"error","code":"invalid","details":{"text":"`+err.Error()+`"},"expression":["http.source"]}`)
		return
	}
	in := g.input(id, o)
	if gaps := compare.Refusal(in.Answers, o); len(gaps) > 0 {
		outcome(w, http.StatusGatewayTimeout, `{"severity":"error","code":"timeout","details":{"coding":[{"system":"urn:concord:source","code":"`+string(gaps[0].Source)+`"}],"text":"the source did not answer in time"},"expression":["`+string(gaps[0].Type)+`"]}`)
		return
	}
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	_, _ = w.Write(compare.Encode(compare.Compare(in)))
}

func (g *fakeGateway) input(id string, o compare.Options) compare.Input {
	in := compare.Input{Patient: "7f3a", Options: o}
	var patients []merge.Copy
	batches := slices.Clone(g.records[id])
	for i, b := range batches {
		batches[i].Resources = slices.DeleteFunc(slices.Clone(b.Resources), func(r fhir.Resource) bool {
			if r.Type() == fhir.TypePatient {
				patients = append(patients, merge.Copy{Source: b.Source, Resource: r})
			}
			return r.Type() == fhir.TypePatient
		})
		for _, t := range o.Wanted() {
			a := compare.Answer{Source: b.Source, Type: t}
			if id == "epic.silent" && b.Source == "cerner" && t == fhir.TypeAllergyIntolerance {
				a.Reason = compare.Timeout
			}
			if b.Source == "athena" && t == fhir.TypeDevice {
				a.Reason = compare.NotSupported
			}
			in.Answers = append(in.Answers, a)
		}
	}
	in.Entries = append(merge.NewEngine(merge.Default()).Merge(batches).Entries, merge.Unify(patients))
	return in
}

// misbehaves answers as no gateway should, or refuses, for some patients.
func (g *fakeGateway) misbehaves(w http.ResponseWriter, r *http.Request, id string) bool {
	switch id {
	case "epic.forbidden":
		w.Header().Set("WWW-Authenticate", `Bearer realm="concord", error="insufficient_scope", scope="user/Patient.r"`)
		outcome(w, http.StatusForbidden, `{"severity":"error","code":"forbidden","details":{"text":"the token does not cover this"}}`)
	case "epic.busy":
		w.Header().Set("Retry-After", "17")
		outcome(w, http.StatusTooManyRequests, `{"severity":"error","code":"throttled"}`)
	case "epic.telltale": // repeats what it was asked, and commands
		outcome(w, http.StatusInternalServerError, `{"severity":"error","code":"exception","diagnostics":"Zwicky","details":{"text":"no \u001b[31mepic.telltale, known as telltale, here"}}`)
	case "epic.elsewhere":
		http.Redirect(w, r, "https://elsewhere.example.org/", http.StatusFound)
	case "epic.page":
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>Zwicky</html>"))
	case "epic.cut":
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write([]byte(`{"resourceType":"Parameters"`))
	case "epic.older": // a gateway without the operation
		outcome(w, http.StatusNotFound, `{"severity":"error","code":"not-supported","details":{"text":"no such operation here"}}`)
	default:
		if _, ok := g.records[id]; ok {
			return false
		}
		outcome(w, http.StatusNotFound, `{"severity":"error","code":"not-found","details":{"text":"no such patient"}}`)
	}
	return true
}

func outcome(w http.ResponseWriter, status int, issue string) {
	w.Header().Set("Content-Type", "application/fhir+json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(`{"resourceType":"OperationOutcome","issue":[` + issue + `]}`))
}
