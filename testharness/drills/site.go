package drills

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"concord/testharness"
	"concord/testharness/devca"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// Net is a world whose EHRs are reached by name, with TLS, and through a proxy that can be made faulty.
type Net struct {
	World *testharness.World
	Sites []*Site // in the order of World.EHRs
	// CA signs for the EHRs.
	CA    *devca.CA
	names *Names
}

// Site is one EHR, and the way to it.
type Site struct {
	EHR   *fakeehr.EHR
	host  string
	names *Names
	way   *way
	good  tls.Certificate
	stale tls.Certificate // has expired

	server  *http.Server
	wg      sync.WaitGroup
	expired atomic.Bool
	skew    atomic.Int64 // ns by which the EHR's clock is ahead
}

// Open makes a world of the options, of which Auth, Tune, and Base are its own, behind proxies. Close ends it.
func Open(o testharness.Options, names *Names) (_ *Net, err error) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the proxies would tell of each connection
	n := &Net{names: names}
	defer func() {
		if err != nil {
			_ = n.Close()
		}
	}()
	if n.CA, err = devca.New("drills"); err != nil {
		return nil, err
	}
	sources := o.Population.Sources
	if sources == nil {
		sources = population.DefaultSources()
	}
	listeners := map[string]net.Listener{}
	sites := map[string]*Site{}
	for _, s := range sources {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("drills: %w", err)
		}
		site := &Site{host: string(s.ID) + "." + Zone, names: names}
		if err := site.certify(n.CA); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		if site.way, err = newWay(l.Addr().String()); err != nil {
			return nil, errors.Join(err, l.Close())
		}
		n.Sites = append(n.Sites, site)
		listeners[string(s.ID)], sites[string(s.ID)] = l, site
	}
	o.Auth = fakeehr.AuthKey
	o.Tune = func(s population.Source, eo *fakeehr.Options) {
		eo.Now = func() time.Time { return time.Now().Add(time.Duration(sites[string(s.ID)].skew.Load())) }
	}
	o.Base = func(s population.Source) string { return sites[string(s.ID)].base(s.Vendor) }
	if n.World, err = testharness.NewWorld(o); err != nil {
		return nil, err
	}
	for i, e := range n.World.EHRs {
		n.Sites[i].EHR = e
		n.Sites[i].serve(listeners[string(e.Source())])
	}
	return n, nil
}

// base is where clients find the FHIR base: by name, at the proxy's port.
func (s *Site) base(v population.Vendor) string {
	path := "/fhir/r4"
	if v == population.Epic {
		path = "/interconnect/api/FHIR/R4"
	}
	return "https://" + s.host + ":" + s.way.port() + path
}

func (s *Site) certify(ca *devca.CA) error {
	for into, life := range map[*tls.Certificate]time.Duration{&s.good: 24 * time.Hour, &s.stale: -time.Hour} {
		cert, key, err := ca.Issue(devca.Leaf{Hosts: []string{s.host}, Life: life})
		if err != nil {
			return err
		}
		if *into, err = tls.X509KeyPair(cert, key); err != nil {
			return fmt.Errorf("drills: %w", err)
		}
	}
	return nil
}

func (s *Site) serve(l net.Listener) {
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		if s.expired.Load() {
			return &s.stale, nil
		}
		return &s.good, nil
	}}
	s.server = &http.Server{Handler: s.EHR.Handler(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0)}
	s.wg.Go(func() { _ = s.server.Serve(tls.NewListener(l, config)) }) // ends with ErrServerClosed
}

// Mend ends whatever is broken at the site.
func (s *Site) Mend() error {
	s.EHR.Clear()
	s.names.Set(s.host, false)
	s.expired.Store(false)
	s.skew.Store(0)
	return s.way.mend()
}

// Close ends the proxies and the EHRs.
func (n *Net) Close() error {
	var errs []error
	for _, s := range n.Sites {
		if s.way != nil {
			errs = append(errs, s.way.refuse())
		}
		if s.server != nil {
			errs = append(errs, s.server.Close())
			s.wg.Wait()
		}
	}
	if n.World != nil {
		errs = append(errs, n.World.Close())
	}
	return errors.Join(errs...)
}
