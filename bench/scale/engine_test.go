package main

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// near tells of a number that is further than so much of want from it.
func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within*want {
		t.Errorf("%s: %.4g, want %.4g", what, got, want)
	}
}

// come has do done at the times of a Poisson process.
func come(w *world, rate float64, do func()) {
	w.after(w.exponential(seconds(1/rate)), func() {
		do()
		come(w, rate, do)
	})
}

// TestErlangC: against values that tables have.
func TestErlangC(t *testing.T) {
	for _, c := range []struct {
		servers int
		load    float64
		want    float64
	}{{1, 0.5, 0.5}, {1, 0.9, 0.9}, {2, 1, 1.0 / 3}, {5, 4, 0.5541}, {10, 8, 0.4092}, {3, 3, 1}, {3, 7, 1}} {
		if got := erlangC(c.servers, c.load); math.Abs(got-c.want) > 1e-4 {
			t.Errorf("%d servers at %g: %.4f, want %.4f", c.servers, c.load, got, c.want)
		}
	}
}

// TestQueues: simulated queues wait as long as the closed forms say: M/M/c for one server and several, little to do and much,
// and M/D/1.
func TestQueues(t *testing.T) {
	const takes = 10 * time.Millisecond
	for _, c := range []struct {
		name    string
		servers int
		load    float64 // of each
		draw    func(*world) time.Duration
		is      service
		within  float64
	}{
		{"M/M/1", 1, 0.5, func(w *world) time.Duration { return w.exponential(takes) }, exponential(takes), 0.05},
		{"M/M/1 busy", 1, 0.9, func(w *world) time.Duration { return w.exponential(takes) }, exponential(takes), 0.1},
		{"M/M/4", 4, 0.6, func(w *world) time.Duration { return w.exponential(takes) }, exponential(takes), 0.05},
		{"M/M/4 busy", 4, 0.9, func(w *world) time.Duration { return w.exponential(takes) }, exponential(takes), 0.1},
		{"M/M/16", 16, 0.9, func(w *world) time.Duration { return w.exponential(takes) }, exponential(takes), 0.1},
		{"M/D/1", 1, 0.8, func(*world) time.Duration { return takes }, constant(takes), 0.05},
		// an approximation from here on
		{"M/D/4", 4, 0.9, func(*world) time.Duration { return takes }, constant(takes), 0.15},
	} {
		w := newWorld(7)
		s := newStation(w, c.servers)
		rate := c.load * float64(c.servers) / takes.Seconds()
		lasts := seconds(150_000 / rate)
		come(w, rate, func() { s.serve(c.draw(w), func() {}) })
		w.run(lasts)
		near(t, c.name+": load", s.load(lasts), c.load, 0.02)
		near(t, c.name+": wait", s.wait().Seconds(), wait(c.servers, rate, c.is), c.within)
	}
	if !math.IsInf(wait(2, 200, exponential(takes)), 1) {
		t.Error("what can't be done is said to wait for a while only")
	}
}

// TestShared: turns that all share who came during the one before.
func TestShared(t *testing.T) {
	for _, x := range []float64{0.1, 1, 5} {
		const takes = 10 * time.Millisecond
		w := newWorld(8)
		b := &batcher{w: w, takes: func() time.Duration { return w.exponential(takes) }}
		rate := x / takes.Seconds()
		var took time.Duration
		n := 0
		come(w, rate, func() {
			came := w.now
			b.join(func() { took, n = took+w.now-came, n+1 })
		})
		lasts := seconds(200_000 / rate)
		w.run(lasts)
		forTurn, turns := shared(rate, takes.Seconds())
		near(t, "wait", took.Seconds()/float64(n), forTurn, 0.02)
		near(t, "turns", float64(b.runs)/lasts.Seconds(), turns, 0.02)
	}
}

// TestMix: moments of what a station does, against what is drawn.
func TestMix(t *testing.T) {
	w := newWorld(9)
	a, b := exponential(3*time.Millisecond).times(4, 3).and(constant(time.Millisecond)), exponential(20*time.Millisecond)
	rate, s := mix([]service{a, b}, []float64{30, 10})
	var sum, squares float64
	const n = 400_000
	for range n {
		d := w.exponential(20 * time.Millisecond)
		if w.rand.Float64() < 0.75 {
			d = time.Millisecond
			for range 1 + w.poisson(3) {
				d += w.exponential(3 * time.Millisecond)
			}
		}
		sum, squares = sum+d.Seconds(), squares+d.Seconds()*d.Seconds()
	}
	mean := sum / n
	near(t, "mean", s.mean, mean, 0.02)
	near(t, "variance", s.variance, squares/n-mean*mean, 0.03)
	near(t, "rate", rate, 40, 0)
}

// TestSlowest: the slowest of so many sources, against what is drawn.
func TestSlowest(t *testing.T) {
	s := &system{world: newWorld(10), set: usual(regions()[2])}
	var all sample
	for range 200_000 {
		d, _ := s.ask(1 + s.poisson(3))
		all = append(all, d)
	}
	near(t, "mean", slowestMean(s.set.budget, 3, s.set.failing, s.set.latency).Seconds(), all.mean().Seconds(), 0.02)
	for _, q := range []float64{0.1, 0.5, 0.9, 0.95} {
		near(t, "quantile", slowestQuantile(q, s.set.budget, 3, s.set.failing, s.set.latency).Seconds(), all.quantile(q).Seconds(), 0.02)
	}
}

// TestZipf: of a million, the first are drawn as often as they should be, and the rest is not left out.
func TestZipf(t *testing.T) {
	w := newWorld(11)
	z := newZipf(1_000_000, 1)
	var first, behind float64
	const n = 200_000
	for range n {
		switch k := z.draw(w); {
		case k == 0:
			first++
		case k >= told:
			behind++
		}
	}
	harmonic := math.Log(1e6) + 0.5772
	near(t, "the first", first/n, 1/harmonic, 0.05)
	near(t, "those who are not told apart", behind/n, math.Log(10)/harmonic, 0.05)
}

// TestModel: the simulation is as the model says, at each size, as sized and with gateways gone; the same seed gives the same
// run; and what costs more than the model knows is noticed.
func TestModel(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes half a minute under the race detector")
	}
	if !checkTable(io.Discard, 20_000) {
		t.Error("model and simulation disagree: go run ./bench/scale -short")
	}
	s := sized(regions()[1], measured()).setting(5000)
	s.gateways = 1
	if !reflect.DeepEqual(simulate(s), simulate(s)) {
		t.Error("the same seed gives another run")
	}
	f := predict(s)
	s.cost.source += s.cost.source / 4
	if alike(f, simulate(s)) {
		t.Error("a source that costs a quarter more makes no difference")
	}
}

// TestKill: a gateway that is killed costs some of the searches a second attempt, and none its answer.
func TestKill(t *testing.T) {
	s := sized(regions()[0], measured()).setting(2000)
	s.kill, s.found = s.lasts/2, 2*time.Second
	if o := simulate(s); o.lost != 0 || o.repeated == 0 || int64(len(o.searches)) != o.asked {
		t.Errorf("%d searches, %d answered, %d asked again, %d lost", o.asked, len(o.searches), o.repeated, o.lost)
	}
}

// TestReport: docs/scale.md has what is printed of costs and sizes, and they grow with the persons.
func TestReport(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "scale.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, write := range []func(io.Writer){costTable, sizeTable} {
		var b strings.Builder
		write(&b)
		title, table, _ := strings.Cut(strings.TrimSpace(b.String()), "\n")
		if !strings.Contains(string(text), "**"+title+"**\n\n"+strings.TrimSpace(table)+"\n") {
			t.Errorf("docs/scale.md has another table: %s", b.String())
		}
	}
	var before size
	for _, r := range regions() {
		z := sized(r, measured())
		if z.gateways < before.gateways || z.shards < before.shards || z.audit <= before.audit || z.gateways < 3 {
			t.Errorf("%s: %+v after %+v", r.name, z, before)
		}
		before = z
	}
}
