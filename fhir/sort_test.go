package fhir_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"concord/fhir"
)

func TestSortValue(t *testing.T) {
	for _, x := range []struct {
		name, typ, param string
		order            []string // bodies in ascending order, and the last without a value
	}{
		{"date", "Observation", "date", []string{`"effectivePeriod":{"end":"2030"}`, `"effectiveDateTime":"2019"`, `"effectiveInstant":"2020-01-01T00:30:00+02:00"`,
			`"effectiveDateTime":"2020-01-01"`, `"effectivePeriod":{"start":"2020-01-02"}`, `"effectiveDateTime":"soon"`}},
		{"token", "Observation", "status", []string{`"status":"amended"`, `"status":"final"`, `"status":{}`}},
		{"concept", "Observation", "code", []string{`"code":{"coding":[{"display":"x"},{"code":"a"}]}`, `"code":{"text":"b"}`, `"code":{"coding":[{"code":"c"}]}`, `"code":"a"`}},
		{"id", "Observation", "_id", []string{`"id":"1"`, `"id":"10"`, `"id":"2"`, `"x":1`}},
		{"last updated", "Observation", "_lastUpdated", []string{`"meta":{"lastUpdated":"2020-01-01T00:00:00Z"}`, `"meta":{"lastUpdated":"2020-01-01T00:00:00.001Z"}`, `"meta":{}`}},
		{"string", "Patient", "family", []string{`"name":[{"family":"Zoe"},{"family":"ábel"}]`, `"name":[{"family":"Bell"}]`, `"name":[{"family":"cole"}]`, `"name":[]`}},
		{"name", "Patient", "name", []string{`"name":[{"family":"A","given":["B"]}]`, `"name":[{"family":"A","given":["C"]}]`, `"name":[{"text":"Ä D"}]`, `"name":[{}]`}},
		{"quantity", "Observation", "value-quantity", []string{`"valueQuantity":{"value":-2}`, `"valueQuantity":{"value":9.99}`, `"valueQuantity":{"value":1e1}`, `"valueQuantity":{"value":"1"}`}},
		{"reference", "Observation", "encounter", []string{`"encounter":{"reference":"Encounter/1"}`, `"encounter":{"reference":"Encounter/2"}`, `"encounter":{"display":"x"}`}},
		{"identifier", "Observation", "identifier", []string{`"identifier":[{"value":"b"},{"value":"a"}]`, `"identifier":[{"value":"b"}]`, `"identifier":[{"system":"a"}]`}},
		{"deceased", "Patient", "deceased", []string{`"x":1`, `"deceasedDateTime":"2020"`}},
	} {
		t.Run(x.name, func(t *testing.T) {
			typ := fhir.ResourceType(x.typ)
			keys := make([]fhir.SortKey, len(x.order))
			for i, body := range x.order {
				keys[i] = fhir.SortValue(resource(t, `{"resourceType":"`+x.typ+`",`+body+`}`), typ, x.param)
			}
			last := len(keys) - 1
			if x.param != "deceased" {
				if !keys[last].Missing() {
					t.Error("the last is not missing")
				}
				last--
			}
			for i, a := range keys {
				for j, b := range keys {
					want := i - j
					if got := fhir.CompareSortKeys(a, b); got < 0 != (want < 0) || got > 0 != (want > 0) {
						t.Errorf("%d against %d is %d", i, j, got)
					}
					if i <= last && j <= last {
						want = -want
					}
					if got := fhir.CompareSortKeysDescending(a, b); got < 0 != (want < 0) || got > 0 != (want > 0) {
						t.Errorf("descending, %d against %d is %d", i, j, got)
					}
				}
			}
		})
	}
}

func TestSortValueOfNothing(t *testing.T) {
	r := resource(t, potassium)
	if !fhir.SortValue(r, "Observation", "nonsense").Missing() || !fhir.SortValue(r, "Encounter", "status").Missing() || !(fhir.SortKey{}).Missing() {
		t.Error("a value where there is none")
	}
	if fhir.Sortable("Observation", "nonsense") || !fhir.Sortable("Observation", "_id") {
		t.Error("Sortable is wrong")
	}
	k := fhir.SortValue(r, "Observation", "identifier")
	if s := fmt.Sprintf("%v %+v %#v", k, k, k) + k.LogValue().String(); strings.Contains(s, "A-7") {
		t.Errorf("prints %s", s)
	}
	if !slices.ContainsFunc(fhir.Params("Observation"), func(p fhir.ParamInfo) bool { return fhir.Sortable("Observation", p.Name) }) {
		t.Error("nothing can be sorted by")
	}
}
