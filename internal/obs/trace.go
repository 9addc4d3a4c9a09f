package obs

import (
	"context"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracer makes spans of requests and of what sources did for them. It takes no free attribute: the usual HTTP wrappers
// record URLs, and a FHIR URL is PHI. The nil Tracer makes none. It is safe for concurrent use.
type Tracer struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

// NewTracer sends spans to an OTLP collector over HTTP, of that share of requests, 0 to 1. A collector that can't be reached
// costs spans and nothing else. Close ends it.
func NewTracer(ctx context.Context, endpoint string, share float64, version string) (*Tracer, error) {
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	if err != nil {
		return nil, err
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(out), sdktrace.WithSampler(sdktrace.TraceIDRatioBased(share)),
		sdktrace.WithResource(resource.NewSchemaless(attribute.String("service.name", "concord"), attribute.String("service.version", version))))
	return &Tracer{p, p.Tracer("concord")}, nil
}

// Close sends what is left, for at most five seconds.
func (t *Tracer) Close() error {
	if t == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Span is one request under way. The zero Span does nothing.
type Span struct {
	t    *Tracer
	ctx  context.Context //nolint:containedctx // a span is its context
	span trace.Span
}

// Request begins the span of a request that began then. It belongs to the caller's trace when traceparent names one (W3C
// Trace Context); whether it is kept is decided here all the same.
func (t *Tracer) Request(r *http.Request, began time.Time) Span {
	if t == nil {
		return Span{}
	}
	parent := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	// tracestate is free text of the client's
	parent = trace.ContextWithRemoteSpanContext(r.Context(), trace.SpanContextFromContext(parent).WithTraceState(trace.TraceState{}))
	ctx, span := t.tracer.Start(parent, "request", trace.WithTimestamp(began), trace.WithSpanKind(trace.SpanKindServer))
	return Span{t, ctx, span}
}

// Answer is what a request came to. Its texts are from closed sets.
type Answer struct {
	Route, Interaction, Outcome, Denial string
	RequestID                           string // the gateway's own
	Status                              int
}

// Ask is what a source did for a request.
type Ask struct {
	Source, Type, Outcome, Kind string
	Requests, Resources         int
	Began                       time.Time
	Elapsed                     time.Duration
}

// End ends the span, with one below it for each ask.
func (s Span) End(a Answer, asks []Ask) {
	if s.span == nil || !s.span.IsRecording() {
		if s.span != nil {
			s.span.End()
		}
		return
	}
	for _, x := range asks {
		if x.Began.IsZero() {
			continue
		}
		_, ask := s.t.tracer.Start(s.ctx, "ask", trace.WithTimestamp(x.Began), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("concord.source", x.Source), attribute.String("concord.type", x.Type), attribute.String("concord.outcome", x.Outcome),
			attribute.Int("concord.requests", x.Requests), attribute.Int("concord.resources", x.Resources)))
		if x.Kind != "" {
			ask.SetAttributes(attribute.String("concord.kind", x.Kind))
			ask.SetStatus(codes.Error, x.Kind)
		}
		ask.End(trace.WithTimestamp(x.Began.Add(x.Elapsed)))
	}
	s.span.SetName(a.Interaction)
	s.span.SetAttributes(attribute.String("http.route", a.Route), attribute.Int("http.response.status_code", a.Status), attribute.String("concord.outcome", a.Outcome),
		attribute.String("concord.request_id", a.RequestID))
	if a.Denial != "" {
		s.span.SetAttributes(attribute.String("concord.denial", a.Denial))
	}
	if a.Status >= http.StatusInternalServerError {
		s.span.SetStatus(codes.Error, a.Outcome)
	}
	s.span.End()
}
