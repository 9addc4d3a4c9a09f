package app

import (
	"crypto/tls"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"concord/gateway"
	"concord/gateway/shelf"
	"concord/gateway/shelf/redisshelf"
	"concord/internal/config"
	"concord/internal/tlsfiles"
)

// openShared opens what gateways share beside the index: pages, and what became of creates. Zero when this one is alone.
func (a *App) openShared(c config.Shared) (gateway.Shared, error) {
	if c.Store.RedisAddr == "" {
		return gateway.Shared{}, nil
	}
	keys, err := shelf.ReadKeys(c.KeyFile)
	if err != nil {
		return gateway.Shared{}, err
	}
	gone := prometheus.NewGauge(prometheus.GaugeOpts{Name: "concord_shared_store_gone", Help: "1 while the Redis of pages and creates did not answer when it was asked last."})
	a.reg.MustRegister(gone)
	o := redisshelf.Options{Addr: c.Store.RedisAddr, DB: c.Store.RedisDB, User: c.Store.User, PasswordFile: c.Store.PasswordFile, Changed: func(is bool) {
		if is {
			gone.Set(1)
			a.log.Warn("the Redis of pages and creates is gone: further pages can be had where they were made only")
			return
		}
		gone.Set(0)
		a.log.Info("the Redis of pages and creates is back", slog.String("component", "shared"))
	}}
	if o.TLS, err = clientTLS(c.Store.TLS); err != nil {
		return gateway.Shared{}, err
	}
	s, err := redisshelf.New(o)
	if err != nil {
		return gateway.Shared{}, err
	}
	a.closers = append(a.closers, s.Close)
	return gateway.Shared{Shelf: s, Keys: keys}, nil
}

// clientTLS is how a connection to a server of the operator's is encrypted; nil for not at all, or as its URL says.
func clientTLS(c config.SourceTLS) (*tls.Config, error) {
	if c.CAFile == "" {
		return nil, nil //nolint:nilnil // the configuration asks for none
	}
	roots, err := tlsfiles.LoadRoots(c.CAFile)
	if err != nil {
		return nil, err
	}
	var own *tlsfiles.Pair
	if c.CertFile != "" {
		if own, err = tlsfiles.LoadPair(c.CertFile, c.KeyFile); err != nil {
			return nil, err
		}
	}
	return tlsfiles.Client(roots.Pool(), own), nil
}
