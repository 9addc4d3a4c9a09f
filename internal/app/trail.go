package app

import (
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/url"
	"os"

	"github.com/prometheus/client_golang/prometheus"

	"concord/audit"
	"concord/audit/balp"
	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/audit/s3sink"
	"concord/audit/shipsink"
	"concord/internal/config"
	"concord/internal/tlsfiles"
)

// openTrail opens the audit trail with all of its sinks.
func (a *App) openTrail(ctx context.Context, cfg *config.Config) (_ *audit.Trail, err error) {
	c := cfg.Audit
	var sinks []audit.Sink
	defer func() {
		if err != nil {
			for _, s := range sinks {
				_ = s.Close()
			}
		}
	}()
	key, noted, err := a.checkpoints(c)
	if err != nil {
		return nil, err
	}
	file, err := filesink.Open(c.Dir, filesink.Options{Key: key, OnCheckpoint: noted})
	if err != nil {
		return nil, err
	}
	sinks = append(sinks, file)
	names, err := audit.PseudonymKey(c.PseudonymKeyFile)
	if err != nil {
		return nil, err
	}
	if c.S3.Bucket != "" {
		s, err := s3sink.Open(ctx, S3Config(c.S3), s3sink.Options{Key: key})
		if err != nil {
			return nil, err
		}
		sinks = append(sinks, s)
	}
	lost := prometheus.NewCounter(prometheus.CounterOpts{Name: "concord_audit_copies_lost_total", Help: "Records that an optional copy of the trail lacks."})
	a.reg.MustRegister(lost)
	add := func(s audit.Sink, c config.AuditCopy) {
		if c.Pseudonymous {
			s = audit.Pseudonymous(s, names)
		}
		if !c.Required {
			s = audit.Optional(s, func(error) { lost.Inc() })
		}
		sinks = append(sinks, s)
	}
	if c.Syslog.On {
		s, err := syslog(c.Syslog)
		if err != nil {
			return nil, err
		}
		add(s, c.Syslog.AuditCopy)
	}
	if c.Stdout.On {
		add(shipsink.NewLines(stays{os.Stdout}, nil), c.Stdout)
	}
	if c.FHIR.On {
		host := ""
		if u, err := url.Parse(cfg.PublicURL); err == nil {
			host = u.Hostname()
		}
		s, err := balp.Open(c.FHIR.Dir, balp.Options{Observer: host, BaseURL: cfg.PublicURL + "/fhir/r4"})
		if err != nil {
			return nil, err
		}
		add(s, c.FHIR.AuditCopy)
	}
	t, err := audit.NewTrail(names, sinks...)
	if err != nil {
		return nil, err
	}
	a.closers = append(a.closers, t.Close)
	return t, nil
}

// stays is a stream that is not closed by whom it is given to.
type stays struct{ io.Writer }

// checkpoints are the key that signs them, and who is told of each.
func (a *App) checkpoints(c config.Audit) (key []byte, noted func(chain.Head), err error) {
	if c.CheckpointKeyFile != "" {
		text, err := os.ReadFile(c.CheckpointKeyFile)
		if err != nil {
			return nil, nil, err
		}
		if key, err = chain.ParsePrivateKey(text); err != nil {
			return nil, nil, err
		}
	}
	var anchors *chain.AnchorFile
	if c.AnchorFile != "" {
		anchors, err = chain.OpenAnchorFile(c.AnchorFile, func(err error) { a.log.Error("an anchor of the trail can't be noted", slog.Any("error", err)) })
		if err != nil {
			return nil, nil, err
		}
		a.closers = append(a.closers, anchors.Close) // closers run last first: the trail is closed before
	}
	return key, func(h chain.Head) {
		a.log.Info("audit checkpoint", slog.Uint64("audit_seq", h.Seq), slog.String("audit_head", h.Hash.String()))
		if anchors != nil {
			anchors.Note(h)
		}
	}, nil
}

// S3Config is the trail in a bucket as its package wants it.
func S3Config(c config.AuditS3) s3sink.Config {
	mode := s3sink.Compliance
	if c.Governance {
		mode = s3sink.Governance
	}
	return s3sink.Config{Endpoint: c.Endpoint, Region: c.Region, Bucket: c.Bucket, Prefix: c.Prefix, CredentialsFile: c.CredentialsFile, Retain: c.Retain, Mode: mode}
}

func syslog(c config.AuditSyslog) (audit.Sink, error) {
	var roots *x509.CertPool
	var own *tlsfiles.Pair
	if c.TLS.CAFile != "" {
		r, err := tlsfiles.LoadRoots(c.TLS.CAFile)
		if err != nil {
			return nil, err
		}
		roots = r.Pool()
	}
	if c.TLS.CertFile != "" {
		p, err := tlsfiles.LoadPair(c.TLS.CertFile, c.TLS.KeyFile)
		if err != nil {
			return nil, err
		}
		own = p
	}
	return shipsink.NewSyslog(shipsink.SyslogConfig{Address: c.Address, TLS: tlsfiles.Client(roots, own)})
}
