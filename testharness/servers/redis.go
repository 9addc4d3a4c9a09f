package servers

import (
	"bufio"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Redis is a Redis server of one test. It keeps nothing on disk.
type Redis struct {
	// Addr is where it listens, host:port; it stays the same when it is stopped and started.
	Addr string

	t       testing.TB
	program string
	args    []string

	mu  sync.Mutex
	cmd *exec.Cmd // nil while it is stopped
}

// StartRedis starts a Redis on a free loopback port, with further arguments of redis-server; the test is skipped when that
// program is not installed. It ends with the test.
func StartRedis(t testing.TB, args ...string) *Redis {
	t.Helper()
	program, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed")
	}
	port := FreePort(t)
	r := &Redis{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), t: t, program: program, args: append([]string{
		"--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", t.TempDir(), "--loglevel", "warning"}, args...)}
	r.Start()
	t.Cleanup(r.Stop)
	return r
}

// FreePort is a loopback port that nobody listens on.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it was never used
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatal("no TCP address")
	}
	return addr.Port
}

// Start starts it again, empty, and returns once it answers.
func (r *Redis) Start() {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd != nil {
		return
	}
	cmd := exec.Command(r.program, r.args...) //nolint:gosec // the program that was looked up, with a test's arguments
	if err := cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.cmd = cmd
	for range 200 {
		if r.answers() {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	r.t.Fatal("Redis does not answer")
}

// answers tells whether it says anything to a PING.
func (r *Redis) answers() bool {
	c, err := net.DialTimeout("tcp", r.Addr, time.Second)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := fmt.Fprint(c, "PING\r\n"); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && line != ""
}

// Stop kills it: connections end, and the port refuses.
func (r *Redis) Stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait() // says that it was killed
	r.cmd = nil
}

// Pause lets it hang: connections stay, and nothing is answered until Resume.
func (r *Redis) Pause() { r.signal(syscall.SIGSTOP) }

// Resume ends what Pause began.
func (r *Redis) Resume() { r.signal(syscall.SIGCONT) }

func (r *Redis) signal(s syscall.Signal) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cmd == nil {
		r.t.Fatal("Redis is stopped")
	}
	if err := r.cmd.Process.Signal(s); err != nil {
		r.t.Fatal(err)
	}
}
