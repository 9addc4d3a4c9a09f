package s3sink_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"concord/audit/s3sink"
	"concord/audit/sinktest"
)

// runChild is what the test binary does when TestKill starts it anew: it appends from many goroutines until it is killed,
// and says on standard output what was answered.
func runChild() int {
	tag := os.Getenv("CONCORD_S3SINK_CHILD")
	s, err := s3sink.Open(context.Background(), s3sink.Config{Endpoint: os.Getenv("CONCORD_S3SINK_ENDPOINT"), Region: "us-east-1", Bucket: "trail",
		Prefix: "gw-1", CredentialsFile: os.Getenv("CONCORD_S3SINK_CREDENTIALS"), Retain: time.Hour}, s3sink.Options{CheckpointEvery: 7})
	if err != nil {
		fmt.Println("open:", err, cause(err))
		return 1
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", tag, w, i)
				if s.Append(context.Background(), sinktest.Event(id)) != nil {
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

// TestKill kills a writer under load, time and again: whatever it answered for is in the trail once, and the trail is whole.
func TestKill(t *testing.T) {
	r := newRig(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	for round := range 6 {
		c := exec.Command(exe)
		c.Env = append(os.Environ(), "CONCORD_S3SINK_CHILD="+strconv.Itoa(round), "CONCORD_S3SINK_ENDPOINT="+r.server.Endpoint,
			"CONCORD_S3SINK_CREDENTIALS="+r.server.CredentialsFile)
		c.Stderr = os.Stderr
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
			once.Do(func() {
				time.AfterFunc(time.Duration(round)*15*time.Millisecond, func() { _ = c.Process.Kill() })
			})
		}
		if err := c.Wait(); err == nil || c.ProcessState.Exited() {
			t.Fatalf("round %d: the child was not killed: %v", round, c.ProcessState)
		}
	}
	if got := wantWhole(t, r.config); got.Opened != 6 {
		t.Errorf("%+v", got)
	}
	seen := map[string]int{}
	for _, id := range r.ids(t, "gw-1") {
		seen[id]++
	}
	for id := range answered {
		if seen[id] != 1 {
			t.Errorf("%s was answered, and is there %d times", id, seen[id])
		}
	}
	t.Logf("%d answered, %d kept", len(answered), len(seen))
}
