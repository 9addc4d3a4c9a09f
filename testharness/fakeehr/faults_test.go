package fakeehr_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

const query = "Observation?patient=p1&category=laboratory"

// TestFaultsThatAnswer: those after which there is an answer to look at.
func TestFaultsThatAnswer(t *testing.T) {
	c := start(t, fakeehr.Options{}, chart(12)...)
	good := c.get(query)
	header := func(name, want string) func(reply) bool {
		return func(r reply) bool { return r.header.Get(name) == want }
	}
	contains := func(want string) func(reply) bool {
		return func(r reply) bool { return strings.Contains(string(r.body), want) }
	}
	foreign := func(u string) bool { return u != "" && !strings.HasPrefix(u, c.e.URL()+"/") }
	for _, tt := range []struct {
		fault  fakeehr.Fault
		status int
		check  func(reply) bool
	}{
		{fakeehr.Fault{Kind: fakeehr.Slow, Delay: time.Millisecond}, 200, func(r reply) bool { return bytes.Equal(r.body, good.body) }},
		{fakeehr.Fault{Kind: fakeehr.ServerError}, 500, contains("<html>")},
		{fakeehr.Fault{Kind: fakeehr.BadGateway}, 502, contains("<html>")},
		{fakeehr.Fault{Kind: fakeehr.Unavailable}, 503, header("Retry-After", "1")},
		{fakeehr.Fault{Kind: fakeehr.Unavailable, RetryAfter: "-"}, 503, header("Retry-After", "")},
		{fakeehr.Fault{Kind: fakeehr.Throttled, RetryAfter: "Wed, 21 Oct 2026 07:28:00 GMT"}, 429, header("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT")},
		{fakeehr.Fault{Kind: fakeehr.Forbidden}, 403, contains("OperationOutcome")},
		{fakeehr.Fault{Kind: fakeehr.NotFound}, 404, contains("OperationOutcome")},
		{fakeehr.Fault{Kind: fakeehr.Unauthorized}, 401, func(r reply) bool { return strings.Contains(r.header.Get("WWW-Authenticate"), "invalid_token") }},
		{fakeehr.Fault{Kind: fakeehr.RequiredField}, 500, func(r reply) bool { return slices.Equal(r.codes(), []string{"fatal required"}) }},
		{fakeehr.Fault{Kind: fakeehr.BadJSON}, 200, func(r reply) bool { return r.json == nil && len(r.body) > 0 }},
		{fakeehr.Fault{Kind: fakeehr.HTML}, 200, header("Content-Type", "text/html; charset=utf-8")},
		{fakeehr.Fault{Kind: fakeehr.Empty}, 200, func(r reply) bool { return len(r.body) == 0 }},
		{fakeehr.Fault{Kind: fakeehr.CutClean}, 200, func(r reply) bool { return len(r.body) == len(good.body)/2 && r.json == nil }},
		{fakeehr.Fault{Kind: fakeehr.WrongPatient}, 200, func(r reply) bool { return slices.Equal(r.ids("match"), []string{"other"}) }},
		{fakeehr.Fault{Kind: fakeehr.WrongType}, 200, func(r reply) bool { return r.entries("match")[0]["resourceType"] != "Observation" }},
		{fakeehr.Fault{Kind: fakeehr.PageLoop}, 200, func(r reply) bool { return r.link("next") == r.link("self") && len(r.ids("match")) == 12 }},
		{fakeehr.Fault{Kind: fakeehr.ForeignNext}, 200, func(r reply) bool { return foreign(r.link("next")) && len(r.ids("match")) == 12 }},
		{fakeehr.Fault{Kind: fakeehr.PathNext}, 200, func(r reply) bool { return foreign(r.link("next")) && len(r.ids("match")) == 12 }},
		{fakeehr.Fault{Kind: fakeehr.Redirect}, 302, func(r reply) bool { return foreign(r.header.Get("Location")) }},
		{fakeehr.Fault{Kind: fakeehr.Redirect, Location: "/x"}, 302, header("Location", "/x")},
		{fakeehr.Fault{Kind: fakeehr.OutcomeAs200}, 200, func(r reply) bool {
			return len(r.entries("match")) == 0 && slices.Equal(r.codes(), []string{"error invalid"})
		}},
		{fakeehr.Fault{Kind: fakeehr.FatalInside}, 200, func(r reply) bool {
			return len(r.entries("match")) == 12 && slices.Equal(r.codes(), []string{"fatal 59177"})
		}},
		{fakeehr.Fault{Kind: fakeehr.Withheld}, 200, func(r reply) bool {
			return len(r.entries("match")) == 12 && slices.Equal(r.codes(), []string{"warning 59204"})
		}},
	} {
		t.Run(string(tt.fault.Kind)+" "+tt.fault.RetryAfter+tt.fault.Location, func(t *testing.T) {
			c.e.Set(tt.fault)
			r := c.get(query)
			if r.status != tt.status || !tt.check(r) {
				t.Errorf("HTTP %d %v %.300s", r.status, r.header, r.body)
			}
			log := c.e.Requests()
			if last := log[len(log)-1]; last.Fault != tt.fault.Kind || last.Status != tt.status {
				t.Errorf("logged as %s, HTTP %d", last.Fault, last.Status)
			}
			c.e.Clear()
			if r := c.get(query); !bytes.Equal(r.body, good.body) {
				t.Error("not well after it")
			}
		})
	}
	if c.e.Strayed() != 0 {
		t.Errorf("%d requests at the foreign host", c.e.Strayed())
	}
	c.e.Set(fakeehr.Fault{Kind: fakeehr.ForeignNext})
	if c.get(c.get(query).link("next")); c.e.Strayed() != 1 {
		t.Errorf("%d requests at the foreign host after one was sent there", c.e.Strayed())
	}
}

// TestFaultsThatBreak: those after which there is no whole answer.
func TestFaultsThatBreak(t *testing.T) {
	c := start(t, fakeehr.Options{}, chart(12)...)
	for _, tt := range []struct {
		fault fakeehr.Fault
		check func(error) bool
	}{
		{fakeehr.Fault{Kind: fakeehr.Hang}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{fakeehr.Fault{Kind: fakeehr.Trickle, Delay: 50 * time.Millisecond}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{fakeehr.Fault{Kind: fakeehr.Slow, Delay: time.Minute}, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		{fakeehr.Fault{Kind: fakeehr.Truncated}, func(err error) bool { return errors.Is(err, io.ErrUnexpectedEOF) }},
		{fakeehr.Fault{Kind: fakeehr.Reset}, func(err error) bool { return strings.Contains(err.Error(), "reset") || errors.Is(err, io.EOF) }},
	} {
		t.Run(string(tt.fault.Kind), func(t *testing.T) {
			c.e.Set(tt.fault)
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			if _, err := c.try(ctx, http.MethodGet, query, ""); err == nil || !tt.check(err) {
				t.Errorf("error %v", err)
			}
		})
	}
	t.Run("endless", func(t *testing.T) {
		c.e.Set(fakeehr.Fault{Kind: fakeehr.Endless})
		r, err := http.NewRequest(http.MethodGet, c.e.URL()+"/"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		a, err := c.h.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.CopyN(io.Discard, a.Body, 20<<20)
		_ = a.Body.Close()
		if err != nil {
			t.Errorf("ended after %d bytes: %v", n, err)
		}
	})
	t.Run("stopping ends a hanging answer", func(t *testing.T) {
		c.e.Set(fakeehr.Fault{Kind: fakeehr.Hang})
		failed := make(chan error)
		go func() {
			_, err := c.try(context.Background(), http.MethodGet, query, "")
			failed <- err
		}()
		for c.e.Hits("Observation", "") == 0 {
			time.Sleep(time.Millisecond)
		}
		if err := c.e.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := <-failed; err == nil {
			t.Error("an answer came")
		}
	})
}

// TestPageFaults: the first page is good, the one behind it is not; then the source is well again.
func TestPageFaults(t *testing.T) {
	for _, v := range []population.Vendor{population.Epic, population.Cerner, population.Athena, population.Generic} {
		t.Run(string(v), func(t *testing.T) {
			c := start(t, fakeehr.Options{Vendor: v}, chart(30)...)
			path := query
			if v == population.Athena {
				path = athenaQuery(path)
			}
			c.e.Set(fakeehr.Fault{Kind: fakeehr.PageFails})
			first := c.get(path)
			if len(first.ids("match")) != 5 || first.link("next") == "" {
				t.Fatalf("the first page has %d", len(first.ids("match")))
			}
			if r := c.get(first.link("next")); r.status != http.StatusInternalServerError {
				t.Errorf("the second page: HTTP %d", r.status)
			}
			c.e.Set(fakeehr.Fault{Kind: fakeehr.PageExpired})
			if r := c.get(c.get(path).link("next")); r.status != http.StatusBadRequest {
				t.Errorf("an expired page: HTTP %d", r.status)
			}
		})
	}
}

func TestVendorsSayForbiddenTheirWay(t *testing.T) {
	for _, tt := range []struct {
		vendor population.Vendor
		empty  bool
	}{{population.Epic, true}, {population.Cerner, false}, {population.Athena, false}} {
		t.Run(string(tt.vendor), func(t *testing.T) {
			c := start(t, fakeehr.Options{Vendor: tt.vendor}, chart(1)...)
			c.e.Set(fakeehr.Fault{Kind: fakeehr.Forbidden})
			if r := c.get("Patient/p1"); r.status != http.StatusForbidden || (len(r.body) == 0) != tt.empty {
				t.Errorf("HTTP %d %q", r.status, r.body)
			}
		})
	}
}

// TestScript: faults by type, interaction, method and turn.
func TestScript(t *testing.T) {
	const post = http.MethodPost
	for _, tt := range []struct {
		name   string
		script []fakeehr.Fault
		ask    []string // "GET path" or "POST path", each with the status that is to come
		want   []int
	}{
		{"by type", []fakeehr.Fault{{Kind: fakeehr.ServerError, Type: "Condition"}}, []string{"Condition?patient=p1", "Patient/p1"}, []int{500, 200}},
		{"by interaction", []fakeehr.Fault{{Kind: fakeehr.ServerError, Interaction: "read"}}, []string{"Patient?_id=p1", "Patient/p1"}, []int{200, 500}},
		{"by turn", []fakeehr.Fault{{Kind: fakeehr.Throttled, From: 2, Count: 2}}, []string{"Patient/p1", "Patient/p1", "Patient/p1", "Patient/p1"}, []int{200, 429, 429, 200}},
		{"the first that is due", []fakeehr.Fault{{Kind: fakeehr.Throttled, Count: 1}, {Kind: fakeehr.ServerError, Count: 2}}, []string{"Patient/p1", "Patient/p1", "Patient/p1"}, []int{429, 500, 200}},
		{"not the metadata", []fakeehr.Fault{{Kind: fakeehr.ServerError}}, []string{"metadata", ".well-known/smart-configuration", "Patient/p1"}, []int{200, 200, 500}},
		{"the metadata by name", []fakeehr.Fault{{Kind: fakeehr.ServerError, Interaction: "metadata"}}, []string{"metadata", "Patient/p1"}, []int{500, 200}},
		{"by method", []fakeehr.Fault{{Kind: fakeehr.ServerError, Method: post}}, []string{"Patient/p1"}, []int{200}},
		{"a token fault leaves the rest alone", []fakeehr.Fault{{Kind: fakeehr.TokenFails}}, []string{"Patient/p1"}, []int{200}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := start(t, fakeehr.Options{}, chart(1)...)
			c.e.Set(tt.script...)
			var got []int
			for _, a := range tt.ask {
				got = append(got, c.get(a).status)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}
