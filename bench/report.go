package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// report is all that was measured.
type report struct {
	machine []string
	left    []string
	costs   map[int][]cost // by size
	cells   []*cell
	rights  map[string]float64
	sources []perSource
	repeats map[int][]cost // by size; the floor's is writing the bytes
	memory  memory
	crowded []overload
	took    time.Duration
}

// perSource is the cost of an answer from n sources.
type perSource struct {
	n   int
	all []cost
}

func find(all []cost, name string) (cost, bool) {
	i := slices.IndexFunc(all, func(c cost) bool { return c.name == name })
	if i < 0 {
		return cost{}, false
	}
	return all[i], true
}

// limit is one of the limits that the gateway is to keep.
type limit struct {
	what, most, reached string
	holds               string // yes or no
}

func yes(ok bool) string {
	if ok {
		return "yes"
	}
	return "no"
}

// limits judges what was measured.
func (r *report) limits() (out []limit) {
	for _, size := range []int{small, large} {
		if c, ok := find(r.costs[size], concordName); ok {
			out = append(out, limit{fmt.Sprintf("CPU of an answer from 3 × %s", sizeName(size)), "5 × the floor", fmt.Sprintf("%.1f ×", c.ratio), yes(c.ratio <= 5)})
		}
	}
	for _, x := range []struct {
		size int
		most time.Duration
	}{{small, 3 * time.Millisecond}, {large, 15 * time.Millisecond}} {
		for _, c := range r.cells {
			if c.size == x.size && c.delay == 50*time.Millisecond && c.clients == 1 {
				d := c.above(concordName)
				out = append(out, limit{fmt.Sprintf("median over the slowest source, 3 × %s at 50 ms", sizeName(x.size)), ms(x.most), ms(d), yes(d <= x.most)})
			}
		}
	}
	if m := r.memory; m.peak > 0 {
		out = append(out, limit{"memory, eight answers of 3 × 2 MB at once", "200 MB", fmt.Sprintf("%d MB", m.peak>>20), yes(m.peak <= 200<<20)})
	}
	if len(r.sources) > 1 {
		first, last := r.sources[0], r.sources[len(r.sources)-1]
		a, _ := find(first.all, concordName)
		b, _ := find(last.all, concordName)
		grown := b.cpu / float64(last.n) / (a.cpu / float64(first.n))
		out = append(out, limit{fmt.Sprintf("CPU is linear in sources, %d to %d: CPU of a source", first.n, last.n), "1.25 × at most", fmt.Sprintf("%.2f ×", grown), yes(grown <= 1.25)})
	}
	for _, o := range r.crowded {
		g := o.share(o.at(2))
		out = append(out, limit{"goodput at twice the load of its peak, " + o.where, "90 % of the peak, at least", fmt.Sprintf("%.0f %%", 100*g), yes(g >= 0.9)})
	}
	for _, size := range []int{small, large} {
		if c, ok := find(r.repeats[size], againName); ok {
			out = append(out, limit{fmt.Sprintf("CPU of an answer from 3 × %s given again", sizeName(size)), "1.3 × writing its bytes", fmt.Sprintf("%.1f ×", c.ratio), yes(c.ratio <= 1.3)})
		}
	}
	return out
}

// markdown is the report as tables.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %s. Took %s. Medians; ratios within one round.\n", strings.Join(r.machine, "; "), r.took.Round(time.Second))
	for _, l := range r.left {
		fmt.Fprintf(&b, "\nNot measured: %s.\n", l)
	}
	b.WriteString("\n| limit | at most | reached | holds |\n| --- | --- | --- | --- |\n")
	for _, l := range r.limits() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", l.what, l.most, l.reached, l.holds)
	}
	for _, size := range slices.Sorted(maps.Keys(r.costs)) {
		fmt.Fprintf(&b, "\n| 3 × %s, no delay, one client | CPU of an answer | over the floor's |\n| --- | --- | --- |\n", sizeName(size))
		for _, c := range r.costs[size] {
			fmt.Fprintf(&b, "| %s | %.2f ms | %.1f × |\n", c.name, c.cpu, c.ratio)
		}
		if c, ok := find(r.costs[size], concordName); ok && c.other > 0 {
			fmt.Fprintf(&b, "\nCPU over the other build's: %.2f ×.\n", c.other)
		}
	}
	if len(r.rights) > 0 {
		b.WriteString("\n| 3 × 200 KB, rights judged by content | CPU over a user's token |\n| --- | --- |\n")
		for _, n := range slices.Sorted(maps.Keys(r.rights)) {
			fmt.Fprintf(&b, "| %s | %.2f × |\n", n, r.rights[n])
		}
	}
	r.latencyTable(&b)
	if len(r.sources) > 0 {
		b.WriteString("\n| sources of 64 KB | CPU of an answer | of a source | floor's, of a source | over the floor's |\n| --- | --- | --- | --- | --- |\n")
		for _, s := range r.sources {
			c, _ := find(s.all, concordName)
			f, _ := find(s.all, floorName)
			fmt.Fprintf(&b, "| %d | %.1f ms | %.2f ms | %.2f ms | %.1f × |\n", s.n, c.cpu, c.cpu/float64(s.n), f.cpu/float64(s.n), c.ratio)
		}
	}
	if len(r.repeats) > 0 {
		b.WriteString("\n| given again (`fresh_for`) | CPU of an answer | writing its bytes | over that |\n| --- | --- | --- | --- |\n")
	}
	for _, size := range slices.Sorted(maps.Keys(r.repeats)) {
		c, _ := find(r.repeats[size], againName)
		f, _ := find(r.repeats[size], floorName)
		fmt.Fprintf(&b, "| 3 × %s | %.2f ms | %.2f ms | %.1f × |\n", sizeName(size), c.cpu, f.cpu, c.ratio)
	}
	if m := r.memory; m.peak > 0 {
		fmt.Fprintf(&b, "\nMemory of the gateway (RSS): %d MB after a few answers, at most %d MB with eight answers of 3 × 2 MB at once, %d MB behind them.\n", m.before>>20, m.peak>>20, m.after>>20)
	}
	if len(r.crowded) > 0 {
		b.WriteString("\nMore than can be answered: complete answers within five seconds. The peak is the most that was ever seen.\n\n| what is short | load | asked a second | complete | of the peak | complete in a second of CPU | p50 | p99 | told to come back | incomplete | other |\n|" + strings.Repeat(" --- |", 11) + "\n")
		for _, o := range r.crowded {
			for _, c := range o.loads {
				fmt.Fprintf(&b, "| %s | %v × | %.0f | %.0f | %.0f %% | %.0f | %s | %s | %d | %d | %d |\n", o.where, c.times, c.rate, c.goodput(), 100*o.share(c), c.worth(), ms(c.quantile(.5)), ms(c.quantile(.99)), c.shed, c.partial, c.other)
			}
		}
	}
	return b.String()
}

// latencyTable has a row for each cell: medians of all, and how far Concord is from the slowest source.
func (r *report) latencyTable(b *strings.Builder) {
	if len(r.cells) == 0 {
		return
	}
	b.WriteString("\nMedian latency in ms from the moment at which an answer was due, open loop, the same rate for all; \">\" where some were not answered by the end.\n\n")
	names := r.cells[0].names
	fmt.Fprintf(b, "| from | delay | clients | a second | %s | Concord p99 | over the slowest source |\n|%s\n", strings.Join(names, " | "), strings.Repeat(" --- |", len(names)+6))
	for _, c := range r.cells {
		fmt.Fprintf(b, "| 3 × %s | %d ms | %d | %.1f |", sizeName(c.size), c.delay.Milliseconds(), c.clients, c.perSecond)
		for _, l := range c.loads {
			late := ""
			if l.failed.Load() > 0 {
				late = "> "
			}
			fmt.Fprintf(b, " %s%.1f |", late, float64(l.Quantile(0.5))/1e6)
		}
		fmt.Fprintf(b, " %.1f | %s |\n", float64(c.of(concordName).Quantile(0.99))/1e6, ms(c.above(concordName)))
	}
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

func sizeName(n int) string {
	if n >= 1<<20 {
		return fmt.Sprintf("%d MB", n>>20)
	}
	return fmt.Sprintf("%d KB", n>>10)
}

// write puts the report and the chart into a folder.
func (r *report) write(dir, text string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	head := "# What the last full run has shown\n\nWritten by `make bench`; [what it measures](README.md).\n\n"
	if err := os.WriteFile(filepath.Join(dir, "RESULTS.md"), []byte(head+text), 0o600); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "cost.svg"), r.chart(), 0o600)
}

// describe names the machine and the versions.
func describe() []string {
	model := runtime.GOARCH
	if raw, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for l := range strings.Lines(string(raw)) {
			if k, v, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	kernel := runtime.GOOS
	if raw, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		kernel += " " + strings.TrimSpace(string(raw))
	}
	return []string{fmt.Sprintf("%d cores of %s", runtime.NumCPU(), model), kernel, runtime.Version(), nginxVersion(), "load at the start " + loadAverage()}
}

// loadAverage is that of the last minute: other programs on the machine make every number worse.
func loadAverage() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(raw), " ")
	return first
}
