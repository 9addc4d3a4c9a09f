package app

import (
	"github.com/prometheus/client_golang/prometheus"

	"concord/internal/tlsfiles"
)

// certificates reads the gateway's own.
func (a *App) certificates() (err error) {
	t := a.cfg.TLS
	if t.CertFile == "" {
		return nil
	}
	if a.own, err = tlsfiles.LoadPair(t.CertFile, t.KeyFile); err != nil {
		return err
	}
	a.expiry.watch("clients", a.own)
	if t.ClientCAFile != "" {
		a.clients, err = tlsfiles.LoadRoots(t.ClientCAFile)
	}
	return err
}

// expiry is a metric of when the program's own certificates expire.
type expiry struct {
	desc *prometheus.Desc
	all  map[string]*tlsfiles.Pair // by whom it is shown to: "clients", or a source
}

func newExpiry(reg prometheus.Registerer) *expiry {
	e := &expiry{prometheus.NewDesc("concord_certificate_expiry_timestamp_seconds", "When a certificate of the gateway's own expires: the one that clients see, and those shown to sources.",
		[]string{"shown_to"}, nil), map[string]*tlsfiles.Pair{}}
	reg.MustRegister(e)
	return e
}

// watch adds a certificate; it is called before the metric is read.
func (e *expiry) watch(shownTo string, p *tlsfiles.Pair) { e.all[shownTo] = p }

// Describe implements prometheus.Collector.
func (e *expiry) Describe(out chan<- *prometheus.Desc) { out <- e.desc }

// Collect implements prometheus.Collector.
func (e *expiry) Collect(out chan<- prometheus.Metric) {
	for name, p := range e.all {
		out <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, float64(p.Expires().Unix()), name)
	}
}
