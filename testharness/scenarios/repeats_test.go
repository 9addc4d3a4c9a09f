package scenarios_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

const glassKey = "an-emergency-key-of-some-length"

// repeating is two people at a gateway that gives answers again, whose index others can open too.
func repeating(t *testing.T, fresh string) (x twoPeople, index *mpi.Index) {
	t.Helper()
	w := newWorld(t, testharness.Options{Population: population.Options{Seed: 21, Persons: 2, Registered: 3}})
	dir := t.TempDir()
	name, keys := "sqlite:"+dir+"/shared.db", dir+"/shared.db.key"
	if err := sqlstore.MakeKeyFile(keys); err != nil {
		t.Fatal(err)
	}
	glass := filepath.Join(dir, "glass")
	if err := os.WriteFile(glass, []byte(glassKey), 0o600); err != nil {
		t.Fatal(err)
	}
	x = twoPeople{rig: startKeyed(t, w, "5s", dir, map[string]string{"": "fresh_for: " + fresh + "\n", "mpi": "store: " + name + "\n  key_file: " + keys,
		"limits": "  read: 10000/minute\n  break_glass: {key_file: " + glass + "}\n", "cerner": "creates: [Condition]"}), mine: w.Population.Persons[0], theirs: w.Population.Persons[1]}
	x.me, _ = x.person(t, x.mine.Copies[0].Source, x.mine.Copies[0].ID)
	x.other, _ = x.person(t, x.theirs.Copies[0].Source, x.theirs.Copies[0].ID)
	ring, err := sqlstore.ReadKeys(keys)
	if err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.Open(t.Context(), name, sqlstore.Options{Keys: ring})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return x, mpi.NewIndex(store).By("usr-1")
}

// asked counts the searches that reached any source.
func (x twoPeople) asked() (n int) {
	for _, e := range x.world.EHRs {
		n += len(e.Requests())
	}
	return n
}

// TestRepeats: an answer is given again, byte for byte, to whoever asks the same with the same rights; its age is told, no
// source is asked, and it is in the trail. Everything else asks the sources.
func TestRepeats(t *testing.T) {
	x, _ := repeating(t, "1m")
	me := x.with(x.tokenOf(t, "user/*.rs", "sub", "usr-1"))
	path := "Condition?patient=" + x.me + "&_count=1000"
	first := me.get(t, path)
	if first.code != 200 || first.header.Get("Age") != "" || len(first.entries("match")) == 0 {
		t.Fatalf("HTTP %d, age %q", first.code, first.header.Get("Age"))
	}
	repeated := func(r *rig, path string, headers ...string) bool {
		t.Helper()
		before := x.asked()
		a := r.get(t, path, headers...)
		if a.code >= 500 {
			t.Errorf("HTTP %d", a.code)
		}
		told, quiet := a.header.Get("Age") != "", x.asked() == before
		if told && !quiet || told && a.header.Get("Cache-Control") != "no-store" {
			t.Error("an age, though sources were asked, or for others to keep")
		}
		if told && r == me && path == "Condition?patient="+x.me+"&_count=1000" && string(a.body) != string(first.body) {
			t.Error("it is another answer")
		}
		return told
	}
	glass := func(nonce string) string {
		m := hmac.New(sha256.New, []byte(glassKey))
		stamp := strconv.FormatInt(time.Now().Unix(), 10)
		_, _ = io.WriteString(m, stamp+"."+nonce+".usr-1.GET./fhir/r4/Condition")
		return "t=" + stamp + ",n=" + nonce + ",sig=" + hex.EncodeToString(m.Sum(nil))
	}
	for _, c := range []struct {
		name    string
		r       *rig
		path    string
		headers []string
		want    bool
	}{
		{"the same", me, path, nil, true},
		{"with another token of the same rights", x.with(x.tokenOf(t, "user/*.rs", "sub", "usr-1", "jti", "another")), path, nil, true},
		{"by another user", x.with(x.tokenOf(t, "user/*.rs", "sub", "usr-2")), path, nil, false},
		{"by another tenant", x.with(x.tokenOf(t, "user/*.rs", "sub", "usr-1", "tenant", "elsewhere")), path, nil, false},
		{"by another client", x.with(x.tokenOf(t, "user/*.rs", "sub", "usr-1", "client_id", "another")), path, nil, false},
		{"with fewer rights", x.with(x.tokenOf(t, "user/Condition.rs", "sub", "usr-1")), path, nil, false},
		{"with a granular scope", x.with(x.tokenOf(t, "user/Condition.rs?category=problem-list-item", "sub", "usr-1")), path, nil, false},
		{"with no right to it", x.with(x.tokenOf(t, "user/Observation.rs", "sub", "usr-1")), path, nil, false},
		{"another person", me, "Condition?patient=" + x.other + "&_count=1000", nil, false},
		{"another question", me, path + "&clinical-status=active", nil, false},
		{"another type", me, strings.Replace(path, "Condition", "Observation", 1), nil, false},
		{"what comes along", me, path + "&_include=Condition:encounter", nil, false},
		{"and again", me, path + "&_include=Condition:encounter", nil, false},
		{"anew", me, path, []string{"Cache-Control", "no-cache"}, false},
		{"nothing kept", me, path, []string{"Cache-Control", "No-Store"}, false},
		{"of an age", me, path, []string{"Cache-Control", "max-age=0"}, false},
		{"by an old word", me, path, []string{"Pragma", "no-cache"}, false},
		{"in an emergency", me, path, []string{"X-Break-Glass", glass("one")}, false},
		{"strictly", me, path, []string{"Prefer", "handling=strict"}, false},
		{"the same, still", me, path, nil, true},
	} {
		if got := repeated(c.r, c.path, c.headers...); got != c.want {
			t.Errorf("%s: given again: %t", c.name, got)
		}
	}
	// whoever got it twice is in the trail twice, with what was disclosed
	var disclosed []string
	for line := range strings.SplitSeq(x.trail(t), "\n") {
		var e struct {
			Sub       string          `json:"principal_id"`
			Type      string          `json:"fhir_resource_type"`
			Disclosed json.RawMessage `json:"disclosed"`
			Event     string          `json:"event_type"`
		}
		if json.Unmarshal([]byte(line), &e) == nil && e.Event == "fhir.api.access" && e.Type == "Condition" && e.Sub == "usr-1" {
			disclosed = append(disclosed, string(e.Disclosed))
		}
	}
	if len(disclosed) < 3 || disclosed[0] != disclosed[1] || disclosed[0] == "" {
		t.Errorf("the trail has %d answers, and of the first two %v", len(disclosed), disclosed[:min(2, len(disclosed))])
	}
	if !strings.Contains(metrics(t, x.rig), "concord_repeated_answers_total 3") {
		t.Error("the metric does not count them")
	}
	x.leaks(t, x.mine)
}

// TestRepeatsObeyUnlink: what is unlinked is in no answer from the next request on, whoever unlinked it.
func TestRepeatsObeyUnlink(t *testing.T) {
	x, index := repeating(t, "1m")
	path := "Condition?patient=" + x.me + "&_count=1000"
	for range 2 {
		if a := x.get(t, path); !strings.Contains(string(a.body), "/cerner.") {
			t.Fatal("there is nothing of Cerner's to be gone")
		}
	}
	var ref concord.PatientRef
	for _, c := range x.mine.Copies {
		if c.Source == "cerner" {
			ref = concord.NewPatientRef(c.Source, c.ID)
		}
	}
	kept, apart, err := index.Unlink(t.Context(), mpi.PersonID(x.me), ref)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []mpi.PersonID{kept.ID, kept.ID, apart.ID, mpi.PersonID(x.me)} {
		a := x.get(t, "Condition?patient="+string(id)+"&_count=1000")
		if both := strings.Contains(string(a.body), "/cerner.") && strings.Contains(string(a.body), "/epic."); both {
			t.Errorf("HTTP %d: what was unlinked is still in the record", a.code)
		}
	}
}

// TestRepeatsOfGaps: an answer that lacks a source is not given again; one that is whole is, and its source may be down; a
// create is seen at once; and what is no longer fresh is asked anew.
func TestRepeatsOfGaps(t *testing.T) {
	x, _ := repeating(t, "1m")
	path := "Condition?patient=" + x.me + "&_count=1000"
	bad := x.world.EHRs[0]
	gap := func(a reply) bool { return strings.Contains(strings.Join(a.issues(bad.Source()), " "), "warning ") }
	bad.Set(fakeehr.Fault{Kind: fakeehr.Forbidden, Type: "Condition"})
	for range 2 {
		if a := x.get(t, path); a.header.Get("Age") != "" || !gap(a) {
			t.Errorf("HTTP %d: a gap is not told, or given again", a.code)
		}
	}
	bad.Clear()
	whole := x.get(t, path)
	if gap(whole) || whole.header.Get("Age") != "" {
		t.Fatal("the source is not asked again")
	}
	bad.Set(fakeehr.Fault{Kind: fakeehr.Forbidden, Type: "Condition"})
	if a := x.get(t, path); a.header.Get("Age") == "" || string(a.body) != string(whole.body) {
		t.Error("a whole answer is not given again")
	}
	if a := x.get(t, path, "Cache-Control", "no-cache"); !gap(a) {
		t.Error("the source that is down is not told of to whom wants it anew")
	}
	bad.Clear()
	writer := twoPeople{rig: x.with(x.tokenOf(t, "user/*.cruds")), me: x.me, other: x.other}
	if a := writer.post(t, "Condition?_source=cerner", problem); a.code != http.StatusCreated {
		t.Fatalf("HTTP %d", a.code)
	}
	if a := x.get(t, path); a.header.Get("Age") != "" || !strings.Contains(string(a.body), "Filed here") {
		t.Error("what was filed is not there")
	}
	short, _ := repeating(t, "1ms")
	for range 2 {
		if a := short.get(t, "Condition?patient="+short.me); a.header.Get("Age") != "" {
			t.Error("it is given again though it is not fresh")
		}
	}
	never := startTwo(t)
	for range 2 {
		if a := never.get(t, "Condition?patient="+never.me); a.header.Get("Age") != "" {
			t.Error("it is given again though nobody wants that")
		}
	}
}
