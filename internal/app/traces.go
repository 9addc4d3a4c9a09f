package app

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel"

	"concord/internal/config"
	"concord/internal/obs"
)

// openTracer sends spans where the configuration says; nil for nowhere.
func (a *App) openTracer(ctx context.Context, c config.Traces) (*obs.Tracer, error) {
	if c.Endpoint == "" {
		return nil, nil //nolint:nilnil // the nil Tracer traces nothing
	}
	// what the library has to say goes the way of all that is logged
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { a.log.Warn("traces can't be sent", slog.Any("error", err)) }))
	t, err := obs.NewTracer(ctx, c.Endpoint, float64(c.Percent)/100, Version)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, t.Close)
	return t, nil
}
