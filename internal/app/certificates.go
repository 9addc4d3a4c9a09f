package app

import (
	"maps"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"concord/internal/config"
	"concord/internal/tlsfiles"
)

// certificates reads the gateway's own.
func (a *App) certificates(t config.ServerTLS) (err error) {
	if t.CertFile == "" {
		return nil
	}
	if a.own, err = tlsfiles.LoadPair(t.CertFile, t.KeyFile); err != nil {
		return err
	}
	if t.ClientCAFile != "" {
		a.clients, err = tlsfiles.LoadRoots(t.ClientCAFile)
	}
	return err
}

// shown has the metric tell of the certificates that are shown from now on.
func (a *App) shown(g *generation) {
	all := map[string]*tlsfiles.Pair{}
	if a.own != nil {
		all["clients"] = a.own
	}
	for name, s := range g.sources {
		if s.own != nil {
			all[name] = s.own
		}
	}
	a.expiry.watch(all)
}

// expiry is a metric of when the program's own certificates expire.
type expiry struct {
	desc *prometheus.Desc

	mu  sync.Mutex
	all map[string]*tlsfiles.Pair // by whom it is shown to: "clients", or a source
}

func newExpiry(reg prometheus.Registerer) *expiry {
	e := &expiry{desc: prometheus.NewDesc("concord_certificate_expiry_timestamp_seconds", "When a certificate of the gateway's own expires: the one that clients see, and those shown to sources.",
		[]string{"shown_to"}, nil)}
	reg.MustRegister(e)
	return e
}

// watch tells of these certificates, and of no others any more.
func (e *expiry) watch(all map[string]*tlsfiles.Pair) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = all
}

// Describe implements prometheus.Collector.
func (e *expiry) Describe(out chan<- *prometheus.Desc) { out <- e.desc }

// Collect implements prometheus.Collector.
func (e *expiry) Collect(out chan<- prometheus.Metric) {
	e.mu.Lock()
	all := maps.Clone(e.all)
	e.mu.Unlock()
	for name, p := range all {
		out <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, float64(p.Expires().Unix()), name)
	}
}
