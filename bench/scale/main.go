// Command scale simulates many gateways, the index's shards and thousands of sources, with the costs that were measured of
// one gateway, and prints the tables of docs/scale.md. With -postgres it measures instead how large the index gets. It asks no
// EHR, and proves nothing about what was not measured.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

func main() {
	postgres := flag.String("postgres", "", "URL of an empty PostgreSQL database: persons are put into it, and what they take is printed")
	persons := flag.Int("persons", 100_000, "how many persons are put there")
	short := flag.Bool("short", false, "a tenth of the simulated time")
	flag.Parse()
	if *postgres != "" {
		if err := measure(context.Background(), os.Stdout, *postgres, *persons); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		return
	}
	print(os.Stdout, *short)
}

// measured are the costs that docs/scale.md gives with the commands that measured them.
func measured() costs {
	return costs{
		before: 400 * time.Microsecond, source: 1500 * time.Microsecond, record: 50 * time.Microsecond,
		sync: 200 * time.Microsecond, lookup: 100 * time.Microsecond, fsync: time.Millisecond,
		seal: 1500 * time.Microsecond, open: 2700 * time.Microsecond, redis: 150 * time.Microsecond,
	}
}

// usual is a gateway's day, from which the tables depart.
func usual() setting {
	return setting{seed: 1, lasts: 60 * time.Second, warm: 10 * time.Second, rate: 300, gateways: 3, cores: 4, cost: measured(),
		persons: 300_000_000, skew: 0.8, remembered: 200_000, shards: 16, shardSlots: 8, known: 4,
		latency: latency{200 * time.Millisecond, 2 * time.Second}, budget: 5 * time.Second, failing: 0.002, paged: 0.2, pages: 1.5}
}

// capacity is how many searches a second all cores of a setting can answer, their further pages included.
func capacity(s setting) float64 {
	n := s.known
	if s.asked > 0 {
		n = float64(s.asked)
	}
	one := s.cost.before + s.cost.record + time.Duration(n*float64(s.cost.source)) + time.Duration(s.paged*float64(s.cost.seal))
	page := s.cost.before + s.cost.open + s.cost.source + s.cost.record
	return float64(s.gateways*s.cores) / (one + time.Duration(s.paged*s.pages*float64(page))).Seconds()
}

// table writes rows in columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer, title string, heads ...any) table {
	fmt.Fprintf(w, "\n%s\n\n", title)
	t := table{tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)}
	t.row(heads...)
	return t
}

func (t table) row(cells ...any) {
	for _, c := range cells {
		fmt.Fprintf(t.w, "%v\t", c)
	}
	fmt.Fprintln(t.w)
}

func (t table) end() { _ = t.w.Flush() }

func ms(d time.Duration) string { return fmt.Sprintf("%.0f", float64(d)/float64(time.Millisecond)) }

func percent(x float64) string { return fmt.Sprintf("%.0f %%", 100*x) }

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

// print writes all tables.
func print(w io.Writer, short bool) {
	run := func(s setting) outcome {
		if short {
			s.lasts, s.warm = s.lasts/10, s.warm/10
			if s.kill > 0 {
				s.kill /= 10
			}
		}
		return simulate(s)
	}
	byLoad(w, run)
	byGateways(w, run)
	byPersons(w, run)
	bySources(w, run)
	byFailure(w, run)
	sizes(w)
}

func byLoad(w io.Writer, run func(setting) outcome) {
	t := newTable(w, "1. Three gateways of four cores, by load (times in ms)", "of capacity", "searches/s", "p50", "p95", "p99", "page p50", "page p99", "CPU", "records per fsync")
	for _, share := range []float64{0.3, 0.5, 0.7, 0.8, 0.9, 0.97} {
		s := usual()
		s.rate = share * capacity(s)
		o := run(s)
		t.row(percent(share), fmt.Sprintf("%.0f", s.rate), ms(o.searches.quantile(.5)), ms(o.searches.quantile(.95)), ms(o.searches.quantile(.99)), ms(o.pages.quantile(.5)), ms(o.pages.quantile(.99)),
			percent(mean(o.cpu)), fmt.Sprintf("%.1f", o.recordsPerFsync))
	}
	t.end()
}

func byGateways(w io.Writer, run func(setting) outcome) {
	t := newTable(w, "2. At 70 % of capacity, by gateways: what they share", "gateways", "searches/s", "p50", "p99", "journal", "busiest shard", "Redis", "in memory")
	for _, n := range []int{1, 3, 10, 30, 60} {
		s := usual()
		s.gateways, s.lasts, s.warm = n, 20*time.Second, 5*time.Second
		s.rate = 0.7 * capacity(s)
		o := run(s)
		t.row(n, fmt.Sprintf("%.0f", s.rate), ms(o.searches.quantile(.5)), ms(o.searches.quantile(.99)), percent(o.journal), percent(slices.Max(o.shards)), percent(o.redis), percent(float64(o.hits)/float64(o.lookups)))
	}
	t.end()
}

func byPersons(w io.Writer, run func(setting) outcome) {
	t := newTable(w, "3. Thirty gateways, by how uneven it is who is asked about (Zipf), and by shards: lookups that are not in memory", "skew", "shards", "in memory", "lookups", "busiest shard over the mean", "its load")
	for _, skew := range []float64{0, 0.8, 1, 1.2} {
		for _, shards := range []int{16, 64} {
			s := usual()
			s.gateways, s.lasts, s.warm, s.skew, s.shards = 30, 20*time.Second, 5*time.Second, skew, shards
			s.rate = 0.7 * capacity(s)
			o := run(s)
			var sum, most int64
			for _, n := range o.shardAsks {
				sum, most = sum+n, max(most, n)
			}
			t.row(skew, shards, percent(float64(o.hits)/float64(o.lookups)), sum, fmt.Sprintf("%.2f", float64(most)*float64(shards)/float64(sum)), fmt.Sprintf("%.1f %%", 100*slices.Max(o.shards)))
		}
	}
	t.end()
}

func bySources(w io.Writer, run func(setting) outcome) {
	t := newTable(w, "4. Ten gateways at 50 % of capacity, by how many sources a search asks: with a record locator those that know the person, without one all", "asked", "searches/s", "p50", "p99", "incomplete", "CPU of a search")
	for _, n := range []int{0, 10, 100, 1000, 10_000} {
		s := usual()
		s.gateways, s.asked, s.lasts, s.warm = 10, n, 30*time.Second, 5*time.Second
		if n > 0 { // nearly all of them have nothing: no merge, but a question and an answer to read
			s.cost.source = nothing
		}
		s.rate = 0.5 * capacity(s)
		o := run(s)
		name := any(n)
		if n == 0 {
			name = fmt.Sprintf("%.0f that know", s.known)
		}
		t.row(name, fmt.Sprintf("%.1f", s.rate), ms(o.searches.quantile(.5)), ms(o.searches.quantile(.99)), percent(float64(o.incomplete)/float64(max(o.asked, 1))),
			fmt.Sprintf("%.1f ms", float64(s.gateways*s.cores)/capacity(s)*1e3))
	}
	t.end()
}

// nothing is what it costs to ask a source that has nothing, about: a request and a small answer.
const nothing = 150 * time.Microsecond

func byFailure(w io.Writer, run func(setting) outcome) {
	t := newTable(w, "5. One gateway is killed in the middle, and is found out after 2 s (times in ms)", "gateways", "of capacity before", "asked again", "p99", "longest", "unanswered")
	for _, n := range []int{2, 3, 10} {
		for _, share := range []float64{0.5, 0.7} {
			s := usual()
			s.gateways, s.kill, s.found = n, 30*time.Second, 2*time.Second
			s.rate = share * capacity(s)
			o := run(s)
			t.row(n, percent(share), fmt.Sprintf("%.1f %%", 100*float64(o.repeated)/float64(o.asked)), ms(o.searches.quantile(.99)), ms(o.searches.quantile(1)), o.lost)
		}
	}
	t.end()
}
