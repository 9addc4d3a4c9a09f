package app

import (
	"sync"
	"time"

	"concord"
	"concord/connectors"
	"concord/gateway"
)

// health is what the guards say of their sources. Its zero value knows none. It is safe for concurrent use.
type health struct {
	mu  sync.Mutex
	all map[concord.SourceID]gateway.Health
}

// words are the guards' states as the API has them.
var words = map[connectors.State]string{connectors.Closed: "asked", connectors.Open: "failing", connectors.HalfOpen: "trying"}

func (h *health) set(source concord.SourceID, to connectors.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.all == nil {
		h.all = map[concord.SourceID]gateway.Health{}
	}
	h.all[source] = gateway.Health{State: words[to], Since: time.Now()}
}

func (h *health) of(source concord.SourceID) gateway.Health {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all[source]
}

func (h *health) forget(source concord.SourceID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.all, source)
}
