package demo

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"concord/internal/tlsfiles"
	"concord/testharness/devca"
	"concord/testharness/fakeehr"
	"concord/testharness/population"
)

// mutual is mutual TLS all around, by an authority that exists for this demo: clients and gateway, gateway and EHRs.
type mutual struct {
	caFile                      string
	serverCert, serverKey       string // the gateway's, towards clients
	clientCert, clientKey       string // a client's, for trying
	toSourcesCert, toSourcesKey string // the gateway's, towards the EHRs
	ehrs                        *tls.Config
	client                      *tls.Config
}

// newMutual makes the authority and all certificates in a folder.
func newMutual(dir string) (*mutual, error) {
	ca, err := devca.New("Concord demo")
	if err != nil {
		return nil, err
	}
	m := &mutual{caFile: filepath.Join(dir, "ca.pem")}
	if err := os.WriteFile(m.caFile, ca.PEM(), 0o600); err != nil {
		return nil, err
	}
	var ehrCert, ehrKey string
	for _, x := range []struct {
		name      string
		leaf      devca.Leaf
		cert, key *string
	}{
		{"gateway", devca.Leaf{}, &m.serverCert, &m.serverKey}, {"client", devca.Leaf{Name: "demo client", Client: true}, &m.clientCert, &m.clientKey},
		{"gateway-to-ehrs", devca.Leaf{Name: "concord", Client: true}, &m.toSourcesCert, &m.toSourcesKey}, {"ehrs", devca.Leaf{}, &ehrCert, &ehrKey},
	} {
		if *x.cert, *x.key, err = ca.Write(dir, x.name, x.leaf); err != nil {
			return nil, err
		}
	}
	roots, err := tlsfiles.LoadRoots(m.caFile)
	if err != nil {
		return nil, err
	}
	own, err := tlsfiles.LoadPair(ehrCert, ehrKey)
	if err != nil {
		return nil, err
	}
	m.ehrs = tlsfiles.Server(own, roots)
	shown, err := tlsfiles.LoadPair(m.clientCert, m.clientKey)
	if err != nil {
		return nil, err
	}
	m.client = tlsfiles.Client(roots.Pool(), shown)
	return m, nil
}

// tune makes a sandbox EHR speak mutual TLS.
func (m *mutual) tune(_ population.Source, o *fakeehr.Options) { o.TLS = m.ehrs }

// gatewayKeys and sourceKeys are what a configuration has of it.
func (m *mutual) gatewayKeys() string {
	return fmt.Sprintf("tls: {cert_file: %q, key_file: %q, client_ca_file: %q}\n", m.serverCert, m.serverKey, m.caFile)
}

func (m *mutual) sourceKeys() string {
	return fmt.Sprintf("    tls: {ca_file: %q, cert_file: %q, key_file: %q}\n", m.caFile, m.toSourcesCert, m.toSourcesKey)
}

// curl is how a shell asks.
func (m *mutual) curl() string {
	return fmt.Sprintf("curl -s --cacert %s --cert %s --key %s", m.caFile, m.clientCert, m.clientKey)
}

// HTTPClient asks the gateway as the printed commands do. roots of the demo's own authority are trusted, when it has one.
func (d *Demo) HTTPClient() *http.Client {
	if d.mutual == nil {
		return &http.Client{}
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: d.mutual.client.Clone()}}
}
