package match_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

func TestModelIsSymmetricAndOrderWithinChangesNothing(t *testing.T) {
	m := match.Default()
	rapid.Check(t, func(t *rapid.T) {
		a, b := people().Draw(t, "a"), people().Draw(t, "b")
		x, y := match.Prepare(a), match.Prepare(b)
		v, d := m.Compare(&x, &y), m.Explain(&x, &y)
		if w := m.Compare(&y, &x); v != w {
			t.Fatalf("%+v, and the other way round %+v", v, w)
		}
		if diff := cmp.Diff(d, m.Explain(&y, &x)); diff != "" {
			t.Fatalf("not symmetric:\n%s", diff)
		}
		x2, y2 := match.Prepare(stir(t, a)), match.Prepare(stir(t, b))
		if w := m.Compare(&x2, &y2); w.Grade != v.Grade || w.Contradicts != v.Contradicts {
			t.Fatalf("the order within matters: %+v and %+v", v, w)
		}
		if d.Grade != v.Grade || d.Contradicts != v.Contradicts || math.IsNaN(v.Weight) || math.IsInf(v.Weight, 0) {
			t.Fatalf("%+v explained as %+v", v, d)
		}
		bands := map[mpi.Grade][2]float64{0: {0, 0.39}, mpi.Possible: {0.40, 0.64}, mpi.Probable: {0.65, 0.89}, mpi.Certain: {0.90, 0.99}}
		if band := bands[d.Grade]; d.Score < band[0] || d.Score > band[1] {
			t.Fatalf("score %v of grade %v", d.Score, d.Grade)
		}
		if d.Contradicts && d.Grade > mpi.Possible {
			t.Fatalf("%v of what contradicts", d.Grade)
		}
		// What rules are certain of the model does not take back.
		if rule := match.Compare(a, b); rule.Grade == mpi.Certain && d.Grade != mpi.Certain {
			t.Fatalf("certain by %s, and %v by the model", rule.Rule, d.Grade)
		}
	})
}

// The zero Record says nothing of anybody.
func TestZeroRecord(t *testing.T) {
	var zero match.Record
	j := match.Prepare(john(ids(ssn("412-33-9078"))))
	for _, r := range []*match.Record{&zero, &j} {
		if v := match.Default().Compare(&zero, r); v.Grade != 0 || v.Contradicts {
			t.Errorf("%+v", v)
		}
	}
	if n := len(zero.Keys(nil)); n != 0 {
		t.Errorf("%d keys", n)
	}
}

func TestCompareAllocatesNothing(t *testing.T) {
	x, y := candidates(40)
	a, b := match.Prepare(john(name("Núñez", "Łukasz"))), match.Prepare(john(name("Nuñes", "Lukasz")))
	c, d := match.Prepare(john(name("Достоевский", "Фёдор"))), match.Prepare(john(name("Достоевскии", "Федор")))
	m := match.Default()
	if n := testing.AllocsPerRun(10, func() {
		for i := range x {
			m.Compare(&x[i], &y[i])
		}
		m.Compare(&a, &b)
		m.Compare(&c, &d)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// learner has seen people of whom every second one has two records.
func learner() *match.Learner {
	l := match.NewLearner()
	x, y := candidates(3000)
	for i := range x {
		l.Count(&x[i])
		l.Count(&y[i])
		l.Random(&x[i], &y[(i+7)%len(y)])
		for _, p := range []match.Pass{match.ByBirthDate, match.ByNames, match.ByHouse} {
			l.Blocked(p, &x[i], &y[i], 1, p == match.ByBirthDate)
		}
	}
	return l
}

func TestModelSurvivesJSON(t *testing.T) {
	for name, m := range map[string]*match.Model{"default": match.Default(), "learnt": learner().Model(), "of nothing": match.NewLearner().Model()} {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			var back match.Model
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			if back.Version() != m.Version() || back.Records() != m.Records() || back.Repeats() != m.Repeats() {
				t.Errorf("%s of %d, and back %s of %d", m.Version(), m.Records(), back.Version(), back.Records())
			}
			x, y := candidates(50)
			for i := range x {
				if v, w := m.Compare(&x[i], &y[i]), back.Compare(&x[i], &y[i]); v != w {
					t.Fatalf("%+v, and back %+v", v, w)
				}
			}
		})
	}
}

// A model tells nothing of anybody: no name of the records is in it, and none by its hash that few have.
func TestModelHoldsNoNames(t *testing.T) {
	l := match.NewLearner()
	for range 30 {
		r := match.Prepare(john(name("Commonest", "Many")))
		l.Count(&r)
	}
	before, err := json.Marshal(l.Model())
	if err != nil {
		t.Fatal(err)
	}
	for range 19 {
		r := match.Prepare(john(name("Rarename", "Few")))
		l.Count(&r)
	}
	after, err := json.Marshal(l.Model())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(before), string(after)} {
		for _, name := range []string{"commonest", "many", "rarename", "few"} {
			if strings.Contains(strings.ToLower(text), name) {
				t.Errorf("%s is in the model", name)
			}
		}
		if n := strings.Count(text, `[["`); n != 2 { // one family name, one given name
			t.Errorf("%d lists of common names in %s", n, text)
		}
		var m struct {
			Family struct{ Common []any }
		}
		if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Family.Common) != 1 {
			t.Errorf("%d common family names, %v", len(m.Family.Common), err)
		}
	}
}

func TestModelRefuses(t *testing.T) {
	good, err := json.Marshal(match.Default())
	if err != nil {
		t.Fatal(err)
	}
	swap := func(from, to string) string {
		s := strings.Replace(string(good), from, to, 1)
		if s == string(good) {
			t.Fatalf("%s is not in the model", from)
		}
		return s
	}
	tests := []struct {
		name, text string
		want       concord.Kind
	}{
		{"what is no JSON", "{", concord.Malformed},
		{"what is none", "[]", concord.Malformed},
		{"nothing", "{}", concord.Unsupported},
		{"another format", swap(`"format":1`, `"format":2`), concord.Unsupported},
		{"no records", swap(`"records":1000000`, `"records":0`), concord.Malformed},
		{"a probability above 1", swap(`"gender":[0.985,`, `"gender":[1.985,`), concord.Malformed},
		{"a probability below 0", swap(`"gender":[0.985,`, `"gender":[-0.985,`), concord.Malformed},
		{"a level too many", swap(`"gender":[0.985,`, `"gender":[0.985,0,`), concord.Malformed},
		{"a field too few", swap(`"gender"`, `"sex"`), concord.Malformed},
		{"no relatives", swap(`"others":[2,`, `"others":[0,`), concord.Malformed},
		{"a name that is no hash", swap(`"family":{"other"`, `"family":{"common":[["smith",0.01]],"other"`), concord.Malformed},
		{"a share of more than all", swap(`"family":{"other"`, `"family":{"common":[["1f",1.01]],"other"`), concord.Malformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m match.Model
			if err := m.UnmarshalJSON([]byte(tt.text)); !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
		})
	}
}

// What is learnt from people whose records have no slips is another model than that of people whose family names have.
func TestLearnerLearns(t *testing.T) {
	weigh := func(slips int) float64 {
		l := match.NewLearner()
		var all []match.Record
		for i := range 400 {
			d := john(name(string(rune('a'+i%26))+"berwick"+string(rune('a'+i/26)), "given"+string(rune('a'+i%23))), born(day(i)), at(zip(i), "12 Main Street"), phones(), emails())
			e := d
			if i%10 < slips {
				e.Names = []mpi.Name{{Family: d.Names[0].Family + "xx", Given: d.Names[0].Given}}
			}
			all = append(all, match.Prepare(d), match.Prepare(e))
		}
		for i := range all {
			l.Count(&all[i])
			for j := range i {
				if (i+j)%5 == 0 {
					l.Random(&all[i], &all[j])
				}
			}
		}
		for i := 0; i < len(all); i += 2 {
			l.Blocked(match.ByBirthDate, &all[i], &all[i+1], 1, true)
			l.Blocked(match.ByHouse, &all[i], &all[i+1], 1, false)
		}
		m := l.Model()
		if m.Repeats() < 0.8 || m.Repeats() > 1.2 {
			t.Errorf("%.2f other records of a person, of which there is one", m.Repeats())
		}
		a, b := match.Prepare(john(name("Abernathy", "John"))), match.Prepare(john(name("Zuleger", "John")))
		for _, f := range m.Explain(&a, &b).Fields {
			if f.Field == mpi.FieldFamily {
				return f.Weight
			}
		}
		return 0
	}
	if few, many := weigh(0), weigh(5); few >= 0 || many >= 0 {
		t.Errorf("another family name weighs %.1f and %.1f bits", few, many)
	}
}

func day(i int) string { return "19" + two(30+i%60) + "-" + two(1+i%12) + "-" + two(1+i%28) }
func zip(i int) string { return "0" + two(10+i%80) + two(10+i/80) }
func two(i int) string { return string(rune('0'+i/10)) + string(rune('0'+i%10)) }

func TestKeys(t *testing.T) {
	shares := func(a, b mpi.Demographics) map[match.Pass]bool {
		x, y := match.Prepare(a), match.Prepare(b)
		out := map[match.Pass]bool{}
		for _, k := range x.Keys(nil) {
			for _, l := range y.Keys(nil) {
				if k.Pass == l.Pass && k.Hash[0] == l.Hash[0] {
					out[k.Pass] = true
				}
			}
		}
		return out
	}
	tests := []struct {
		name string
		b    mpi.Demographics
		want []match.Pass
	}{
		{"another name", john(name("Oyelaran", "Tunde")), []match.Pass{match.ByBirthDate, match.ByPhone, match.ByHouse}},
		{"names exchanged, born another day", john(name("John", "Abernathy"), born("1990-12-01")), []match.Pass{match.ByNames, match.ByName, match.ByNamePlace}},
		{"a nickname and another family name", john(name("Smith", "Jack"), born("1990-12-01"), bare), []match.Pass{match.ByName}},
		{"the e-mail at another provider", john(name("Smith", "Ann"), born("1990-12-01"), bare, emails("jq.abernathy@other.example.org")), []match.Pass{match.ByMailbox}},
		{"the house number is off", john(name("Smith", "Ann"), born("1990-12-01"), bare, at("02118", "21 Main Street")), []match.Pass{match.ByStreet, match.ByPlace}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := shares(john(), tt.b)
			for _, p := range tt.want {
				if !got[p] {
					t.Errorf("not found by %v", p)
				}
			}
		})
	}
	many := john()
	for i := range 200 {
		many.Phones = append(many.Phones, "617555"+two(i%90+10)+two(i%70+10))
	}
	r := match.Prepare(many)
	if n := len(r.Keys(nil)); n > 64 {
		t.Errorf("%d keys", n)
	}
	for p := range match.Passes {
		if p.String() == "" || p.String() == "none" {
			t.Errorf("pass %d has no name", p)
		}
	}
}

func FuzzModel(f *testing.F) {
	f.Add("O'Hare, Jr.", "John Quincy", "1961-04-07", "a1@b.example.org", "12 Main St #4", "02118-1234", "Boston")
	f.Add("\u0130ıß\u0301", "Zoe\u0308", "2000-13-01", "@", "#", "-", "")
	f.Add("de la", "II", "4/7/61", "mailto:x@y.z", "12", "00000", "unknown")
	m := match.Default()
	f.Fuzz(func(t *testing.T, family, given, date, email, line, zip, city string) {
		d := mpi.Demographics{Names: []mpi.Name{{Family: family, Given: []string{given}}}, BirthDate: date, Emails: []string{email}, Deceased: date, Seen: date,
			Addresses: []mpi.Address{{Lines: []string{line, family}, PostalCode: zip, City: city}}}
		a, b := match.Prepare(d), match.Prepare(john())
		if v, w := m.Compare(&a, &b), m.Compare(&b, &a); v != w {
			t.Errorf("%+v and %+v", v, w)
		}
		same := m.Explain(&a, &a)
		for _, l := range same.Fields {
			if l.Level == mpi.Differs {
				t.Errorf("somebody differs from themself: %+v", same.Fields)
			}
		}
		for _, k := range a.Keys(nil) {
			if k.Pass >= match.Passes {
				t.Errorf("pass %d", k.Pass)
			}
		}
	})
}

func FuzzUnmarshalModel(f *testing.F) {
	good, err := json.Marshal(match.Default())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(`{"format":1,"family":{"common":[[1,2]]}}`)
	f.Fuzz(func(t *testing.T, s string) {
		var m match.Model
		if m.UnmarshalJSON([]byte(s)) != nil {
			return
		}
		a, b := match.Prepare(john()), match.Prepare(john())
		if v := m.Compare(&a, &b); math.IsNaN(v.Weight) || math.IsInf(v.Weight, 0) {
			t.Errorf("%+v", v)
		}
	})
}
