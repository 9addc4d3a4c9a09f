package demo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"concord/internal/app/demo"
)

// TestTLS: with --tls nobody gets in without a certificate, at the gateway or at an EHR, and with one all works.
func TestTLS(t *testing.T) {
	d, err := demo.Start(t.Context(), demo.Options{Listen: "127.0.0.1:0", TLS: true}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}()
	ask := func(c *http.Client, url string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+d.Sample.Token)
		return c.Do(r)
	}
	a, err := ask(d.HTTPClient(), d.URL+"/fhir/r4/Condition?patient="+d.Sample.Person)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Body.Close() }()
	var b struct{ Total int }
	if err := json.NewDecoder(a.Body).Decode(&b); err != nil || a.StatusCode != http.StatusOK || b.Total == 0 || a.TLS == nil {
		t.Errorf("HTTP %d, %d conditions, %v", a.StatusCode, b.Total, err)
	}
	bare := d.HTTPClient()
	if transport, ok := bare.Transport.(*http.Transport); ok {
		transport.TLSClientConfig.GetClientCertificate = nil
	}
	for _, url := range []string{d.URL + "/fhir/r4/metadata", d.World.EHRs[0].URL() + "/metadata"} {
		if a, err := ask(bare, url); err == nil {
			_ = a.Body.Close()
			t.Errorf("HTTP %d without a certificate", a.StatusCode)
		}
	}
	var said strings.Builder
	if err := d.Describe(&said); err != nil || strings.Count(said.String(), "--cert ") < 4 {
		t.Errorf("the commands that are printed have no certificate: %v", err)
	}
}
