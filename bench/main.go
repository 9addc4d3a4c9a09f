package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	if played, err := Play(); played {
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are how much is measured.
type settings struct {
	program string   // this one
	other   string   // another build of it, whose gateway is measured beside this one's; "" for none
	only    []string // sections; empty: all
	out     string   // folder of the report and the chart; "" for none

	rounds  int             // of CPU
	turns   int             // of latency
	length  time.Duration   // of each turn, at least
	least   float64         // answers of each turn
	clients []int           // at a time
	delays  []time.Duration // of the sources
	sources []int           // how many
	crowd   time.Duration   // of each load
}

// read takes the settings from the environment.
func read() (settings, error) {
	s := settings{rounds: 15, turns: 2, length: 1500 * time.Millisecond, least: 10, clients: []int{1, 4, 16, 64},
		delays: []time.Duration{0, 50 * time.Millisecond}, sources: []int{3, 10, 30, 100}, crowd: 9 * time.Second,
		other: os.Getenv("CONCORD_BENCH_OTHER"), out: os.Getenv("CONCORD_BENCH_OUT")}
	if v := os.Getenv("CONCORD_BENCH_ONLY"); v != "" {
		s.only = strings.Split(v, ",")
	}
	if os.Getenv("CONCORD_BENCH_QUICK") != "" {
		s.rounds, s.turns, s.length, s.least = 5, 1, 700*time.Millisecond, 1
		s.clients, s.sources, s.crowd = []int{1, 16}, []int{3, 10}, 3*time.Second
	}
	var err error
	s.program, err = os.Executable()
	return s, err
}

func (s settings) wants(section string) bool {
	return len(s.only) == 0 || slices.Contains(s.only, section)
}

const (
	small = 200 << 10
	large = 2 << 20
	many  = 64 << 10 // of each, where there are up to a hundred
)

// run measures all that the settings ask for and writes the report to w.
func run(ctx context.Context, w io.Writer) error {
	s, err := read()
	if err != nil {
		return err
	}
	began := time.Now()
	rep := &report{machine: describe(), costs: map[int][]cost{}, repeats: map[int][]cost{}}
	for _, size := range []int{small, large} {
		if err := measureSize(ctx, s, size, rep); err != nil {
			return err
		}
	}
	if s.wants("sources") {
		for _, n := range s.sources {
			if err := measureSources(ctx, s, n, rep); err != nil {
				return err
			}
		}
	}
	if s.wants("repeats") {
		for _, size := range []int{small, large} {
			if err := measureRepeats(ctx, s, size, rep); err != nil {
				return err
			}
		}
	}
	if s.wants("memory") {
		if err := measureMemory(ctx, s, rep); err != nil {
			return err
		}
	}
	if s.wants("overload") {
		for _, c := range crowds() {
			if err := measureOverload(ctx, s, c, rep); err != nil {
				return err
			}
		}
	}
	rep.took = time.Since(began)
	rep.machine = append(rep.machine, "load at the end "+loadAverage())
	text := rep.markdown()
	if _, err := io.WriteString(w, text); err != nil {
		return err
	}
	if s.out == "" {
		return nil
	}
	return rep.write(s.out, text)
}

func progress(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }

func measureSize(ctx context.Context, s settings, size int, rep *report) (err error) {
	if !s.wants("cpu") && !s.wants("latency") && (!s.wants("rights") || size != small) {
		return nil
	}
	progress("3 sources of %d KB", size>>10)
	r, err := newRig(ctx, s, 3, size, variant{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	rep.left = r.left
	if s.wants("cpu") {
		if rep.costs[size], err = costs(ctx, r.all, s.rounds, 8); err != nil {
			return err
		}
	}
	if s.wants("rights") && size == small {
		if rep.rights, err = rights(ctx, r, s.rounds, 8); err != nil {
			return err
		}
	}
	if !s.wants("latency") {
		return nil
	}
	total, err := wholeCost(ctx, r)
	if err != nil {
		return err
	}
	for _, delay := range s.delays {
		if err := r.wait(ctx, delay); err != nil {
			return err
		}
		for _, n := range s.clients {
			per := rate(n, delay, total, runtime.NumCPU())
			progress("3 sources of %d KB, %v, %d clients, %.1f a second", size>>10, delay, n, per)
			length := max(s.length, time.Duration(s.least/per*float64(time.Second)))
			c, err := latencies(ctx, r, delay, n, per, s.turns, length)
			if err != nil {
				return err
			}
			rep.cells = append(rep.cells, c)
		}
	}
	return nil
}

// wholeCost is the CPU of one of Concord's answers in all processes, the sources and this one among them.
func wholeCost(ctx context.Context, r *rig) (time.Duration, error) {
	procs := append([]*process{r.gateway, {pids: []int{os.Getpid()}}}, r.ups...)
	sum := func() (all time.Duration, err error) {
		for _, p := range procs {
			d, err := p.cpu()
			if err != nil {
				return 0, err
			}
			all += d
		}
		return all, nil
	}
	before, err := sum()
	if err != nil {
		return 0, err
	}
	const n = 2 * people
	ask := r.whole(r.gateway)
	for i := range n {
		if err := ask(ctx, i); err != nil {
			return 0, err
		}
	}
	after, err := sum()
	return (after - before) / n, err
}

func measureSources(ctx context.Context, s settings, n int, rep *report) (err error) {
	progress("%d sources of %d KB", n, many>>10)
	r, err := newRig(ctx, s, n, many, variant{alone: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	got, err := costs(ctx, r.all, s.rounds, max(16/n, 2))
	rep.sources = append(rep.sources, perSource{n, got})
	return err
}

// measureRepeats compares answers that the gateway gives again with writing as many bytes.
func measureRepeats(ctx context.Context, s settings, size int, rep *report) (err error) {
	progress("3 sources of %d KB, asked again", size>>10)
	r, err := newRig(ctx, s, 3, size, variant{alone: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	gw, err := r.startGateway(ctx, s.program, filepath.Join(r.dir, "again"), fmt.Sprintf("again-%dKB", size>>10), variant{keys: "fresh_for: 1m\n"})
	if err != nil {
		return err
	}
	again := r.whole(gw)
	for range 2 { // the first answer makes the people known, which changes the index
		for i := range people {
			if err := again(ctx, i); err != nil {
				return err
			}
		}
	}
	t, err := r.token("user/*.rs", "")
	if err != nil {
		return err
	}
	n, err := r.visitor.size(ctx, r.wholeURL(gw, 0), t)
	if err != nil {
		return err
	}
	bytes, err := r.start(ctx, s.program, role{Play: "bytes", Size: n})
	if err != nil {
		return err
	}
	all := []contender{{name: floorName, proc: bytes, ask: r.plain(bytes, n)}, {name: againName, proc: gw, ask: again}}
	rep.repeats[size], err = costs(ctx, all, s.rounds, 32)
	return err
}

func measureMemory(ctx context.Context, s settings, rep *report) (err error) {
	progress("eight answers of 3 x %d KB at once", large>>10)
	r, err := newRig(ctx, s, 3, large, variant{alone: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	rep.memory, err = together(ctx, r, 8, 6)
	return err
}
