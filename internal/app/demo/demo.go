package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"concord"
	"concord/fhir"
	"concord/internal/app"
	"concord/internal/config"
	"concord/testharness"
	"concord/testharness/fakeehr"
	"concord/testharness/issuer"
	"concord/testharness/population"
)

// Options say what is shown. The zero value is the usual demo.
type Options struct {
	Listen string // of the gateway; default 127.0.0.1:8080
	Data   string // a folder of Synthea patient Bundles, .json or .json.gz; default: a generated population
	Seed   uint64 // of the population; default 1
	TLS    bool   // mutual TLS between all, by a certification authority of the demo's own
	// Persons is how many people are generated; default 12.
	Persons int
}

// Demo is a running demo. Start makes it; Close ends it and takes away what it put on the disk.
type Demo struct {
	URL     string // of the gateway
	Admin   string // of health and metrics
	Control string // of the switches that stop and start the sandbox EHRs
	World   *testharness.World
	Issuer  *issuer.Issuer
	Sample  Sample

	dir     string
	mutual  *mutual // nil: plain HTTP
	stop    context.CancelFunc
	served  chan error
	control *http.Server
}

// Sample is a patient to try things on.
type Sample struct {
	Person string // the id of the unified Patient
	Name   string // of the patient, as people read it
	Family string // the name to search for
	Birth  string // the birth date
	Token  string // good for an hour, sees everything
}

const tokenLife = time.Hour

// Start brings everything up. Its error says what did not come up.
func Start(ctx context.Context, o Options, log io.Writer) (_ *Demo, err error) {
	if o.Listen == "" {
		o.Listen = "127.0.0.1:8080"
	}
	d := &Demo{served: make(chan error, 1)}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.Close())
		}
	}()
	public, err := new(net.ListenConfig).Listen(ctx, "tcp", o.Listen)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = public.Close()
		}
	}()
	if d.dir, err = os.MkdirTemp("", "concord-demo-"); err != nil {
		return nil, err
	}
	d.URL = "http://" + public.Addr().String()
	if o.TLS {
		d.URL = "https://" + public.Addr().String()
		if d.mutual, err = newMutual(d.dir); err != nil {
			return nil, err
		}
	}
	if d.World, err = d.world(o); err != nil {
		return nil, err
	}
	if d.Issuer, err = issuer.Start(issuer.Options{Audience: d.URL + "/fhir/r4", Lifetime: tokenLife}); err != nil {
		return nil, err
	}
	if err := d.serve(ctx, public, log); err != nil {
		return nil, err
	}
	if err := d.switches(ctx); err != nil {
		return nil, err
	}
	if err := d.sample(ctx); err != nil {
		return nil, err
	}
	if err := d.doubt(ctx); err != nil {
		return nil, err
	}
	d.allowSignIn()
	return d, nil
}

func (d *Demo) world(o Options) (*testharness.World, error) {
	opts := testharness.Options{Auth: fakeehr.AuthKey}
	if d.mutual != nil {
		opts.Tune = d.mutual.tune
	}
	opts.Population = population.Options{Seed: max(o.Seed, 1), Persons: o.Persons, Decoys: .3, Conflicts: 2, Noise: population.AllNoise()}
	if opts.Population.Persons == 0 {
		opts.Population.Persons = 12
	}
	if o.Data != "" {
		bundles, err := readBundles(o.Data)
		if err != nil {
			return nil, err
		}
		opts.Bundles = bundles
	}
	return testharness.NewWorld(opts)
}

// serve starts the gateway as `concord serve` would, from a configuration file.
func (d *Demo) serve(ctx context.Context, public net.Listener, log io.Writer) error {
	admin, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.Admin = "http://" + admin.Addr().String()
	file, err := d.configuration(public.Addr().String(), admin.Addr().String())
	if err != nil {
		return errors.Join(err, admin.Close())
	}
	cfg, err := config.Load(file)
	if err != nil {
		return errors.Join(err, admin.Close())
	}
	a, err := app.New(ctx, cfg, log)
	if err != nil {
		return errors.Join(err, admin.Close())
	}
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go func() {
		err := a.ServeOn(serving, public, admin)
		d.served <- errors.Join(err, a.Close())
	}()
	return nil
}

// configuration writes what an operator would write.
func (d *Demo) configuration(listen, admin string) (string, error) {
	key := filepath.Join(d.dir, "client.pem")
	if err := os.WriteFile(key, d.World.Client.KeyPEM, 0o600); err != nil {
		return "", err
	}
	text := fmt.Sprintf("listen: %s\nadmin_listen: %s\npublic_url: %s\nauth:\n  audience: %s/fhir/r4\n  issuers:\n    - issuer: %s\n      jwks_url: %s\nmpi:\n  store: sqlite:%s\naudit:\n  dir: %s\nportal:\n  graphiql: true\n  client_id: %s\n  authorize_url: %s\n  token_url: %s\n  scopes: [%s]\nsources:\n",
		listen, admin, d.URL, d.URL, d.Issuer.URL(), d.Issuer.JWKSURL(), filepath.Join(d.dir, "mpi.db"), filepath.Join(d.dir, "audit"),
		portalClient, d.Issuer.AuthorizeURL(), d.Issuer.TokenURL(), strings.Join(portalScopes(), ", "))
	if d.mutual != nil {
		text = d.mutual.gatewayKeys() + text
	}
	for _, e := range d.World.EHRs {
		text += fmt.Sprintf("  - name: %s\n    vendor: %s\n    base_url: %s\n    timeout: 5s\n    auth:\n      type: backend_services\n      token_url: %s\n      client_id: %s\n      key_file: %s\n      key_id: %s\n",
			e.Source(), e.Vendor(), e.URL(), e.TokenURL(), d.World.Client.ID, key, d.World.Client.KeyID)
		text += "      scopes: [" + strings.Join(sourceScopes(), ", ") + "]\n"
		if d.mutual != nil {
			text += d.mutual.sourceKeys()
		}
		if e.Vendor() == population.Athena {
			text += fmt.Sprintf("    practice: %s\n", strings.TrimPrefix(e.Practice(), "Organization/"))
		}
	}
	file := filepath.Join(d.dir, "concord.yaml")
	return file, os.WriteFile(file, []byte(text), 0o600)
}

// sourceScopes are what the gateway asks the EHRs for: Oracle Health grants what is named, and nothing by default.
func sourceScopes() (out []string) {
	for _, t := range []fhir.ResourceType{fhir.TypePatient, fhir.TypeAllergyIntolerance, fhir.TypeBinary, fhir.TypeCarePlan, fhir.TypeCareTeam, fhir.TypeCondition, fhir.TypeConsent, fhir.TypeCoverage,
		fhir.TypeDevice, fhir.TypeDiagnosticReport, fhir.TypeDocumentReference, fhir.TypeEncounter, fhir.TypeExplanationOfBenefit, fhir.TypeFamilyMemberHistory, fhir.TypeGoal, fhir.TypeImmunization,
		fhir.TypeLocation, fhir.TypeMedication, fhir.TypeMedicationAdministration, fhir.TypeMedicationDispense, fhir.TypeMedicationRequest, fhir.TypeObservation, fhir.TypeOrganization,
		fhir.TypePractitioner, fhir.TypeProcedure, fhir.TypeProvenance, fhir.TypeQuestionnaireResponse, fhir.TypeRelatedPerson, fhir.TypeServiceRequest, fhir.TypeSpecimen} {
		out = append(out, "system/"+string(t)+".read")
	}
	return out
}

// switches lets a shell pull the plug of a sandbox EHR and put it back.
func (d *Demo) switches(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	d.Control = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("POST /ehr/{name}/{do}", func(w http.ResponseWriter, r *http.Request) {
		e := d.World.EHR(concord.SourceID(r.PathValue("name")))
		if e == nil {
			http.Error(w, "no such EHR", http.StatusNotFound)
			return
		}
		var done error
		switch r.PathValue("do") {
		case "stop":
			done = e.Stop()
		case "start":
			done = e.Restart()
		default:
			http.Error(w, "stop or start", http.StatusNotFound)
			return
		}
		if done != nil {
			http.Error(w, done.Error(), http.StatusConflict)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "done\n")
	})
	d.control = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = d.control.Serve(l) }()
	return nil
}

// Wait waits for the end of the gateway.
func (d *Demo) Wait(ctx context.Context) error {
	select {
	case err := <-d.served:
		d.served <- nil
		return err
	case <-ctx.Done():
		return nil
	}
}

// Close ends everything and removes the demo's files.
func (d *Demo) Close() error {
	var errs []error
	if d.control != nil {
		errs = append(errs, d.control.Close())
	}
	if d.stop != nil {
		d.stop()
		errs = append(errs, <-d.served)
	}
	if d.Issuer != nil {
		errs = append(errs, d.Issuer.Close())
	}
	if d.World != nil {
		errs = append(errs, d.World.Close())
	}
	if d.dir != "" {
		errs = append(errs, os.RemoveAll(d.dir))
	}
	return errors.Join(errs...)
}
