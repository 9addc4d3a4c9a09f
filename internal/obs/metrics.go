package obs

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewRegistry has the metrics of the process and of Go's runtime; each package adds its own.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector()) // a new registry has no duplicates
	return r
}

// MetricsHandler serves r as Prometheus text. It belongs on the admin listener only.
func MetricsHandler(r *prometheus.Registry) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// Other stands for every label value that is not in its set.
const Other = "other"

// Set is the closed set of values that a metric's label may have. The zero value has none but Other.
type Set struct{ values map[string]struct{} }

// NewSet is the set of values.
func NewSet(values ...string) Set {
	s := Set{values: make(map[string]struct{}, len(values))}
	for _, v := range values {
		s.values[v] = struct{}{}
	}
	return s
}

// Of is v when it is in the set, and Other when it is not: a word from a URL never becomes a label.
func (s Set) Of(v string) string {
	if _, ok := s.values[v]; ok {
		return v
	}
	return Other
}
