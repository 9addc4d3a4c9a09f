package drills_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"concord"
	"concord/testharness/drills"
	"concord/testharness/population"
)

// budget is that of each source in the drills.
const budget = 800 * time.Millisecond

// well asks until an answer is whole, and holds each to the truth.
func (r *rig) well(t *testing.T, q question) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		v := r.ask(t, q)
		if v.whole() || t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not healthy again after a minute: %v", v.missing)
		}
		pause(t.Context(), 200*time.Millisecond)
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

// patience is how long the gateway may take to be well again: a guard asks a source anew after ten seconds, and the machine may
// have much else to do.
const patience = time.Minute

// questions are all that is asked about a person.
func (r *rig) questions(t *testing.T, p population.Person) (out []question) {
	t.Helper()
	id := r.found(t, p)
	for _, typ := range types {
		out = append(out, question{p.Key, typ, fmt.Sprintf("%s?patient=%s&_count=10000", typ, id)})
	}
	return out
}

// found looks for a person until each source has said who that is there.
func (r *rig) found(t *testing.T, p population.Person) string {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		id, err := r.id(t.Context(), p)
		if err == nil {
			return id
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		pause(t.Context(), 200*time.Millisecond)
	}
}

// pair is two faults at once: of two sites, or of one.
type pair struct {
	first, second drills.Drill
	at, then      int
}

// pairs are some of the pairs that there are, always the same ones; those of a soak are all of them.
func pairs() (out []pair) {
	all := drills.All()
	for i, a := range all {
		for j, b := range all[i:] {
			out = append(out, pair{a, b, (i + j) % 3, (i + j + 1) % 3})
			if j > 0 {
				out = append(out, pair{a, b, (i + j) % 3, (i + j) % 3})
			}
		}
	}
	const seed, some = 20, 16
	dice := rand.New(rand.NewPCG(seed, seed))
	dice.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
	if os.Getenv(envSoak) == "" {
		out = out[:some]
	}
	return out
}

// TestDrills: whatever is broken between the gateway and one EHR, or two, each answer is complete or says what is missing; it
// is never wrong, and never another patient's; and once the fault is over, answers are whole again by themselves.
func TestDrills(t *testing.T) {
	const groups = 6
	all, pairs := drills.All(), pairs()
	for g := range groups {
		t.Run(fmt.Sprintf("group %d", g), func(t *testing.T) {
			t.Parallel()
			r := newRig(t, setup{seed: uint64(40 + g), persons: 2, budget: budget, keys: "    hedge: true\n"})
			qs := r.questions(t, r.net.World.Population.Persons[0])
			for i := g; i < len(all); i += groups {
				t.Run(all[i].Name, func(t *testing.T) { r.drill(t, qs, trouble{i % 3, all[i]}) })
			}
			for i := g; i < len(pairs); i += groups {
				p := pairs[i]
				name := p.first.Name + " and " + p.second.Name
				if p.at == p.then {
					name += " at once"
				}
				t.Run(name, func(t *testing.T) { r.drill(t, qs, trouble{p.at, p.first}, trouble{p.then, p.second}) })
			}
		})
	}
}

// trouble is a drill at a site.
type trouble struct {
	at int
	drills.Drill
}

// drill breaks sites, and looks at the answers while they are broken and when they are mended.
func (r *rig) drill(t *testing.T, qs []question, all ...trouble) {
	r.well(t, qs[0])
	broken := map[concord.SourceID]bool{} // and whether it surely can't answer
	var ends []func() error
	for _, d := range all {
		end, err := d.Begin(r.net.Sites[d.at])
		if err != nil {
			t.Fatal(err)
		}
		ends = append(ends, end)
		source := r.net.Sites[d.at].EHR.Source()
		broken[source] = broken[source] || d.Breaks
	}
	for _, q := range qs[:2] {
		r.borne(t, q, broken)
	}
	for i := len(ends) - 1; i >= 0; i-- {
		if err := ends[i](); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range all {
		if err := r.net.Sites[d.at].Mend(); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range qs {
		r.well(t, q)
	}
}

// borne asks while sources are broken: an answer lacks these at most, and names each that surely can't answer. On a machine that
// has much else to do a source that is well may be late too, but not each time.
func (r *rig) borne(t *testing.T, q question, broken map[concord.SourceID]bool) {
	t.Helper()
	for try := 1; ; try++ {
		v := r.ask(t, q)
		innocent := slices.DeleteFunc(slices.Clone(v.missing), func(s concord.SourceID) bool { _, ok := broken[s]; return ok })
		for source, surely := range broken {
			if surely && !v.refused && !slices.Contains(v.missing, source) {
				t.Errorf("%s can't have answered, and is not named", source)
			}
		}
		if len(innocent) == 0 && !v.refused {
			return
		}
		if try == 5 {
			t.Errorf("time and again no answer (%v), or one without sources that nothing is wrong with: %v", v.refused, innocent)
			return
		}
	}
}
