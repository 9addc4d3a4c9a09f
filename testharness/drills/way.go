package drills

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// patience is how long a change of a proxy may take. Several faults of one connection can block one another for good within
// the proxy; then it is left behind, and another one takes its port.
const patience = 2 * time.Second

// way is the network to one EHR: a proxy at a port that stays, whose faults change.
type way struct {
	api      *toxiproxy.ApiServer
	listen   string
	upstream string

	mu     sync.Mutex
	proxy  *toxiproxy.Proxy // nil while nobody listens
	faults []fault
}

// fault is one of the proxy's toxics, in its own words.
type fault struct{ name, json string }

func newWay(upstream string) (*way, error) {
	logger := zerolog.Nop()
	w := &way{api: toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), logger), listen: "127.0.0.1:0", upstream: upstream}
	if err := w.open(); err != nil {
		return nil, err
	}
	w.listen = w.proxy.Listen
	return w, nil
}

// port is where clients connect.
func (w *way) port() string {
	_, port, _ := net.SplitHostPort(w.listen)
	return port
}

// open listens, with the faults that there are. w.mu is held, or nobody else has w.
func (w *way) open() error {
	p := toxiproxy.NewProxy(w.api, "ehr", w.listen, w.upstream)
	for _, f := range w.faults {
		if _, err := p.Toxics.AddToxicJson(strings.NewReader(f.json)); err != nil {
			return fmt.Errorf("drills: %w", err)
		}
	}
	for try := 1; ; try++ { // the port was in use a moment ago
		err := p.Start()
		if err == nil {
			w.proxy = p
			return nil
		}
		if try == 50 {
			return fmt.Errorf("drills: %w", err)
		}
		wait := time.NewTimer(time.Duration(try) * 2 * time.Millisecond)
		<-wait.C
	}
}

// shut breaks all connections, and listens no more. w.mu is held.
func (w *way) shut() {
	if p := w.proxy; p != nil {
		w.proxy = nil
		within(p.Stop)
	}
}

// within waits for f, but not for long.
func within(f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	enough := time.NewTimer(patience)
	defer enough.Stop()
	select {
	case <-done:
		return true
	case <-enough.C:
		return false
	}
}

// add makes the way faulty. The first fault befalls the connections that there are, too; for a second one they are cut.
func (w *way) add(f fault) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, f)
	if p := w.proxy; p == nil {
		return nil
	} else if len(w.faults) == 1 {
		var err error
		if within(func() { _, err = p.Toxics.AddToxicJson(strings.NewReader(f.json)) }) {
			return err
		}
	}
	w.shut()
	return w.open()
}

// remove ends a fault, and cuts the connections that it befell.
func (w *way) remove(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = slices.DeleteFunc(w.faults, func(f fault) bool { return f.name == name })
	if w.proxy == nil {
		return nil
	}
	w.shut()
	return w.open()
}

// cut breaks the connections that there are; whoever connects anew gets through.
func (w *way) cut() error { return w.remove("") }

// refuse lets nobody connect.
func (w *way) refuse() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shut()
	return nil
}

// accept lets everybody connect.
func (w *way) accept() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.proxy != nil {
		return nil
	}
	return w.open()
}

// mend ends all faults.
func (w *way) mend() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.faults) == 0 && w.proxy != nil {
		return nil
	}
	w.faults = nil
	w.shut()
	return w.open()
}
