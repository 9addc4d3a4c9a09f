// Package testharness is a whole world to test against: a population, the EHRs that hold it, started over real HTTP, and the
// truth about both. It holds the gateway to nothing; tests do that.
package testharness

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"sync"

	"github.com/go-jose/go-jose/v4"

	"concord"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// Options say what world it is. The zero value is an empty population at three EHRs without authorization.
type Options struct {
	// Population is what is generated, unless Bundles are given; then of it Seed, Sources, Registered, Copies, Conflicts
	// and Noise hold for dealing them.
	Population population.Options
	// Bundles are patients to deal instead, one Bundle each, as Synthea writes them.
	Bundles [][]byte
	// LimitPerType above 0 keeps that many resources of each type and patient of Bundles.
	LimitPerType int
	// Auth is how the EHRs let clients in. With fakeehr.AuthKey and AuthSecret, ClientID, Keys and Secret are filled in,
	// see World.Client.
	Auth fakeehr.AuthMode
	// Manners are those of all EHRs; nil is all quirks.
	Manners *fakeehr.Manners
	// PageSize is the default page of all EHRs; 0 is the vendors'.
	PageSize int
	// Tune changes one EHR's options before it is made; nil is no change.
	Tune func(population.Source, *fakeehr.Options)
	// Base is where clients find an EHR's FHIR base; then its Handler is somebody else's to serve. Nil starts the EHRs.
	Base func(population.Source) string
}

// Client is who the EHRs know as their client.
type Client struct {
	ID, Secret, KeyID string
	// KeyPEM is the private key for private_key_jwt: P-384, PKCS #8.
	KeyPEM []byte
}

// World is a population and the EHRs that hold it.
type World struct {
	Population *population.Population
	// Truth is the population's.
	Truth *population.Truth
	// EHRs are in the order of the sources, started unless Options.Base is set.
	EHRs   []*fakeehr.EHR
	Client Client
}

// NewWorld makes the population, and starts the EHRs. Close ends them.
func NewWorld(o Options) (*World, error) {
	w := &World{}
	if o.Bundles != nil {
		p, err := o.Population.FromBundles(o.Bundles, o.LimitPerType)
		if err != nil {
			return nil, fmt.Errorf("testharness: %w", err)
		}
		w.Population = p
	} else {
		w.Population = population.Generate(o.Population)
	}
	w.Truth = &w.Population.Truth
	auth, err := w.auth(o.Auth)
	if err != nil {
		return nil, err
	}
	for _, site := range w.Population.Sites {
		e, err := start(site, o, auth)
		if err != nil {
			return nil, errors.Join(err, w.Close())
		}
		w.EHRs = append(w.EHRs, e)
	}
	w.hideSSNs()
	return w, nil
}

func start(site population.Site, o Options, auth fakeehr.Auth) (*fakeehr.EHR, error) {
	eo := fakeehr.Options{Source: site.Source.ID, Vendor: site.Source.Vendor, Site: site.Source.Site, PublishedBase: site.Source.BaseURL(),
		Manners: o.Manners, Auth: auth, PageSize: o.PageSize}
	if o.Tune != nil {
		o.Tune(site.Source, &eo)
	}
	if o.Base != nil {
		eo.BaseURL = o.Base(site.Source)
	}
	e, err := fakeehr.New(eo)
	if err != nil {
		return nil, err
	}
	if err := e.LoadSite(site); err != nil {
		return nil, err
	}
	if o.Base != nil {
		return e, nil
	}
	if err := e.Start(); err != nil {
		return nil, err
	}
	return e, nil
}

// auth makes the client's credentials.
func (w *World) auth(mode fakeehr.AuthMode) (fakeehr.Auth, error) {
	a := fakeehr.Auth{Mode: mode}
	if mode == fakeehr.AuthNone {
		return a, nil
	}
	w.Client = Client{ID: "concord-harness", Secret: "sandbox-secret", KeyID: "harness-1"}
	a.ClientID, a.Secret, a.Bearer = w.Client.ID, w.Client.Secret, w.Client.Secret
	if mode == fakeehr.AuthKey {
		key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			return a, fmt.Errorf("testharness: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return a, fmt.Errorf("testharness: %w", err)
		}
		w.Client.KeyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		a.Keys = jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: w.Client.KeyID, Algorithm: "ES384", Use: "sig"}}}
	}
	return a, nil
}

// hideSSNs lets patients be found by the SSN where the record does not show it.
func (w *World) hideSSNs() {
	for _, p := range w.Population.Persons {
		for _, c := range p.Copies {
			e := w.EHR(c.Source)
			if p.SSN != "" && (e.Vendor() == population.Cerner || e.Vendor() == population.Epic) {
				e.Hide(c.ID, "http://hl7.org/fhir/sid/us-ssn", p.SSN)
				e.Hide(c.ID, "urn:oid:2.16.840.1.113883.4.1", p.SSN)
			}
		}
	}
}

// EHR finds an EHR by its source; nil if there is none.
func (w *World) EHR(id concord.SourceID) *fakeehr.EHR {
	for _, e := range w.EHRs {
		if e.Source() == id {
			return e
		}
	}
	return nil
}

// Patient is the id of a person's record at a source; "" where the source does not know the person.
func (w *World) Patient(p population.PersonKey, source concord.SourceID) string {
	person := w.Population.Person(p)
	if person == nil {
		return ""
	}
	for _, c := range person.Copies {
		if c.Source == source {
			return c.ID
		}
	}
	return ""
}

// Heal ends all faults, and puts the plug back where it was pulled.
func (w *World) Heal() {
	for _, e := range w.EHRs {
		e.Clear()
		_ = e.Restart() // an error says that it was running
	}
}

// Close ends all EHRs, side by side.
func (w *World) Close() error {
	errs := make([]error, len(w.EHRs))
	var wg sync.WaitGroup
	for i, e := range w.EHRs {
		wg.Go(func() { errs[i] = e.Close() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
