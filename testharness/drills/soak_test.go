package drills_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"concord/testharness/drills"
)

// Environment of the soak test.
const (
	envSoak = "CONCORD_SOAK"      // how long, such as 30m; without it the test is skipped
	envSeed = "CONCORD_SOAK_SEED" // of the dice, to do the same again
)

// soak is a gateway under load while things break.
type soak struct {
	*rig
	t  *testing.T
	qs []question

	pause  sync.RWMutex  // held by whoever measures
	rest   time.Duration // before it is measured
	broken atomic.Int64  // sites that are broken now, or were until a moment ago
	here   atomic.Bool   // something that the gateway stands on is, or was

	stood, worst atomic.Int64 // ns that the machine stood still, lately and at most
	probed       atomic.Int64 // when the disk was last looked at, in Unix ns

	whole, partial, refused, spurious, slow atomic.Int64

	heres int // how often the gateway's own ground was broken
}

// TestSoak breaks things at random, under load, for as long as the environment says: each answer is complete or marked
// incomplete, none is wrong or another patient's, the gateway gets well by itself, and its memory and goroutines stay.
func TestSoak(t *testing.T) {
	if os.Getenv(envSoak) == "" {
		t.Skipf("%s says for how long, such as 30m", envSoak)
	}
	length, err := time.ParseDuration(os.Getenv(envSoak))
	if err != nil {
		t.Fatal(err)
	}
	seed, err := strconv.ParseUint(os.Getenv(envSeed), 10, 64)
	if err != nil {
		seed = rand.Uint64()
	}
	t.Logf("%v, %s=%d", length, envSeed, seed)
	s := &soak{rig: newRig(t, setup{seed: 7, persons: 6, budget: time.Second, alone: true, keys: "    hedge: true\n    max_concurrent: 16\n    rate: 200/second\n"}), t: t}
	// a transport keeps a connection, with two goroutines, for ninety seconds; in a short run some are left
	connections := 2 * 16 * len(s.net.Sites)
	if s.rest = 3 * time.Second; length >= 5*time.Minute {
		s.rest, connections = 95*time.Second, 0
	}
	for _, p := range s.net.World.Population.Persons {
		s.qs = append(s.qs, s.questions(t, p)...)
	}
	ctx, stop := context.WithTimeout(t.Context(), length)
	defer stop()
	var wg sync.WaitGroup
	for i := range uint64(4) {
		wg.Go(func() { s.load(ctx, rand.New(rand.NewPCG(seed, i))) })
	}
	dir := t.TempDir()
	wg.Go(func() { s.stalls(ctx, filepath.Join(dir, "probe")) })
	began, dice := time.Now(), rand.New(rand.NewPCG(seed, 99))
	var first, last memory
	done := 0
	for ctx.Err() == nil && !t.Failed() {
		s.round(dice)
		if done++; first.rss == 0 && time.Since(began) > min(time.Minute, length/4) {
			first = s.measure()
			t.Logf("after %v: %v", time.Since(began).Round(time.Second), first)
		}
	}
	stop()
	wg.Wait()
	last = s.measure()
	t.Logf("%d drills, %d of them here too; answers: %d whole, %d incomplete, %d refused while nobody could answer, %d incomplete or refused without a drill", done, s.heres, s.whole.Load(), s.partial.Load(), s.refused.Load(), s.spurious.Load())
	t.Logf("%d answers late while the machine stood still, for %v at most", s.slow.Load(), time.Duration(s.worst.Load()))
	t.Logf("after %v: %v (%+.1f %% of resident memory)", time.Since(began).Round(time.Second), last, 100*(float64(last.rss)/float64(first.rss)-1))
	if last.rss > first.rss+first.rss/10 {
		t.Errorf("resident memory grew from %d to %d KB", first.rss, last.rss)
	}
	if last.goroutines > first.goroutines+first.goroutines/10+connections {
		t.Errorf("goroutines grew from %d to %d\n%s", first.goroutines, last.goroutines, last.more(first))
	}
	s.recorded(t)
	if all := s.whole.Load() + s.partial.Load(); all == 0 || s.spurious.Load() > all/50 {
		t.Errorf("%d of %d answers lacked something without a drill", s.spurious.Load(), all)
	}
}

// probe is how long is waited between two looks at the disk.
const probe = 50 * time.Millisecond

// still is how long the machine stood still lately, or does now.
func (s *soak) still() time.Duration {
	now := time.Since(time.Unix(0, s.probed.Load())) - probe
	return max(time.Duration(s.stood.Load()), now)
}

// stalls writes to the disk over and over until ctx ends, to know when the machine itself stands still: an answer waits for its
// record, and that for the disk.
func (s *soak) stalls(ctx context.Context, file string) {
	f, err := os.Create(file)
	if err != nil {
		s.t.Error(err)
		return
	}
	defer func() { _ = f.Close() }()
	for ctx.Err() == nil {
		began := time.Now()
		s.probed.Store(began.UnixNano())
		s.wait(probe)
		_, err := f.WriteAt([]byte("x"), 0)
		if err == nil {
			err = f.Sync()
		}
		if err != nil {
			s.t.Error(err)
			return
		}
		took := time.Since(began) - probe
		for old := s.worst.Load(); took > time.Duration(old) && !s.worst.CompareAndSwap(old, int64(took)); old = s.worst.Load() {
		}
		s.stood.Store(max(s.stood.Load()*99/100, int64(took)))
	}
}

// load asks until ctx ends.
func (s *soak) load(ctx context.Context, dice *rand.Rand) {
	for ctx.Err() == nil {
		s.pause.RLock()
		q := s.qs[dice.IntN(len(s.qs))]
		before, here := s.broken.Load(), s.here.Load()
		a, err := s.get(context.WithoutCancel(ctx), q.path)
		broken, here := max(before, s.broken.Load()), here || s.here.Load()
		s.pause.RUnlock()
		if err != nil {
			s.t.Errorf("no answer: %v", err)
			return
		}
		if here { // it waits for what is slow, and may be refused
			a.took, broken = 0, int64(len(s.net.Sites))
		}
		if over := a.took - s.budget - grace; over > 0 && over < 3*s.still() { // it waits for the disk a few times
			s.slow.Add(1)
			a.took -= over
		}
		v := s.judge(q, a)
		for _, w := range v.wrong {
			s.t.Errorf("%s of %s: %s", q.typ, q.person, w)
		}
		switch {
		case v.whole():
			s.whole.Add(1)
		case broken == 0:
			s.spurious.Add(1)
		case v.refused && int(broken) < len(s.net.Sites):
			s.spurious.Add(1)
		case v.refused:
			s.refused.Add(1)
		default:
			s.partial.Add(1)
		}
		s.wait(time.Duration(dice.IntN(60)) * time.Millisecond)
	}
}

// round breaks one to three sites, each in up to two ways, now and then what the gateway stands on, mends them, and waits until
// the gateway is well.
func (s *soak) round(dice *rand.Rand) {
	all := drills.All()
	sites := dice.Perm(len(s.net.Sites))[:1+dice.IntN(2)]
	if dice.IntN(10) == 0 {
		sites = dice.Perm(len(s.net.Sites))
	}
	var ends []func() error
	s.broken.Store(int64(len(sites)))
	for _, i := range sites {
		ways := dice.Perm(len(all))[:1+dice.IntN(2)]
		for _, w := range ways {
			end, err := all[w].Begin(s.net.Sites[i])
			if err != nil {
				s.t.Errorf("%s: %v", all[w].Name, err)
			}
			ends = append(ends, end)
		}
	}
	mend := func() {}
	if dice.IntN(5) == 0 {
		s.here.Store(true)
		mend = []func(*testing.T, *rig) func(){full, slowIndex, standstill}[dice.IntN(3)](s.t, s.rig)
		s.heres++
	}
	s.wait(time.Duration(500+dice.IntN(4000)) * time.Millisecond)
	mend()
	for i := len(ends) - 1; i >= 0; i-- {
		if err := ends[i](); err != nil {
			s.t.Error(err)
		}
	}
	for _, i := range sites {
		if err := s.net.Sites[i].Mend(); err != nil {
			s.t.Error(err)
		}
	}
	s.well(s.t, s.qs[dice.IntN(len(s.qs))])
	s.wait(1500 * time.Millisecond) // for answers that were under way
	s.broken.Store(0)
	s.here.Store(false)
	s.wait(time.Duration(dice.IntN(1500)) * time.Millisecond)
}

func (s *soak) wait(d time.Duration) {
	t := time.NewTimer(d)
	<-t.C
}

// memory is what the gateway holds: resident KB, and goroutines, by where they stand.
type memory struct {
	rss, goroutines int
	stacks          map[string]int
}

func (m memory) String() string {
	return fmt.Sprintf("%d KB resident, %d goroutines", m.rss, m.goroutines)
}

// more are the stacks at which m has more goroutines than before.
func (m memory) more(before memory) string {
	var out strings.Builder
	for stack, n := range m.stacks {
		if more := n - before.stacks[stack]; more > 0 {
			fmt.Fprintf(&out, "%d more, %d in all:\n%s\n", more, n, stack)
		}
	}
	return out.String()
}

// measure lets the load end, and what is not in use be given back, before it looks.
func (s *soak) measure() (m memory) {
	s.pause.Lock()
	defer s.pause.Unlock()
	s.http.CloseIdleConnections()
	s.wait(s.rest)
	if err := s.settle(); err != nil {
		s.t.Error(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		s.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	_, _ = fmt.Sscan(rest, &m.rss)
	q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, s.admin+"/debug/pprof/goroutine?debug=1", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	a, err := s.http.Do(q)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	text, err := io.ReadAll(a.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	m.goroutines, m.stacks = stacks(string(text))
	return m
}

// stacks reads a profile of goroutines: how many there are, and how many at each stack.
func stacks(profile string) (all int, at map[string]int) {
	at = map[string]int{}
	head, rest, _ := strings.Cut(profile, "\n")
	_, _ = fmt.Sscanf(head, "goroutine profile: total %d", &all)
	for group := range strings.SplitSeq(rest, "\n\n") {
		count, stack, _ := strings.Cut(group, "\n")
		var n int
		if _, err := fmt.Sscanf(strings.TrimSpace(count), "%d @", &n); err == nil {
			at[regexp.MustCompile(`(?m)^#\t0x[0-9a-f]+\t`).ReplaceAllString(stack, "")] += n
		}
	}
	return all, at
}
