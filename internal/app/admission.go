package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord/connectors"
	"concord/gateway/admission"
	"concord/internal/config"
)

// longTurn is how long a turn at a source may take before the source has too much to do.
const longTurn = 200 * time.Millisecond

// admission makes the admission control, which lasts as long as the process, for requests of every generation hold places. It
// shows what it does.
func (a *App) admission(cfg config.Admission) *admission.Controller {
	machine := admission.Machine()
	c := admission.New(admission.Options{MaxConcurrent: cfg.MaxConcurrent, MaxWait: cfg.MaxWait,
		// a source that is crowded alone is left out of answers, and said to be; when most are, each answer would lack another
		// one, and fewer answers are worth more
		Load: func() float64 { return max(machine(), float64(connectors.Crowding(a.gates()))/float64(longTurn)) }})
	gauge := func(name, help string, of func(admission.Stats) int) {
		a.reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(c.Stats())) }))
	}
	gauge("concord_admission_limit", "Requests that may be under way at once, as things stand now.", func(s admission.Stats) int { return s.Limit })
	gauge("concord_admission_running", "Requests under way.", func(s admission.Stats) int { return s.Running })
	gauge("concord_admission_waiting", "Requests that wait for their turn.", func(s admission.Stats) int { return s.Waiting })
	return c
}

// gates are those to the sources that are asked now.
func (a *App) gates() (all []*connectors.Gate) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.gen == nil {
		return nil
	}
	for _, s := range a.gen.sources {
		all = append(all, s.gate)
	}
	return all
}
