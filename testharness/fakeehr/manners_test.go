package fakeehr_test

import (
	"net/http"
	"slices"
	"testing"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// TestPaging: every vendor's pages, followed to the end, hold each result.
func TestPaging(t *testing.T) {
	for _, v := range []population.Vendor{population.Epic, population.Cerner, population.Athena, population.Generic} {
		t.Run(string(v), func(t *testing.T) {
			c := start(t, fakeehr.Options{Vendor: v, PageSize: 7, MaxPageSize: 7}, chart(40)...)
			path := "Observation?patient=p1&category=laboratory&_count=7"
			if v == population.Athena {
				path = athenaQuery(path)
			}
			pages, ids := c.follow(path)
			slices.Sort(ids)
			if got := len(slices.Compact(ids)); got != 40 || len(pages) < 6 {
				t.Errorf("%d results on %d pages", got, len(pages))
			}
		})
	}
}

// TestEpicDemandsACategory: Observation without one is refused with Epic's own code, and its standing disclaimer stands in
// what it gives.
func TestEpicDemandsACategory(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Epic}, chart(3)...)
	if r := c.get("Observation?patient=p1"); r.status != http.StatusBadRequest || !slices.Contains(r.codes(), "fatal 59108") {
		t.Errorf("HTTP %d, codes %v", r.status, r.codes())
	}
	if r := c.get("Observation?patient=p1&category=laboratory"); r.status != http.StatusOK || !slices.Contains(r.codes(), "warning 4119") {
		t.Errorf("HTTP %d, codes %v", r.status, r.codes())
	}
	c = start(t, fakeehr.Options{Vendor: population.Epic, Manners: plain()}, chart(3)...)
	if r := c.get("Observation?patient=p1"); r.status != http.StatusOK || len(r.ids("match")) < 4 {
		t.Errorf("without manners: HTTP %d, %d results", r.status, len(r.ids("match")))
	}
}

// TestAthenaDemandsThePractice: a search that names none is no search.
func TestAthenaDemandsThePractice(t *testing.T) {
	c := start(t, fakeehr.Options{Vendor: population.Athena}, chart(3)...)
	if r := c.get("Condition?patient=p1"); r.status == http.StatusOK && len(r.ids("match")) > 0 {
		t.Errorf("HTTP %d, %d results", r.status, len(r.ids("match")))
	}
	if r := c.get(athenaQuery("Condition?patient=p1")); r.status != http.StatusOK || len(r.ids("match")) != 1 {
		t.Errorf("HTTP %d, %d results", r.status, len(r.ids("match")))
	}
}
