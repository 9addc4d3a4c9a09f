package drills_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"concord/testharness/drills"
	"concord/testharness/population"
)

// budget is that of each source in the drills.
const budget = 800 * time.Millisecond

// well asks until an answer is whole, and holds each to the truth.
func (r *rig) well(t *testing.T, q question) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); ; {
		v := r.ask(t, q)
		if v.whole() || t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not healthy again after a minute: %v", v.missing)
		}
		wait := time.NewTimer(200 * time.Millisecond)
		<-wait.C
	}
}

func (r *rig) ask(t *testing.T, q question) verdict {
	t.Helper()
	a, err := r.get(t.Context(), q.path)
	if err != nil {
		t.Fatal(err)
	}
	v := r.judge(q, a)
	for _, w := range v.wrong {
		t.Errorf("%s: %s", q.typ, w)
	}
	return v
}

// questions are all that is asked about a person.
func (r *rig) questions(t *testing.T, p population.Person) (out []question) {
	t.Helper()
	id, err := r.id(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range types {
		out = append(out, question{p.Key, typ, fmt.Sprintf("%s?patient=%s&_count=10000", typ, id)})
	}
	return out
}

// TestDrills: whatever is broken between the gateway and one EHR, or two, each answer is complete or says what is missing; it
// is never wrong, and never another patient's; and once the fault is over, answers are whole again by themselves.
func TestDrills(t *testing.T) {
	const groups = 4
	all := drills.All()
	type pair struct {
		first, second drills.Drill
		at            int
	}
	pairs := make([]pair, 0, 8)
	const seed = 20
	dice := rand.New(rand.NewPCG(seed, seed))
	for range cap(pairs) {
		pairs = append(pairs, pair{all[dice.IntN(len(all))], all[dice.IntN(len(all))], dice.IntN(3)})
	}
	for g := range groups {
		t.Run(fmt.Sprintf("group %d", g), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, uint64(40+g), 2, budget, false, "    hedge: true\n")
			qs := r.questions(t, r.net.World.Population.Persons[0])
			for i := g; i < len(all); i += groups {
				t.Run(all[i].Name, func(t *testing.T) { r.drill(t, qs, i, all[i]) })
			}
			for i := g; i < len(pairs); i += groups {
				p := pairs[i]
				t.Run(p.first.Name+" and "+p.second.Name, func(t *testing.T) { r.drill(t, qs, p.at, p.first, p.second) })
			}
		})
	}
}

// drill breaks as many sites as there are drills, from that one on.
func (r *rig) drill(t *testing.T, qs []question, at int, all ...drills.Drill) {
	r.well(t, qs[0])
	var ends []func() error
	broken := map[string]bool{}
	for i, d := range all {
		site := r.net.Sites[(at+i)%len(r.net.Sites)]
		end, err := d.Begin(site)
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
		broken[string(site.EHR.Source())] = d.Breaks
	}
	for _, q := range qs[:2] {
		v := r.ask(t, q)
		for _, m := range v.missing {
			if _, ok := broken[string(m)]; !ok {
				t.Errorf("%s is missing, and nothing is wrong with it", m)
			}
			delete(broken, string(m))
		}
		for source, surely := range broken {
			if surely && !v.refused {
				t.Errorf("%s can't have answered, and is not named", source)
			}
		}
		if v.refused {
			t.Error("no answer, though one source is well")
		}
		for i, d := range all {
			broken[string(r.net.Sites[(at+i)%len(r.net.Sites)].EHR.Source())] = d.Breaks
		}
	}
	for _, end := range ends {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range qs {
		r.well(t, q)
	}
}
