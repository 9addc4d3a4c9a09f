package servers

import (
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// NATS is a NATS server with JetStream, in the test's own process. What it keeps is on disk, and there again when it is
// stopped and started.
type NATS struct {
	// URL is where it listens; it stays the same.
	URL string

	t    testing.TB
	port int
	dir  string

	mu sync.Mutex
	s  *server.Server // nil while it is stopped
}

// StartNATS starts a NATS server on a free loopback port. It ends with the test.
func StartNATS(t testing.TB) *NATS {
	t.Helper()
	n := &NATS{t: t, port: FreePort(t), dir: t.TempDir()}
	n.URL = "nats://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(n.port))
	n.Start()
	t.Cleanup(n.Stop)
	return n
}

// Start starts it again, and returns once it answers.
func (n *NATS) Start() {
	n.t.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.s != nil {
		return
	}
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: n.port, JetStream: true, StoreDir: n.dir, NoSigs: true, NoLog: true})
	if err != nil {
		n.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(20 * time.Second) {
		s.Shutdown()
		n.t.Fatal("NATS does not answer")
	}
	n.s = s
}

// Stop ends it: connections end, and the port refuses.
func (n *NATS) Stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.s == nil {
		return
	}
	n.s.Shutdown()
	n.s.WaitForShutdown()
	n.s = nil
}
