package app

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"concord/events"
	"concord/events/natslog"
	"concord/internal/config"
	"concord/mpi"
)

// publish publishes what changes in the index, beside the answers: whatever becomes of it, they don't wait.
func (a *App) publish(cfg *config.Config, journal mpi.Journal) error {
	c := cfg.Events.NATS
	if c.URL == "" {
		return nil
	}
	o := natslog.Options{URL: c.URL, CredentialsFile: c.CredentialsFile, Stream: c.Stream, Replicas: c.Replicas, Source: cfg.PublicURL}
	var err error
	if o.TLS, err = clientTLS(c.TLS); err != nil {
		return err
	}
	log, err := natslog.Open(o)
	if err != nil {
		return err
	}
	told := prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_events_published_total", Help: "Changes of who is who that this gateway has published."})
	stuck := prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_events_stuck", Help: "1 while changes of who is who can't be published. They are not lost."})
	a.reg.MustRegister(told, stuck)
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	feed := events.NewFeed(journal, log, events.Options{Told: func(events.Event) { told.Inc() }, Failed: func(is bool) {
		if is {
			stuck.Set(1)
			a.log.Warn("changes of who is who can't be published for now")
			return
		}
		stuck.Set(0)
		a.log.Info("changes of who is who are published again")
	}})
	done.Go(func() { feed.Run(ctx) })
	a.closers = append(a.closers, func() error {
		cancel()
		done.Wait()
		return log.Close()
	})
	return nil
}
