package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"concord/gateway/admission"
	"concord/internal/config"
)

// admit makes the admission control, and shows what it does.
func admit(c config.Admission, reg prometheus.Registerer) *admission.Controller {
	a := admission.New(admission.Options{MaxConcurrent: c.MaxConcurrent, MaxWait: c.MaxWait})
	gauge := func(name, help string, of func(admission.Stats) int) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return float64(of(a.Stats())) }))
	}
	gauge("concord_admission_limit", "Requests that may be under way at once, as the machine stands now.", func(s admission.Stats) int { return s.Limit })
	gauge("concord_admission_running", "Requests under way.", func(s admission.Stats) int { return s.Running })
	gauge("concord_admission_waiting", "Requests that wait for their turn.", func(s admission.Stats) int { return s.Waiting })
	return a
}
