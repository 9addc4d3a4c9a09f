// Command scale sizes a federation from what was measured of the program, and simulates it: many gateways, the index's
// machines and thousands of sources. It prints the tables of docs/scale.md. It asks no EHR, and proves nothing about what was
// not measured. Its exit code is 1 when model and simulation disagree.
package main

import (
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	short := flag.Bool("short", false, "a tenth of the simulated requests")
	flag.Parse()
	asked := 300_000.0
	if *short {
		asked /= 10
	}
	if !report(os.Stdout, asked) {
		os.Exit(1)
	}
}

// report writes all tables, of simulations of so many searches. It tells whether the simulation agrees with the model.
func report(w io.Writer, asked float64) (agrees bool) {
	costTable(w)
	sizeTable(w)
	agrees = checkTable(w, asked)
	locatorTable(w, asked)
	evenTable(w, asked)
	killTable(w, asked)
	return agrees
}

// table writes rows in columns, as Markdown.
type table struct {
	w     io.Writer
	cells *tabwriter.Writer
}

func newTable(w io.Writer, title string, heads ...any) table {
	_, _ = fmt.Fprintf(w, "\n%s\n\n", title)
	t := table{w, tabwriter.NewWriter(w, 0, 0, 1, ' ', 0)}
	t.row(heads...)
	line := make([]any, len(heads))
	for i := range line {
		line[i] = "---"
	}
	t.row(line...)
	return t
}

func (t table) row(cells ...any) {
	for _, c := range cells {
		_, _ = fmt.Fprintf(t.cells, "| %v\t", c)
	}
	_, _ = fmt.Fprintln(t.cells, "|")
}

func (t table) end() { _ = t.cells.Flush() }

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

// count is a number that people can read.
func count(x float64) string {
	switch {
	case x >= 1e9:
		return fmt.Sprintf("%.1f billion", x/1e9)
	case x >= 1e6:
		return fmt.Sprintf("%.0f million", x/1e6)
	case x >= 1000:
		return fmt.Sprintf("%d,%03d", int(x)/1000, int(x)%1000)
	case x >= 20 || x == math.Trunc(x):
		return fmt.Sprintf("%.0f", x)
	}
	return fmt.Sprintf("%.2g", x)
}

func bytesOf(x float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if x < 1000 {
			return fmt.Sprintf("%.3g %s", x, unit)
		}
		x /= 1000
	}
	return fmt.Sprintf("%.1f TB", x)
}

func costTable(w io.Writer) {
	t := newTable(w, "1. What was measured", "what", "costs", "by")
	for _, m := range measures(measured()) {
		t.row(m.what, m.value, m.by)
	}
	t.end()
}

func sizeTable(w io.Writer) {
	var all []size
	heads := []any{"in the busiest hour"}
	for _, r := range regions() {
		all = append(all, sized(r, measured()))
		heads = append(heads, fmt.Sprintf("%s: %s persons, %s sources", r.name, count(r.persons), count(r.sources)))
	}
	t := newTable(w, "2. The sizing model", heads...)
	row := func(what string, of func(size) string) {
		cells := []any{what}
		for _, z := range all {
			cells = append(cells, of(z))
		}
		t.row(cells...)
	}
	row("searches a second, and with further pages", func(z size) string { return count(z.rate) + ", " + count(z.requests) })
	row("gateways of 4 cores, one of them to spare", func(z size) string { return count(float64(z.gateways)) })
	row("questions to sources a second, and to each", func(z size) string { return count(z.upstream) + ", " + count(z.asks) })
	row("index: size, machines of 500 GB", func(z size) string { return bytesOf(z.indexBytes) + ", " + count(float64(z.shards)) })
	row("index: persons read a second, at most", func(z size) string { return count(z.lookups) })
	row("index: load by asking what has changed, all on one machine", func(z size) string { return percent(z.journal) })
	row("index: changes a second, load of the one row that numbers them", func(z size) string { return count(z.changes) + ", " + percent(z.writer) })
	row("index: first import, as one stream", func(z size) string { return fmt.Sprintf("%.1f hours", z.fill.Hours()) })
	row("Redis of pages: memory, load", func(z size) string { return bytesOf(z.shelfBytes) + ", " + percent(z.shelf) })
	row("Redis of limits: load", func(z size) string { return percent(z.limits) })
	row("NATS: events a day", func(z size) string {
		return count(z.persons * changes / 365)
	})
	row("trail: a day, six years", func(z size) string { return bytesOf(z.audit) + ", " + bytesOf(z.audit*365*6) })
	t.end()
}

// How far the simulation may be from the model: loads by so many of 100, times and batches by so much of what they are.
const (
	loadsAlike = 0.03
	timesAlike = 0.10
	waitsAlike = 0.25                   // the waits of a station of several servers are an approximation
	waitsMatte = 200 * time.Microsecond // a difference that is no more than this is none
)

// checkTable sets the model beside the simulation: as sized, and with so many gateways gone that the rest are busy.
func checkTable(w io.Writer, asked float64) (agrees bool) {
	t := newTable(w, "3. The model beside the simulation: model / simulated", "", "gateways", "cores busy", "wait for a core", "records a sync", "asking what has changed", "search: mean", "p50", "p95", "agree")
	agrees = true
	for _, r := range regions() {
		z := sized(r, measured())
		for _, gone := range []bool{false, true} {
			s := z.setting(asked)
			name := r.name
			if gone {
				name += ", some gone"
				for s.gateways > 1 {
					fewer := s
					if fewer.gateways--; predict(fewer).cpu > 0.9 {
						break
					}
					s = fewer
				}
			}
			f, o := predict(s), simulate(s)
			same := alike(f, o)
			agrees = agrees && same
			both := func(a, b string) string { return a + " / " + b }
			t.row(name, s.gateways, both(percent(f.cpu), percent(o.cpu)), both(ms(f.cpuWait), ms(o.cpuWait)), both(fmt.Sprintf("%.2f", f.perFsync), fmt.Sprintf("%.2f", o.recordsPerFsync)),
				both(percent(f.journal), percent(o.journal)), both(ms(f.mean), ms(o.searches.mean())), both(ms(f.p50), ms(o.searches.quantile(.5))), both(ms(f.p95), ms(o.searches.quantile(.95))), map[bool]string{true: "yes", false: "NO"}[same])
		}
	}
	t.end()
	return agrees
}

// alike tells whether a simulation is as it was forecast.
func alike(f forecast, o outcome) bool {
	loads := [][2]float64{{f.cpu, o.cpu}, {f.journal, o.journal}, {f.shelf, o.shelf}, {f.limits, o.limits}}
	for _, l := range o.shards {
		loads = append(loads, [2]float64{f.shard, l})
	}
	for _, l := range loads {
		if math.Abs(l[0]-l[1]) > loadsAlike {
			return false
		}
	}
	times := [][2]time.Duration{{f.mean, o.searches.mean()}, {f.p50, o.searches.quantile(.5)}, {f.p95, o.searches.quantile(.95)}}
	for _, t := range times {
		if math.Abs(float64(t[0]-t[1])) > timesAlike*float64(t[0]) {
			return false
		}
	}
	wait := max(f.cpuWait-o.cpuWait, o.cpuWait-f.cpuWait)
	return math.Abs(f.perFsync-o.recordsPerFsync) <= timesAlike*f.perFsync && (wait <= waitsMatte || float64(wait) <= waitsAlike*float64(f.cpuWait))
}

// nothing is what it costs to ask a source that has nothing, about: a request and a small answer.
const nothing = 150 * time.Microsecond

func locatorTable(w io.Writer, asked float64) {
	t := newTable(w, "4. National, simulated: what it is to ask sources that don't know the person", "sources asked in each search", "searches a second of a core", "p50", "p99", "a source is missing from")
	national := sized(regions()[2], measured())
	for _, n := range []int{0, 10, 100, 1000, 10_000} {
		s := national.setting(asked)
		name := fmt.Sprintf("those that know, %.0f on average", s.known)
		cpu := s.cost.before + s.cost.record + time.Duration(s.known*float64(s.cost.source))
		if n > 0 {
			name = count(float64(n))
			s.asked = n
			cpu = s.cost.before + s.cost.record + time.Duration(n)*nothing
			s.cost.source = nothing
			s.paged = 0
		}
		s.gateways = 3
		s.rate = 0.5 * float64(s.gateways*s.cores) / cpu.Seconds()
		s.lasts, s.warm = seconds(least(asked)), warming
		o := simulate(s)
		t.row(name, count(1/cpu.Seconds()), ms(o.searches.quantile(.5)), ms(o.searches.quantile(.99)), percent(float64(o.incomplete)/float64(max(len(o.searches), 1))))
	}
	t.end()
}

func evenTable(w io.Writer, asked float64) {
	t := newTable(w, "5. National, simulated: who is asked about, by how uneven that is (Zipf's exponent); 200,000 persons in a gateway's memory", "exponent", "machines", "found in memory", "busiest machine over the mean", "its load")
	national := sized(regions()[2], measured())
	for _, skew := range []float64{0, 0.8, 1, 1.2} {
		for _, shards := range []int{national.shards, 64} {
			s := national.setting(asked)
			s.skew, s.shards, s.remembered = skew, shards, 200_000
			o := simulate(s)
			var sum, most int64
			for _, n := range o.shardAsks {
				sum, most = sum+n, max(most, n)
			}
			t.row(skew, shards, percent(float64(o.hits)/float64(o.lookups)), fmt.Sprintf("%.2f", float64(most)*float64(shards)/float64(max(sum, 1))), fmt.Sprintf("%.1f %%", 100*slices.Max(o.shards)))
		}
	}
	t.end()
}

func killTable(w io.Writer, asked float64) {
	t := newTable(w, "6. Simulated: one gateway is killed halfway, and is found out after 2 s", "", "gateways", "asked again", "p99", "longest", "never answered")
	for _, r := range regions() {
		s := sized(r, measured()).setting(asked)
		s.lasts = max(s.lasts, 20*time.Second)
		s.kill, s.found = s.lasts/2, 2*time.Second
		o := simulate(s)
		t.row(r.name, s.gateways, fmt.Sprintf("%.2f %%", 100*float64(o.repeated)/float64(max(o.asked, 1))), ms(o.searches.quantile(.99)), ms(o.searches.quantile(1)), o.lost)
	}
	t.end()
}
