package drills_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"concord"
	"concord/testharness/population"
)

// types are what is asked for: the truth knows every copy of them, and every vendor has them.
var types = []string{"Condition", "Observation", "AllergyIntolerance", "Immunization"}

// grace is what an answer may take beyond the largest source's budget.
const grace = 2 * time.Second

// question is a search for one person's resources of one type.
type question struct {
	person population.PersonKey
	typ    string
	path   string
}

// id is the person as the gateway names it.
func (r *rig) id(ctx context.Context, p population.Person) (string, error) {
	a, err := r.get(ctx, "Patient?_id="+url.QueryEscape(string(p.Copies[0].Source)+"."+p.Copies[0].ID))
	if err != nil {
		return "", err
	}
	found := entries(a.json, "match")
	if len(found) != 1 {
		return "", fmt.Errorf("HTTP %d: a patient is %d people", a.code, len(found))
	}
	if got := len(contributors(found[0])); got != len(p.Copies) {
		return "", fmt.Errorf("%d of %d records are linked: %s", got, len(p.Copies), a.header.Get("Server-Timing"))
	}
	return fmt.Sprint(found[0]["id"]), nil
}

// verdict is what the truth says of an answer.
type verdict struct {
	missing []concord.SourceID // that the answer itself says are missing
	refused bool               // no answer, and said in a way that a client understands
	wrong   []string
}

func (v *verdict) say(format string, args ...any) {
	v.wrong = append(v.wrong, fmt.Sprintf(format, args...))
}

// whole tells whether nothing is missing.
func (v verdict) whole() bool { return len(v.missing) == 0 && !v.refused }

// judge holds an answer to the truth: complete, or marked incomplete; never wrong, and never another patient's.
func (r *rig) judge(q question, a reply) (v verdict) {
	if limit := r.budget + grace; a.took > limit {
		v.say("took %v, above %v; %s", a.took, limit, a.header.Get("Server-Timing"))
	}
	switch a.code {
	case http.StatusOK:
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		v.refused = true
		if a.json["resourceType"] != "OperationOutcome" {
			v.say("HTTP %d without an OperationOutcome", a.code)
		}
		if a.code == http.StatusServiceUnavailable && a.header.Get("Retry-After") == "" {
			v.say("503 without Retry-After")
		}
		return v
	default:
		v.say("HTTP %d", a.code)
		return v
	}
	truth := r.net.World.Truth
	for _, e := range r.net.World.EHRs {
		if warned(a.json, e.Source()) {
			v.missing = append(v.missing, e.Source())
		}
	}
	_, total := a.json["total"]
	switch {
	case len(v.missing) == len(r.net.World.EHRs) && len(entries(a.json, "match")) == 0:
		v.say("an empty answer, of which every source is missing")
	case total && len(v.missing) > 0:
		v.say("a total of what is not all there")
	case !total && len(v.missing) == 0:
		v.say("no total, and nobody is missing")
	}
	var groups [][]population.Copy
	for _, m := range entries(a.json, "match") {
		var group []population.Copy
		for _, name := range contributors(m) {
			c := copyOf(name)
			switch {
			case truth.Event[c].Person() != q.person:
				v.say("a copy of somebody else")
			case c.Type != q.typ:
				v.say("a copy of another type")
			}
			group = append(group, c)
		}
		groups = append(groups, group)
	}
	score := truth.Score(groups, func(c population.Copy) bool {
		return c.Type == q.typ && truth.Event[c].Person() == q.person && !slices.Contains(v.missing, c.Source)
	})
	if score.Lost+score.Twice+score.Unknown+score.Wrong+score.Silent > 0 {
		v.say("%d copies are missing and their sources are not named, %d are there twice, %d unknown, %d merged wrongly, %d conflicts silent", score.Lost, score.Twice, score.Unknown, score.Wrong, score.Silent)
	}
	return v
}

func copyOf(reference string) population.Copy {
	typ, rest, _ := strings.Cut(reference, "/")
	source, id, _ := strings.Cut(rest, ".")
	return population.Copy{Source: concord.SourceID(source), Type: typ, ID: id}
}

// entries are the resources of a Bundle with that search mode.
func entries(bundle resource, mode string) (out []resource) {
	list, _ := bundle["entry"].([]any)
	for _, e := range list {
		m, _ := e.(resource)
		s, _ := m["search"].(resource)
		if res, ok := m["resource"].(resource); ok && s["mode"] == mode {
			out = append(out, res)
		}
	}
	return out
}

// warned tells whether the answer says that a source is missing from it, in whole or in part.
func warned(bundle resource, source concord.SourceID) bool {
	for _, o := range entries(bundle, "outcome") {
		list, _ := o["issue"].([]any)
		for _, i := range list {
			m, _ := i.(resource)
			d, _ := m["details"].(resource)
			codings, _ := d["coding"].([]any)
			for _, c := range codings {
				if x, _ := c.(resource); x["code"] == string(source) && (m["severity"] == "warning" || m["severity"] == "error") {
					return true
				}
			}
		}
	}
	return false
}

// contributors are the copies that a resource says it stands for.
func contributors(res resource) (out []string) {
	meta, _ := res["meta"].(resource)
	list, _ := meta["extension"].([]any)
	for _, e := range list {
		m, _ := e.(resource)
		v, _ := m["valueReference"].(resource)
		if ref, ok := v["reference"].(string); ok && m["url"] == "urn:concord:contributor" {
			out = append(out, ref)
		}
	}
	return out
}
