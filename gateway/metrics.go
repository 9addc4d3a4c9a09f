package gateway

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"concord"
	"concord/audit"
	"concord/federation"
	"concord/internal/obs"
)

// Metrics are the gateway's own. Their labels come from closed sets: routes are templates, types are R4's, sources are
// configured.
type Metrics struct {
	requests      *prometheus.CounterVec
	seconds       *prometheus.HistogramVec
	denials       *prometheus.CounterVec
	sources       *prometheus.CounterVec
	sourceSeconds *prometheus.HistogramVec
	partial       *prometheus.CounterVec
	errors        *prometheus.CounterVec
	auditFailures prometheus.Counter
	breakGlass    prometheus.Counter
	limited       *prometheus.CounterVec
	repeated      prometheus.Counter
	shed          *prometheus.CounterVec
	turns         prometheus.Histogram

	mu      sync.Mutex
	tenants map[string]struct{} // that a label names
}

// maxTenants bounds the tenants that are told apart: they come out of tokens.
const maxTenants = 200

// overLimit counts a request over a limit.
func (m *Metrics) overLimit(tenant, class string) {
	m.mu.Lock()
	if _, known := m.tenants[tenant]; !known {
		if len(m.tenants) < maxTenants {
			m.tenants[tenant] = struct{}{}
		} else {
			tenant = obs.Other
		}
	}
	m.mu.Unlock()
	m.limited.WithLabelValues(tenant, class).Inc()
}

// NewMetrics registers the gateway's metrics.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	seconds := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	m := &Metrics{
		tenants:       map[string]struct{}{},
		requests:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_requests_total", Help: "Requests answered."}, []string{"route", "status"}),
		seconds:       prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "concord_request_seconds", Help: "Time to an answer.", Buckets: seconds}, []string{"interaction"}),
		denials:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_denials_total", Help: "Requests refused, by type, reason and the scope that would have sufficed."}, []string{"type", "reason", "missing_scope"}),
		sources:       prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_source_asks_total", Help: "Questions to sources, by what became of them."}, []string{"source", "outcome"}),
		sourceSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "concord_source_seconds", Help: "Time that a source took.", Buckets: seconds}, []string{"source"}),
		auditFailures: prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_audit_failures_total", Help: "Answers refused because they could not be recorded."}),
		breakGlass:    prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_break_glass_total", Help: "Requests whose limits were lifted in an emergency."}),
	}
	m.partial = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_partial_answers_total", Help: "Answers from which some source is missing."}, []string{"type"})
	m.errors = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_answers_with_errors_total", Help: "Answers of status 2xx that hold an OperationOutcome of severity error."}, []string{"type"})
	reg.MustRegister(m.partial, m.errors)
	m.limited = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_limited_total", Help: "Requests over a limit, by tenant and class."}, []string{"tenant", "class"})
	m.repeated = prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_repeated_answers_total", Help: "Answers given again out of memory while fresh."})
	m.shed = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "concord_shed_total", Help: "Requests refused because there was more to do than can be done in time: too many waited (full), or their turn did not come (waited)."}, []string{"reason"})
	m.turns = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "concord_admission_wait_seconds", Help: "Time that requests waited for their turn.", Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5}})
	reg.MustRegister(m.shed, m.turns)
	for _, reason := range []string{"full", "waited"} {
		m.shed.WithLabelValues(reason)
	}
	reg.MustRegister(m.repeated, m.limited, m.requests, m.seconds, m.denials, m.sources, m.sourceSeconds, m.auditFailures, m.breakGlass)
	return m
}

// waited counts a request's turn.
func (m *Metrics) waited(d time.Duration) { m.turns.Observe(d.Seconds()) }

// answered counts one answer.
func (m *Metrics) answered(x *exchange, a *answer, took time.Duration) {
	m.requests.WithLabelValues(x.route.template, strconv.Itoa(a.status)).Inc()
	m.seconds.WithLabelValues(string(x.route.interaction)).Observe(took.Seconds())
	if x.denied != audit.NotDenied {
		m.denials.WithLabelValues(string(x.route.typ), x.denied.String(), x.missing).Inc()
	}
	if a.partial {
		m.partial.WithLabelValues(string(x.route.typ)).Inc()
	}
	if a.errors && a.status < http.StatusMultipleChoices {
		m.errors.WithLabelValues(string(x.route.typ)).Inc()
	}
}

// Asked counts one question to a source; it is what federation.Options.Observe wants.
func (m *Metrics) Asked(o federation.Outcome) {
	outcome := o.Status.String()
	if o.Fault != nil && o.Fault.Kind != concord.Unknown {
		outcome = o.Fault.Kind.String()
	}
	m.sources.WithLabelValues(string(o.Source), outcome).Inc()
	m.sourceSeconds.WithLabelValues(string(o.Source)).Observe(o.Elapsed.Seconds())
}
