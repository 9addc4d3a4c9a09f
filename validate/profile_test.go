package validate_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"concord/validate"
)

const usCore = "http://hl7.org/fhir/us/core/StructureDefinition/"

// patient is one that fits US Core, with further members before and behind.
func patient(members string) string {
	doc := `{"resourceType":"Patient","identifier":[{"system":"urn:x","value":"1"}],"name":[{"family":"A"}],"gender":"female"}`
	if members != "" {
		doc = strings.TrimSuffix(doc, "}") + "," + members + "}"
	}
	return doc
}

// vital is a vital sign with these codings and further members.
func vital(codings, members string) string {
	return `{"resourceType":"Observation","status":"final",
		"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"vital-signs"}]}],
		"code":{"coding":[` + codings + `]},"subject":{"reference":"Patient/1"},"effectiveDateTime":"2020-01-02",` + members + `}`
}

const oxygen = `"valueQuantity":{"value":1,"unit":"%","system":"http://unitsofmeasure.org","code":"%"}`

// pressure is a blood pressure with these components.
func pressure(components ...string) string {
	return vital(`{"system":"http://loinc.org","code":"85354-9"}`, `"component":[`+strings.Join(components, ",")+`]`)
}

func component(code, unit string) string {
	return `{"code":{"coding":[{"system":"http://loinc.org","code":"` + code + `"}]},
		"valueQuantity":{"value":1,"unit":"mmHg","system":"http://unitsofmeasure.org","code":"` + unit + `"}}`
}

func race(extensions ...string) string {
	return `"extension":[{"url":"` + usCore + `us-core-race","extension":[` + strings.Join(extensions, ",") + `]}]`
}

// answers is a QuestionnaireResponse with further members.
func answers(members string) string {
	return `{"resourceType":"QuestionnaireResponse","status":"completed","subject":{"reference":"Patient/1"},"authored":"2020",` + members + `}`
}

const title = `{"url":"` + usCore + `us-core-extension-questionnaire-uri","valueUri":"a"}`

// R4's vital signs have units of UCUM's common ones.
func TestUnits(t *testing.T) {
	for code, want := range map[string][]string{`"mm[Hg]"`: nil, `"furlong"`: {"code-invalid Observation.component[0].value.code"}} {
		doc := vital(`{"code":"a"}`, `"component":[{"code":{"text":"a"},"valueQuantity":{"value":1,"system":"http://unitsofmeasure.org","code":`+code+`}},{"code":{"text":"a"},"valueQuantity":{"unit":"a"}}]`)
		report := validate.Resource(parse(t, doc), validate.Options{Profile: "http://hl7.org/fhir/StructureDefinition/vitalsigns"})
		if d := cmp.Diff(want, errorsOf(report)); d != "" {
			t.Error(code, d)
		}
	}
}

func TestProfiles(t *testing.T) {
	const omb = `{"url":"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"2106-3"}}`
	const text = `{"url":"text","valueString":"a"}`
	bp := func(cs ...string) string { return pressure(cs...) }
	for _, x := range []struct {
		name, profile, doc string
		want               []string
	}{
		{"patient", "us-core-patient", patient(""), nil},
		{"cardinality", "us-core-patient", `{"resourceType":"Patient"}`, []string{"required Patient.identifier", "required Patient.name", "required Patient.gender"}},
		{"cardinality below", "us-core-patient", patient(`"telecom":[{"value":"1","system":"phone"},{"system":"phone"}]`), []string{"required Patient.telecom[1].value"}},
		{"invariant", "us-core-patient", strings.Replace(patient(""), `"family"`, `"text"`, 1), []string{"invariant Patient.name[0]"}},
		{"race", "us-core-patient", patient(race(omb, text)), nil},
		{"race twice", "us-core-patient", patient(strings.TrimSuffix(race(omb, text), "]") + "," + race(omb, text)[len(`"extension":[`):]), []string{"structure Patient.extension"}},
		{"race without text", "us-core-patient", patient(race(omb)), []string{"required Patient.extension[0].extension"}},
		{"race of another code", "us-core-patient", patient(race(strings.Replace(omb, "2106-3", "9", 1), text)), []string{"code-invalid Patient.extension[0].extension[0].value"}},
		{"race of another type", "us-core-patient", patient(race(`{"url":"ombCategory","valueString":"a"}`, text)), []string{"structure Patient.extension[0].extension[0].value"}},
		{"race with a value", "us-core-patient", patient(`"extension":[{"url":"` + usCore + `us-core-race","valueString":"a"}]`),
			[]string{"required Patient.extension[0].extension", "required Patient.extension[0].extension", "structure Patient.extension[0].value"}},
		{"six races", "us-core-patient", patient(race(omb, omb, omb, omb, omb, omb, text)), []string{"structure Patient.extension[0].extension"}},
		{"birth sex", "us-core-patient", patient(`"extension":[{"url":"` + usCore + `us-core-birthsex","valueCode":"X"}]`), []string{"code-invalid Patient.extension[0].value"}},

		{"blood pressure", "us-core-blood-pressure", bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), nil},
		{"a slice is missing", "us-core-blood-pressure", bp(component("8480-6", "mm[Hg]"), component("1", "x")), []string{"required Observation.component"}},
		{"a slice is there twice", "us-core-blood-pressure", bp(component("8480-6", "mm[Hg]"), component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), []string{"structure Observation.component"}},
		{"fixed within a slice", "us-core-blood-pressure", bp(component("8480-6", "mmHg"), component("8462-4", "mm[Hg]")), []string{"value Observation.component[0].value.code"}},
		{"type within a slice", "us-core-blood-pressure", bp(component("8480-6", "mm[Hg]"), `{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},"valueString":"a"}`),
			[]string{"structure Observation.component[1].value"}},
		{"pattern", "us-core-blood-pressure", strings.Replace(bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), "85354-9", "1", 1), []string{"value Observation.code"}},
		{"category", "us-core-blood-pressure", strings.Replace(bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), `"vital-signs"`, `"x"`, 1), []string{"required Observation.category"}},
		{"type of a choice", "us-core-blood-pressure", strings.Replace(bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), `"effectiveDateTime":"2020-01-02"`, `"effectiveInstant":"2020-01-02T00:00:00Z"`, 1), []string{"structure Observation.effective"}},
		{"date to the year", "us-core-blood-pressure", strings.Replace(bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), "2020-01-02", "2020", 1), []string{"invariant Observation.effective"}},
		{"target", "us-core-blood-pressure", strings.Replace(bp(component("8480-6", "mm[Hg]"), component("8462-4", "mm[Hg]")), "Patient/1", "Group/1", 1), []string{"value Observation.subject"}},
		{"fewer than R4's many", "us-core-implantable-device", `{"resourceType":"Device","type":{"text":"a"},"patient":{"display":"a"},"udiCarrier":[{"deviceIdentifier":"1"},{"deviceIdentifier":"2"}]}`, []string{"structure Device.udiCarrier"}},

		{"slices of a list in a list", "us-core-pulse-oximetry", vital(`{"system":"http://loinc.org","code":"59408-5"},{"system":"http://loinc.org","code":"2708-6"}`, oxygen), nil},
		{"a slice of a list in a list is missing", "us-core-pulse-oximetry", vital(`{"system":"http://loinc.org","code":"59408-5"},{"system":"http://loinc.org","code":"1"}`, oxygen),
			[]string{"required Observation.code.coding"}},
		{"a fixed unit", "us-core-pulse-oximetry", vital(`{"system":"http://loinc.org","code":"59408-5"},{"system":"http://loinc.org","code":"2708-6"}`, strings.Replace(oxygen, `"code":"%"`, `"code":"1"`, 1)),
			[]string{"value Observation.value.code"}},
		{"identifier", "us-core-practitioner", `{"resourceType":"Practitioner","name":[{"family":"A"}],"identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567894"}]}`, []string{"invariant Practitioner.identifier[0]"}},

		{"of the wrong type", "us-core-patient", `{"resourceType":"Patient","identifier":["a"],"name":[{"family":"A"}],"gender":"female"}`, []string{"structure Patient.identifier[0]"}},
		{"extension of a primitive", "us-core-questionnaireresponse", answers(`"_questionnaire":{"extension":[` + title + `]}`), nil},
		{"extensions of a primitive without a value", "us-core-questionnaireresponse", answers(`"_questionnaire":{"extension":[` + title + `,` + title + `]}`), []string{"structure QuestionnaireResponse.questionnaire.extension"}},
		{"extensions of a primitive", "us-core-questionnaireresponse", answers(`"questionnaire":"a","_questionnaire":{"extension":[` + title + `,` + title + `]}`), []string{"structure QuestionnaireResponse.questionnaire.extension"}},

		{"version", "us-core-patient|6.1.0", `{"resourceType":"Patient"}`, []string{"required Patient.identifier", "required Patient.name", "required Patient.gender"}},
		{"another version", "us-core-patient|7.0.0", patient(""), nil},
		{"an unknown version", "us-core-patient|3.1.1", patient(""), []string{"not-found Patient"}},
		{"an unknown profile", "us-core-pet", patient(""), []string{"not-found Patient"}},
		{"of another type", "us-core-goal", patient(""), []string{"structure Patient"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, x.doc), validate.Options{Profile: usCore + x.profile})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d, report.Issues)
			}
		})
	}
}

// What a resource claims is held against it wherever it stands; a claim that can't be judged is said, and is no error.
func TestClaims(t *testing.T) {
	claim := func(urls ...string) string {
		return `{"resourceType":"Patient","meta":{"profile":["` + strings.Join(urls, `","`) + `"]}}`
	}
	missing := []string{"required Patient.identifier", "required Patient.name", "required Patient.gender"}
	for _, x := range []struct {
		name, doc string
		asked     string
		want      []string
		unknown   []string
	}{
		{"claimed", claim(usCore + "us-core-patient"), "", missing, nil},
		{"claimed twice, and asked", claim(usCore+"us-core-patient", usCore+"us-core-patient|6.1.0"), usCore + "us-core-patient", missing, nil},
		{"unknown", claim("urn:a", usCore+"us-core-patient|3.1.1"), "", nil, []string{"Patient.meta.profile[0]", "Patient.meta.profile[1]"}},
		{"R4's own", claim("http://hl7.org/fhir/StructureDefinition/Patient", "http://hl7.org/fhir/StructureDefinition/DomainResource", "http://hl7.org/fhir/StructureDefinition/Resource|4.0.1"), "", nil, nil},
		{"R4's own of another type", claim("http://hl7.org/fhir/StructureDefinition/Goal"), "", []string{"structure Patient.meta.profile[0]"}, nil},
		{"R4's own of another version", claim("http://hl7.org/fhir/StructureDefinition/Patient|5.0.0"), "", nil, []string{"Patient.meta.profile[0]"}},
		{"a data type's", claim("http://hl7.org/fhir/StructureDefinition/HumanName"), "", nil, []string{"Patient.meta.profile[0]"}},
		{"in a Bundle", `{"resourceType":"Bundle","type":"collection","entry":[{"resource":` + claim(usCore+"us-core-patient") + `}]}`, "",
			[]string{"required Bundle.entry[0].resource.identifier", "required Bundle.entry[0].resource.name", "required Bundle.entry[0].resource.gender"}, nil},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, x.doc), validate.Options{Profile: x.asked})
			if d := cmp.Diff(x.want, errorsOf(report)); d != "" {
				t.Error(d)
			}
			var unknown []string
			for _, i := range report.Issues {
				if i.Code == validate.CodeNotFound && i.Severity == validate.SeverityWarning {
					unknown = append(unknown, i.Expression)
				}
			}
			if d := cmp.Diff(x.unknown, unknown); d != "" {
				t.Error(d)
			}
		})
	}
}

// What was not looked at is said, and only where it applies.
func TestUnchecked(t *testing.T) {
	for _, x := range []struct {
		name, doc, profile string
		want               []string
	}{
		{"nothing", patient(""), usCore + "us-core-patient", nil},
		{"value set", `{"resourceType":"Patient","photo":[{"contentType":"image/png"}]}`, "", []string{"http://hl7.org/fhir/ValueSet/mimetypes"}},
		{"invariant", `{"resourceType":"CareTeam","participant":[{"member":{"display":"a"},"onBehalfOf":{"display":"a"}}]}`, "", []string{"ctm-1"}},
		{"base", `{"resourceType":"QuestionnaireResponse","questionnaire":"a","status":"completed","subject":{"reference":"Patient/1"},"authored":"2020"}`,
			usCore + "us-core-questionnaireresponse", []string{"http://hl7.org/fhir/uv/sdc/StructureDefinition/sdc-questionnaireresponse"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			report := validate.Resource(parse(t, x.doc), validate.Options{Profile: x.profile})
			if errs := errorsOf(report); len(errs) > 0 {
				t.Fatal(errs)
			}
			var got []string
			for _, i := range report.Issues {
				if i.Severity == validate.SeverityInformation {
					_, list, _ := strings.Cut(i.Text, ": ")
					got = append(got, strings.Split(list, ", ")...)
				}
			}
			if d := cmp.Diff(x.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestProfilesOf(t *testing.T) {
	if got := validate.Profiles("Patient"); !slices.Equal(got, []string{usCore + "us-core-patient|6.1.0", usCore + "us-core-patient|7.0.0"}) {
		t.Error(got)
	}
	if got := validate.Profiles("Pet"); got != nil {
		t.Error(got)
	}
}

// The resources that US Core gives as examples have no fault but one that was found by hand; generated records have none.
func TestExamples(t *testing.T) {
	for _, name := range files(t, "fhir/us-core-6.1.0/examples/*.json", "synthea/*.json.gz") {
		report := validate.Resource(parse(t, string(read(t, name))), validate.Options{})
		var want []string
		if strings.HasSuffix(name, "/diagnosticreport-cbc.json") {
			want = []string{"required DiagnosticReport.text.div"} // it has a status alone
		}
		if d := cmp.Diff(want, errorsOf(report)); d != "" {
			t.Error(name, d)
		}
	}
}
