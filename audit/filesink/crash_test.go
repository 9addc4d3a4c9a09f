//go:build unix

package filesink_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"concord"
	"concord/audit"
	"concord/audit/filesink"
	"concord/audit/sinktest"
)

// runChild is what the test binary does when a test starts it anew, to be killed or to have its files limited. It says on
// standard output what was answered, one id a line.
func runChild(what string) int {
	dir, tag := os.Getenv("CONCORD_FILESINK_DIR"), os.Getenv("CONCORD_FILESINK_TAG")
	o := filesink.Options{}
	if what == "load" {
		o = filesink.Options{SegmentBytes: 20_000, CheckpointEvery: 7}
	}
	s, err := filesink.Open(dir, o)
	if err != nil {
		fmt.Println("open:", err, errors.Unwrap(err))
		return 1
	}
	switch what {
	case "load":
		return load(s, tag)
	case "serve":
		return serve(s)
	case "full":
		return full(s)
	}
	return 1
}

// load appends from many goroutines until it is killed.
func load(s *filesink.Sink, tag string) int {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", tag, w, i)
				if err := s.Append(context.Background(), sinktest.Event(id)); err != nil {
					return
				}
				mu.Lock()
				_, err := os.Stdout.WriteString(id + "\n")
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	return 1
}

// serve answers requests, each after its record, until it is killed. It says where on standard output.
func serve(s *filesink.Sink) int {
	trail, err := audit.NewTrail(nil, s)
	if err != nil {
		fmt.Println("trail:", err)
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println("listen:", err)
		return 1
	}
	fmt.Println(l.Addr())
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := sinktest.Event(r.URL.Query().Get("id"))
		if err := trail.Record(r.Context(), e); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, e.RequestID)
	})}
	fmt.Println(server.Serve(l))
	return 1
}

// full appends while the system lets no file grow beyond some size, and then while it does.
func full(s *filesink.Sink) int {
	limit := func(n uint64) {
		var l syscall.Rlimit
		if err := syscall.Getrlimit(rlimitFsize, &l); err != nil {
			fmt.Println("getrlimit:", err)
		}
		l.Cur = min(n, l.Max)
		if err := syscall.Setrlimit(rlimitFsize, &l); err != nil {
			fmt.Println("setrlimit:", err)
		}
	}
	appended := func(id string) {
		switch err := s.Append(context.Background(), sinktest.Event(id)); {
		case err == nil:
			fmt.Println(id)
		case !errors.Is(err, concord.Unavailable):
			fmt.Println("wrong kind:", err)
		}
	}
	appended("before")
	limit(0)
	for i := range 5 {
		appended(fmt.Sprint("no-room-", i))
	}
	if s.Health(context.Background()) == nil {
		fmt.Println("healthy on a full disk")
	}
	limit(4000) // room for a few records in each file: each time that it is used up, a new segment begins
	for i := range 20 {
		appended(fmt.Sprint("little-room-", i))
	}
	limit(1 << 62)
	if err := s.Health(context.Background()); err != nil {
		fmt.Println("not healthy:", err)
	}
	appended("after")
	if err := s.Close(); err != nil {
		fmt.Println("close:", err)
	}
	return 0
}

func child(t *testing.T, what, dir, tag string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), "CONCORD_FILESINK_CHILD="+what, "CONCORD_FILESINK_DIR="+dir, "CONCORD_FILESINK_TAG="+tag)
	c.Stderr = os.Stderr
	return c
}

// TestKill kills a process under load, time and again on one trail: every answered record is there, once, and no record is
// half.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	answered := map[string]bool{}
	for round := range 20 {
		c := child(t, "load", dir, strconv.Itoa(round))
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var once sync.Once
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if !strings.HasPrefix(lines.Text(), strconv.Itoa(round)+"-") {
				t.Errorf("round %d: %s", round, lines.Text())
			}
			answered[lines.Text()] = true
			once.Do(func() { // the load has begun
				time.AfterFunc(time.Duration(round)*700*time.Microsecond, func() { _ = c.Process.Kill() })
			})
		}
		if err := c.Wait(); err == nil || c.ProcessState.Exited() {
			t.Fatalf("round %d: the child was not killed: %v", round, c.ProcessState)
		}
		if r := wantWhole(t, dir); r.Opened != round+1 {
			t.Errorf("round %d: opened %d times", round, r.Opened)
		}
	}
	shut(t, open(t, dir, filesink.Options{}))
	r := wantWhole(t, dir)
	seen := map[string]int{}
	for _, id := range ids(t, dir) {
		seen[id]++
	}
	for id := range answered {
		if seen[id] != 1 {
			t.Errorf("%s was answered, and is there %d times", id, seen[id])
		}
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("%s is there %d times", id, n)
		}
	}
	t.Logf("%d answered, %d kept, %d torn ends sealed, %d segments", len(answered), len(seen), r.Seals, r.Segments)
}

// TestKillServer kills a server under load twenty times on one trail: a client that has read as much as the status of an
// answer finds its record.
func TestKillServer(t *testing.T) {
	dir := t.TempDir()
	var mu sync.Mutex
	left := map[string]bool{}
	for round := range 20 {
		c := child(t, "serve", dir, "")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		if !lines.Scan() {
			t.Fatal("the server says nothing")
		}
		url := "http://" + lines.Text() + "/?id="
		transport := &http.Transport{MaxIdleConnsPerHost: 32}
		client := &http.Client{Transport: transport}
		var wg sync.WaitGroup
		var once sync.Once
		for w := range 32 {
			wg.Go(func() {
				for i := 0; ; i++ {
					id := fmt.Sprintf("%d-%d-%d", round, w, i)
					q, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url+id, nil)
					if err != nil {
						t.Error(err)
						return
					}
					a, err := client.Do(q)
					if err != nil {
						return
					}
					if a.StatusCode != http.StatusOK {
						t.Errorf("HTTP %d", a.StatusCode)
					}
					mu.Lock()
					left[id] = true
					mu.Unlock()
					once.Do(func() {
						time.AfterFunc(time.Duration(round*2)*time.Millisecond, func() { _ = c.Process.Kill() })
					})
					_, err = io.Copy(io.Discard, a.Body)
					if e := a.Body.Close(); err != nil || e != nil {
						return
					}
				}
			})
		}
		wg.Wait()
		if err := c.Wait(); err == nil || c.ProcessState.Exited() {
			t.Fatalf("round %d: the server was not killed: %v", round, c.ProcessState)
		}
		transport.CloseIdleConnections()
		wantWhole(t, dir)
	}
	shut(t, open(t, dir, filesink.Options{}))
	r := wantWhole(t, dir)
	kept := map[string]int{}
	for _, id := range ids(t, dir) {
		kept[id]++
	}
	for id := range left {
		if kept[id] != 1 {
			t.Errorf("the answer to %s left, and its record is there %d times", id, kept[id])
		}
	}
	t.Logf("%d answers left, %d records, %d torn ends sealed", len(left), len(kept), r.Seals)
}

// TestDiskFull lets the system refuse to make files longer.
func TestDiskFull(t *testing.T) {
	dir := t.TempDir()
	out, err := child(t, "full", dir, "").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	answered := map[string]bool{}
	for _, id := range strings.Fields(string(out)) {
		answered[id] = true
	}
	got := map[string]bool{}
	for _, id := range ids(t, dir) {
		got[id] = true
		if !answered[id] {
			t.Errorf("%s was refused, and is there", id)
		}
	}
	for id := range answered {
		if !got[id] {
			t.Errorf("%s is missing, or was not to be said: %s", id, out)
		}
	}
	if !answered["before"] || !answered["after"] || answered["no-room-0"] || len(answered) < 5 || len(files(t, dir)) < 3 {
		t.Errorf("%d segments, answered:\n%s", len(files(t, dir)), out)
	}
	wantWhole(t, dir)
}

// rlimitFsize is the same number on every system that has it.
const rlimitFsize = 1
