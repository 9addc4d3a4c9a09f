package bench_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// crowded is a source that works on so many requests at once, each for so long, and lets the others wait.
func crowded(next http.Handler, places int, delay time.Duration) http.Handler {
	free := make(chan struct{}, places)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		free <- struct{}{}
		defer func() { <-free }()
		wait := time.NewTimer(delay)
		defer wait.Stop()
		<-wait.C
		next.ServeHTTP(w, r)
	})
}

// load is what came back of a time under load.
type load struct {
	sent, good, shed, partial, other int64
	took                             time.Duration
	cpu                              time.Duration   // of the gateway
	latency                          []time.Duration // of the good ones, sorted
}

func (l load) goodput() float64 { return float64(l.good) / l.took.Seconds() }

func (l load) quantile(q float64) time.Duration {
	if len(l.latency) == 0 {
		return 0
	}
	return l.latency[min(int(q*float64(len(l.latency))), len(l.latency)-1)]
}

func (l load) String() string {
	return fmt.Sprintf("sent %d, complete %d (%.1f/s, %.1f in a second of CPU; p50 %v, p99 %v), shed %d, incomplete %d, other %d", l.sent, l.good, l.goodput(), l.worth(),
		l.quantile(.5).Round(time.Millisecond), l.quantile(.99).Round(time.Millisecond), l.shed, l.partial, l.other)
}

// worth is how many complete answers a second of the gateway's processor gave: what neighbours on the machine take from it
// does not count.
func (l load) worth() float64 { return float64(l.good) / l.cpu.Seconds() }

// patience is how long a client waits: an answer that comes later is of no use to anybody.
const patience = 5 * time.Second

// client counts answers.
type client struct {
	r     *rig
	http  *http.Client
	token string

	mu  sync.Mutex
	l   load
	cpu time.Duration // before
}

func newClient(r *rig) *client {
	return &client{r: r, cpu: r.gw.cpu(r.b), token: r.token("user/*.rs", ""), http: &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 4096, MaxIdleConns: 4096}}}
}

// ask asks once, and counts the answer: good is one that is whole, with every source in it.
func (c *client) ask(i int) {
	began := time.Now()
	status, whole := c.get(i)
	took := time.Since(began)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.l.sent++
	switch {
	case status == http.StatusOK && whole:
		c.l.good++
		c.l.latency = append(c.l.latency, took)
	case status == http.StatusOK:
		c.l.partial++
	case status == http.StatusServiceUnavailable:
		c.l.shed++
	default:
		c.l.other++
	}
}

func (c *client) get(i int) (status int, whole bool) {
	q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, fmt.Sprintf("%s/fhir/r4/Observation?patient=epic.p%d&_count=10000", c.r.gw.url, i%people), nil)
	if err != nil {
		return 0, false
	}
	q.Header.Set("Authorization", "Bearer "+c.token)
	a, err := c.http.Do(q)
	if err != nil {
		return 0, false
	}
	defer func() { _ = a.Body.Close() }()
	n, err := io.Copy(io.Discard, a.Body)
	timing := a.Header.Get("Server-Timing")
	return a.StatusCode, err == nil && int(n) >= 2*c.r.size && strings.Count(timing, `desc="ok"`) == 3
}

func (c *client) result(began time.Time) load {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.l.took, c.l.cpu = time.Since(began), c.r.gw.cpu(c.r.b)-c.cpu
	slices.Sort(c.l.latency)
	return c.l
}

// closed keeps n requests under way: what comes of it is what can be done.
func closed(r *rig, n int, d time.Duration) load {
	c := newClient(r)
	began := time.Now()
	var wg sync.WaitGroup
	var at atomic.Int64
	for range n {
		wg.Go(func() {
			for time.Since(began) < d {
				c.ask(int(at.Add(1)))
			}
		})
	}
	wg.Wait()
	return c.result(began)
}

// open sends so many requests a second, whatever comes back.
func open(r *rig, rate float64, d time.Duration) load {
	c := newClient(r)
	began := time.Now()
	var wg sync.WaitGroup
	for i := 0; ; i++ {
		due := began.Add(time.Duration(float64(i) / rate * float64(time.Second)))
		if due.Sub(began) > d {
			break
		}
		wait := time.NewTimer(time.Until(due))
		<-wait.C
		wg.Go(func() { c.ask(i) })
	}
	took := time.Since(began)
	wg.Wait()
	l := c.result(began)
	l.took = took // what was sent in that time, whenever it was answered
	return l
}

// BenchmarkOverload is what comes of more requests than can be answered: goodput, complete answers within five seconds, at once,
// twice and four times the load at which the gateway is at its peak. The gateway has one processor, so that the load has the rest.
func BenchmarkOverload(b *testing.B) {
	for _, x := range []struct {
		name     string
		size     int
		keys     string
		upstream []string
	}{
		{"processor", 200 << 10, "", nil},
		{"sources", 20 << 10, "    max_concurrent: 4\n", []string{"CONCORD_BENCH_PLACES=4", "CONCORD_BENCH_DELAY=100ms"}},
	} {
		b.Run(x.name, func(b *testing.B) {
			const each = 12 * time.Second
			r := newRigOf(b, x.size, x.keys, x.upstream, []string{"GOMAXPROCS=1"})
			token := r.token("user/*.rs", "")
			for i := range people {
				r.whole(token, i)
			}
			for b.Loop() {
				peak, worth, under := 0.0, 0.0, map[float64]load{}
				for _, times := range []float64{1, 2, 4} { // by turns, since the machine may be used by others too
					for _, n := range []int{4, 8} {
						l := closed(r, n, each/3)
						b.Logf("%d at once: %v", n, l)
						peak, worth = max(peak, l.goodput()), max(worth, l.worth())
					}
					under[times] = open(r, times*peak, each)
					b.Logf("%v times: %v", times, under[times])
				}
				for _, l := range under { // the peak is the most that was ever seen
					peak = max(peak, l.goodput())
				}
				for times, l := range under {
					b.ReportMetric(l.goodput()/peak*100, fmt.Sprintf("goodput-%vx-%%", times))
					b.ReportMetric(l.worth()/worth*100, fmt.Sprintf("worth-%vx-%%", times))
					b.ReportMetric(float64(l.quantile(.99).Milliseconds()), fmt.Sprintf("p99-%vx-ms", times))
				}
				b.ReportMetric(peak, "peak/s")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}
