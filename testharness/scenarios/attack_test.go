package scenarios_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"concord/testharness"
	"concord/testharness/issuer"
	"concord/testharness/population"
)

// twoPeople is a gateway in front of two people who are known everywhere.
type twoPeople struct {
	*rig
	me, other           string // the persons' ids
	mine, theirs        population.Person
	myCopies, theirOnes map[string]bool // of events, by the gateway's names
}

func startTwo(t *testing.T) twoPeople {
	t.Helper()
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 21, Persons: 2, Registered: 3}})
	x := twoPeople{rig: start(t, w, "5s"), mine: w.Population.Persons[0], theirs: w.Population.Persons[1], myCopies: map[string]bool{}, theirOnes: map[string]bool{}}
	x.me, _ = x.person(t, x.mine.Copies[0].Source, x.mine.Copies[0].ID)
	x.other, _ = x.person(t, x.theirs.Copies[0].Source, x.theirs.Copies[0].ID)
	for c, ev := range w.Truth.Event {
		name := c.Type + "/" + string(c.Source) + "." + c.ID
		switch ev.Person() {
		case x.mine.Key:
			x.myCopies[name] = true
		case x.theirs.Key:
			x.theirOnes[name] = true
		}
	}
	return x
}

// one is the id of a copy of that type.
func one(t *testing.T, copies map[string]bool, typ string) string {
	t.Helper()
	best := ""
	for c := range maps.Keys(copies) {
		if id, ok := strings.CutPrefix(c, typ+"/"); ok && (best == "" || id < best) && len(id) <= 64 {
			best = id
		}
	}
	if best == "" {
		t.Fatalf("there is no %s", typ)
	}
	return best
}

// harmless tells that nothing of the other person is in an answer.
func (x twoPeople) harmless(t *testing.T, a reply) {
	t.Helper()
	for _, mode := range []string{"match", "include"} {
		for _, e := range a.entries(mode) {
			if e["id"] == x.other {
				t.Error("the other person came back")
			}
			for _, c := range contributors(e) {
				if x.theirOnes[c] {
					t.Error("another patient's copy came back")
				}
			}
		}
	}
	if entries, err := json.Marshal(a.json["entry"]); err != nil || strings.Contains(string(entries), x.theirs.Phone) {
		t.Error("the other's data came back")
	}
}

func (x twoPeople) fill(path, theirs string) string {
	return strings.NewReplacer("{me}", x.me, "{other}", x.other, "{theirs}", theirs, "{othersRecord}", string(x.theirs.Copies[0].Source)+"."+x.theirs.Copies[0].ID,
		"{base}", public+"/fhir/r4").Replace(path)
}

// TestBadTokens: tokens that must open nothing, rows 1 to 10 of the usual attacks.
func TestBadTokens(t *testing.T) {
	x := startTwo(t)
	good := func() issuer.Claims { return x.issuer.Claims(public+"/fhir/r4", "user/*.rs") }
	sign := func(header map[string]any, c issuer.Claims) string {
		s, err := x.issuer.Sign(header, c)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	forge := func(header map[string]any) string {
		s, err := x.issuer.Forge(header, good())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	other, err := issuer.Start(issuer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	foreign, err := other.Token(other.Claims(public+"/fhir/r4", "user/*.rs"))
	if err != nil {
		t.Fatal(err)
	}
	whole := x.token
	for _, c := range []struct{ name, token string }{
		{"1 none", sign(map[string]any{"alg": "none"}, good())},
		{"1 an empty signature", whole[:strings.LastIndexByte(whole, '.')+1]},
		{"2 HS256 by the public key", sign(map[string]any{"alg": "HS256"}, good())},
		{"3 jku", forge(map[string]any{"alg": "RS384", "jku": other.JWKSURL()})},
		{"3 jwk", forge(map[string]any{"alg": "RS384", "jwk": map[string]any{"kty": "RSA", "n": "AQAB", "e": "AQAB"}})},
		{"4 kid of a path", forge(map[string]any{"alg": "RS384", "kid": "../../dev/null"})},
		{"4 kid of 10 kB", forge(map[string]any{"alg": "RS384", "kid": strings.Repeat("k", 10_000)})},
		{"5 garbage behind", whole + "x"},
		{"5 four parts", whole + ".AAAA"},
		{"5 padding", strings.Replace(whole, ".", "=.", 1)},
		{"6 expired", x.tokenOf(t, "user/*.rs", "exp", time.Now().Unix()-61)},
		{"6 not yet", x.tokenOf(t, "user/*.rs", "nbf", time.Now().Unix()+600)},
		{"6 exp as a string", x.tokenOf(t, "user/*.rs", "exp", fmt.Sprint(time.Now().Unix()+100))},
		{"6 exp below zero", x.tokenOf(t, "user/*.rs", "exp", -1)},
		{"6 without exp", x.tokenOf(t, "user/*.rs", "exp", nil)},
		{"7 another audience", x.tokenOf(t, "user/*.rs", "aud", public)},
		{"8 another issuer", foreign},
		{"8 the issuer with a slash", x.tokenOf(t, "user/*.rs", "iss", x.issuer.URL()+"/")},
		{"9 an ID token", x.tokenOf(t, "user/*.rs", "aud", "harness-app", "nonce", "n", "scope", nil)},
		{"10 another's key", forge(map[string]any{"alg": "RS384", "kid": "rsa-1"})},
		{"10 PS512", sign(map[string]any{"alg": "PS512", "kid": "rsa-1"}, good())},
		{"no token", ""},
		{"no JWT", base64.RawURLEncoding.EncodeToString([]byte("open sesame"))},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := x.with(c.token).get(t, "Condition?patient="+x.me)
			if a.code != http.StatusUnauthorized || a.json["resourceType"] != "OperationOutcome" || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("HTTP %d %v", a.code, a.json["resourceType"])
			}
		})
	}
	t.Run("7 ours among the audiences", func(t *testing.T) {
		if a := x.with(x.tokenOf(t, "user/*.rs", "aud", []string{"https://a.example.org", public + "/fhir/r4"})).get(t, "Condition?patient="+x.me); a.code != 200 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	t.Run("11 a flood of kids", func(t *testing.T) {
		before := x.issuer.JWKSHits()
		for i := range 50 {
			x.with(forge(map[string]any{"alg": "RS384", "kid": fmt.Sprint("flood-", i)})).get(t, "Condition?patient="+x.me)
		}
		if n := x.issuer.JWKSHits() - before; n > 2 {
			t.Errorf("%d fetches", n)
		}
	})
	t.Run("12 keys that can't be had", func(t *testing.T) {
		x.issuer.SetDown(true)
		defer x.issuer.SetDown(false)
		if a := x.get(t, "Condition?patient="+x.me); a.code != 200 && a.code != 503 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	if n := other.JWKSHits(); n > 0 {
		t.Errorf("a token's own key URL was asked %d times", n)
	}
}

// TestAttacks: what a patient's token must not open, rows 13 to 40 as far as there is something to attack.
func TestAttacks(t *testing.T) {
	x := startTwo(t)
	const lab = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
	theirs := one(t, x.theirOnes, "Observation")
	vital := ""
	for _, e := range x.get(t, "Observation?patient="+x.me+"&category=vital-signs&_count=1").entries("match") {
		vital = fmt.Sprint(e["id"])
	}
	for _, c := range []struct {
		name, scope, path string
		codes             []int
	}{
		{"13 another type", "patient/Patient.read", "Observation?patient={me}", []int{403}},
		{"13 reading does not search", "patient/Observation.r", "Observation?patient={me}", []int{403}},
		{"13 searching does not read", "patient/Observation.s", "Observation/" + one(t, x.myCopies, "Observation"), []int{403}},
		{"15 another patient", "patient/Observation.rs", "Observation?patient={other}", []int{403}},
		{"15 another's record", "patient/Observation.rs", "Observation?patient={othersRecord}", []int{403}},
		{"15 by subject", "patient/Observation.rs", "Observation?subject=Patient/{other}", []int{403}},
		{"15 by subject and type", "patient/Observation.rs", "Observation?subject:Patient={other}", []int{403}},
		{"15 by URL", "patient/Observation.rs", "Observation?subject={base}/Patient/{other}", []int{403}},
		{"15 mine, and another's", "patient/Observation.rs", "Observation?patient={me},{other}", []int{403}},
		{"15 another's, and mine", "patient/Observation.rs", "Observation?patient={other},{me}", []int{403}},
		{"15 twice", "patient/Observation.rs", "Observation?patient={me}&patient={other}", []int{403}},
		{"15 twice, in two ways", "patient/Observation.rs", "Observation?patient={me}&subject=Patient/{other}", []int{403}},
		{"15 nobody", "patient/Observation.rs", "Observation?patient=nobody", []int{403}},
		{"15 another's, by identifier", "patient/*.rs", "Observation?patient.identifier=http://hl7.org/fhir/sid/us-ssn|" + x.theirs.SSN, []int{403}},
		{"16 read", "patient/Observation.rs", "Observation/{theirs}", []int{403, 404}},
		{"16 read of what is not", "patient/Observation.rs", "Observation/epic.nothing", []int{403, 404}},
		{"16 by id", "patient/Observation.rs", "Observation?_id={theirs}", []int{403}},
		{"16 by id, with my name on it", "patient/Observation.rs", "Observation?_id={theirs}&patient={me}", []int{200}},
		{"17 the other person", "patient/*.rs", "Patient/{other}", []int{403}},
		{"17 the other's record", "patient/*.rs", "Patient/{othersRecord}", []int{403}},
		{"17 the other by id", "patient/*.rs", "Patient?_id={other}", []int{403}},
		{"17 both by id", "patient/*.rs", "Patient?_id={me},{other}", []int{403}},
		{"17 everything of the other", "patient/*.rs", "Patient/{other}/$everything", []int{403}},
		{"17 everything of the other's record", "patient/*.rs", "Patient/{othersRecord}/$everything", []int{403}},
		{"17 everything of me, and of the other", "patient/*.rs", "Patient/{me}/$everything?patient={other}", []int{400, 403}},
		{"17 the other by link", "patient/*.rs", "Patient?link=Patient/{othersRecord}", []int{200}},
		{"17 the other by name", "patient/*.rs", "Patient?family=" + url.QueryEscape(x.theirs.Family), []int{200}},
		{"18 include", "patient/Observation.rs", "Observation?patient={me}&_include=Observation:subject", []int{200}},
		{"19 revinclude", "patient/Observation.rs", "Observation?patient={me}&_revinclude=Provenance:target", []int{200}},
		{"20 reverse chain", "patient/Patient.rs", "Patient?_has:Observation:patient:code=1234-5", []int{403}},
		{"20 chain", "patient/Observation.rs", "Observation?subject:Patient.name=x", []int{400, 403}},
		{"20 chain by identifier", "patient/Observation.rs", "Observation?patient.identifier=a|b", []int{403}},
		{"21 granular, read", lab, "Observation/" + vital, []int{403}},
		{"21 granular, by id", lab, "Observation?_id=" + vital, []int{200, 403}},
		{"22 granular by what is no parameter", "patient/Observation.rs?foo=bar", "Observation?patient={me}", []int{403}},
		{"22 granular with a modifier", "patient/Observation.rs?category:not=laboratory", "Observation?patient={me}", []int{403}},
		{"23 letters out of order", "patient/Observation.sr", "Observation?patient={me}", []int{403}},
		{"23 capitals", "PATIENT/Observation.rs", "Observation?patient={me}", []int{403}},
		{"23 a letter too many", "patient/Observation.rsx", "Observation?patient={me}", []int{403}},
		{"23 a tab", "patient/*.read\t", "Observation?patient={me}", []int{403}},
		{"28 two slashes", "user/*.rs", "/Patient", []int{400, 404}},
		{"28 up", "user/*.rs", "Observation/..%2fPatient/{me}", []int{400, 404}},
		{"28 dots", "user/*.rs", "Observation/%2e%2e/Patient/{me}", []int{400, 404}},
		{"28 semicolon", "user/*.rs", "Patient/{me};x", []int{400, 404}},
		{"28 NUL", "user/*.rs", "Patient/{me}%00", []int{400, 404}},
		{"28 overlong UTF-8", "user/*.rs", "Patient/%c0%ae", []int{400, 404}},
		{"a token in the query", "user/*.rs", "Patient/{me}?access_token=x", []int{400, 401}},
		{"no patient, wide", "user/*.rs", "Observation", []int{400}},
		{"no patient, confined", "patient/Observation.rs", "Observation", []int{200}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := x.with(x.tokenOf(t, c.scope, "patient", x.me)).get(t, x.fill(c.path, theirs))
			ok := false
			for _, code := range c.codes {
				ok = ok || a.code == code
			}
			if !ok {
				t.Errorf("HTTP %d, want one of %v", a.code, c.codes)
			}
			if a.code != 200 && a.json["resourceType"] != "OperationOutcome" {
				t.Errorf("%v", a.json["resourceType"])
			}
			if a.code == 403 && !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope") {
				t.Error("no challenge")
			}
			x.harmless(t, a)
			for _, e := range append(a.entries("include"), a.entries("match")...) {
				if typ := fmt.Sprint(e["resourceType"]); !strings.HasPrefix(c.scope, "user/") && c.scope != "patient/*.rs" && !strings.Contains(c.scope, "/"+typ+".") {
					t.Errorf("a %s came past %s", typ, c.scope)
				}
			}
			for _, e := range a.entries("match") {
				if c.scope == lab && !strings.Contains(fmt.Sprint(e["category"]), "laboratory") {
					t.Error("a hidden category came back")
				}
			}
		})
	}
}

// TestTricks: attacks that need more than a path.
func TestTricks(t *testing.T) {
	x := startTwo(t)
	confined := x.with(x.tokenOf(t, "patient/*.rs", "patient", x.me))
	t.Run("14 no patient in the token", func(t *testing.T) {
		if a := x.with(x.tokenOf(t, "patient/*.rs")).get(t, "Observation?patient="+x.me); a.code != 403 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	t.Run("the patient as a source's record", func(t *testing.T) {
		c := x.mine.Copies[1]
		r := x.with(x.tokenOf(t, "patient/Condition.rs", "patient", string(c.Source)+"."+c.ID))
		if a := r.get(t, "Condition?patient="+x.me); a.code != 200 {
			t.Errorf("HTTP %d", a.code)
		}
		if a := r.get(t, "Condition?patient="+x.other); a.code != 403 {
			t.Errorf("another: HTTP %d", a.code)
		}
	})
	t.Run("15 form and URL", func(t *testing.T) {
		a := confined.do(t, "POST", "Observation/_search?patient="+x.me, "patient="+x.other, "Content-Type", "application/x-www-form-urlencoded")
		if a.code != 403 {
			t.Errorf("HTTP %d", a.code)
		}
		x.harmless(t, a)
	})
	t.Run("26 another method in a header", func(t *testing.T) {
		a := x.get(t, "Patient/"+x.me+"?_method=DELETE", "X-HTTP-Method-Override", "DELETE", "X-Method-Override", "DELETE")
		if a.code != 200 || a.json["id"] != x.me {
			t.Errorf("HTTP %d", a.code)
		}
	})
	for _, c := range []struct{ name, path, accept string }{
		{"27 XML", "Patient/{me}", "application/fhir+xml"},
		{"27 HTML", "Patient/{me}", "text/html"},
		{"27 _format=xml", "Patient/{me}?_format=xml", "application/fhir+json"},
		{"27 _format=html in a search", "Condition?patient={me}&_format=text/html", "*/*"},
		{"27 another FHIR", "Patient/{me}", "application/fhir+json; fhirVersion=3.0"},
		{"27 metadata in XML", "metadata?_format=xml", "*/*"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := x.get(t, x.fill(c.path, ""), "Accept", c.accept)
			if a.code != http.StatusNotAcceptable || !strings.HasPrefix(a.header.Get("Content-Type"), "application/fhir+json") || a.header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("HTTP %d %s", a.code, a.header.Get("Content-Type"))
			}
		})
	}
	t.Run("27 _format wins", func(t *testing.T) {
		if a := x.get(t, "Patient/"+x.me+"?_format=json", "Accept", "text/html"); a.code != 200 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	t.Run("31 one caller's answer is not another's", func(t *testing.T) {
		path := "Observation?patient=" + x.me + "&_count=10000"
		wide := x.get(t, path)
		narrow := x.with(x.tokenOf(t, "user/Observation.rs?category=laboratory", "tenant", "elsewhere")).get(t, path)
		again := x.get(t, path)
		if string(wide.body) != string(again.body) || len(narrow.entries("match")) >= len(wide.entries("match")) || len(narrow.entries("match")) == 0 {
			t.Errorf("%d and %d matches", len(wide.entries("match")), len(narrow.entries("match")))
		}
	})
	t.Run("32 a page of another token", func(t *testing.T) {
		next := x.get(t, "Observation?patient="+x.me+"&_count=1").link("next")
		for name, token := range map[string]string{"another user": x.tokenOf(t, "user/*.rs", "sub", "somebody-else"), "another client": x.tokenOf(t, "user/*.rs", "client_id", "another-app"),
			"less": x.tokenOf(t, "user/Condition.rs")} {
			if a := x.with(token).get(t, next); a.code != 403 && a.code != 404 {
				t.Errorf("%s: HTTP %d", name, a.code)
			}
		}
		if a := x.with(x.tokenOf(t, "user/Observation.rs")).get(t, next); a.code != 200 {
			t.Errorf("the same caller's next token: HTTP %d", a.code)
		}
	})
	t.Run("37 no telling who there is", func(t *testing.T) {
		for _, pair := range [][2]string{{"Observation/" + one(t, x.theirOnes, "Observation"), "Observation/epic.nothing"}, {"Patient/" + x.other, "Patient/nobody"},
			{"Condition?patient=" + x.other, "Condition?patient=nobody"}, {"Patient/" + x.other + "/$everything", "Patient/nobody/$everything"}, {"Patient?_id=" + x.other, "Patient?_id=nobody"}} {
			there, not := confined.get(t, pair[0]), confined.get(t, pair[1])
			if there.code != 403 || not.code != 403 || string(there.body) != string(not.body) || there.header.Get("WWW-Authenticate") != not.header.Get("WWW-Authenticate") {
				t.Errorf("HTTP %d and %d: what is there can be told from what is not", there.code, not.code)
			}
		}
	})
	t.Run("33 a forged host", func(t *testing.T) {
		a := x.get(t, "Observation?patient="+x.me+"&_count=1", "X-Forwarded-Host", "evil.example.org", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example.org")
		if strings.Contains(string(a.body), "evil") || !strings.HasPrefix(a.link("next"), public+"/fhir/r4/Observation?") {
			t.Error("links follow a header")
		}
	})
	t.Run("34 a tenant in a header", func(t *testing.T) {
		next := x.get(t, "Observation?patient="+x.me+"&_count=1").link("next")
		if a := x.with(x.tokenOf(t, "user/*.rs", "tenant", "elsewhere")).get(t, next, "X-Tenant-ID", "lakeside"); a.code != 403 && a.code != 404 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	t.Run("36 an emergency that nobody has a key for", func(t *testing.T) {
		if a := x.get(t, "Patient/"+x.me, "X-Break-Glass", "t=1,n=a,sig=00"); a.code != 403 {
			t.Errorf("HTTP %d", a.code)
		}
	})
	for _, c := range []struct{ name, method, path string }{
		{"24 create", "POST", "Observation"}, {"24 update", "PUT", "Observation/epic.1"}, {"39 patch", "PATCH", "Observation/epic.1"}, {"24 delete", "DELETE", "Observation/epic.1"},
		{"25 batch", "POST", ""}, {"export", "GET", "$export"}, {"CDS Hooks", "POST", public + "/cds-services/order-check"}, {"CDS Hooks, the list", "GET", public + "/cds-services"}, {"match", "POST", "Patient/$match"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := x.do(t, c.method, c.path, `{"resourceType":"Observation"}`, "Content-Type", "application/fhir+json")
			if a.code < 400 || a.code > 501 || a.json["resourceType"] != "OperationOutcome" {
				t.Errorf("HTTP %d", a.code)
			}
		})
	}
}
