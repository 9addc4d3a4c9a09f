package drills

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"golang.org/x/net/dns/dnsmessage"
)

// Zone is below which the names are.
const Zone = "ehr.test"

// Names is a DNS server on loopback for the names of the EHRs, all of which are 127.0.0.1 until they are gone.
type Names struct {
	conn net.PacketConn
	wg   sync.WaitGroup

	mu   sync.Mutex
	gone map[string]bool
}

// StartNames serves on a free port; Close ends it.
func StartNames() (*Names, error) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("drills: %w", err)
	}
	n := &Names{conn: conn, gone: map[string]bool{}}
	n.wg.Go(n.serve)
	return n, nil
}

// Addr is where it listens.
func (n *Names) Addr() string { return n.conn.LocalAddr().String() }

// Resolver asks the server at addr, and the hosts file before.
func Resolver(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", addr)
	}}
}

// Close ends the server.
func (n *Names) Close() error {
	err := n.conn.Close()
	n.wg.Wait()
	return err
}

// Set makes a name known, or lets it be gone.
func (n *Names) Set(host string, gone bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone[host] = gone
}

func (n *Names) serve() {
	buf := make([]byte, 4096)
	for {
		size, from, err := n.conn.ReadFrom(buf)
		if err != nil {
			return
		}
		if out := n.answer(buf[:size]); out != nil {
			_, _ = n.conn.WriteTo(out, from) // who asked may be gone
		}
	}
}

func (n *Names) answer(query []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(query) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	host := strings.TrimSuffix(q.Name.String(), ".")
	m.Header = dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true, RecursionDesired: m.RecursionDesired, Authoritative: true}
	m.Additionals = nil
	n.mu.Lock()
	gone := n.gone[host] || !strings.HasSuffix(host, "."+Zone)
	n.mu.Unlock()
	switch {
	case gone:
		m.RCode = dnsmessage.RCodeNameError
	case q.Type == dnsmessage.TypeA:
		m.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	out, err := m.Pack()
	if err != nil {
		return nil
	}
	return out
}
