package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord/connectors"
	"concord/gateway/admission"
)

// longTurn is how long a turn at a source may take before the source has too much to do.
const longTurn = 200 * time.Millisecond

// admission makes the admission control, and shows what it does.
func (a *App) admission(reg prometheus.Registerer) *admission.Controller {
	machine := admission.Machine()
	c := admission.New(admission.Options{MaxConcurrent: a.cfg.Admission.MaxConcurrent, MaxWait: a.cfg.Admission.MaxWait,
		// a source that is crowded alone is left out of answers, and said to be; when most are, each answer would lack another
		// one, and fewer answers are worth more
		Load: func() float64 { return max(machine(), float64(connectors.Crowding(a.gates))/float64(longTurn)) }})
	gauge := func(name, help string, of func(admission.Stats) int) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(c.Stats())) }))
	}
	gauge("concord_admission_limit", "Requests that may be under way at once, as things stand now.", func(s admission.Stats) int { return s.Limit })
	gauge("concord_admission_running", "Requests under way.", func(s admission.Stats) int { return s.Running })
	gauge("concord_admission_waiting", "Requests that wait for their turn.", func(s admission.Stats) int { return s.Waiting })
	return c
}
