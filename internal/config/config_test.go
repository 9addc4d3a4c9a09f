package config_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"concord"
	"concord/internal/config"

	"github.com/google/go-cmp/cmp"
)

func claims() config.Claims {
	return config.Claims{Tenant: "tenant", Role: "role", Patient: "patient", Scope: "scope"}
}

func defaultLimits() config.RateLimit {
	return config.RateLimit{
		Enabled:    true,
		Read:       config.Rate{Count: 600, Per: time.Minute},
		Write:      config.Rate{Count: 60, Per: time.Minute},
		Bulk:       config.Rate{Count: 2, Per: time.Hour},
		Validation: config.Rate{Count: 600, Per: time.Minute},
		Hook:       config.Rate{Count: 600, Per: time.Minute},
	}
}

func TestGood(t *testing.T) {
	tests := []struct {
		name string
		want config.Config
	}{
		{"minimal", config.Config{
			Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", PublicURL: "http://127.0.0.1:8080", ShutdownGrace: 20 * time.Second,
			Auth: config.Auth{
				Audience:         "http://127.0.0.1:8080/fhir/r4",
				Issuers:          []config.Issuer{{Issuer: "http://127.0.0.1:9000/", JWKSURL: "http://127.0.0.1:9000/jwks", Claims: claims()}},
				MaxTokenLifetime: time.Hour,
			},
			MPI:       config.MPI{Store: config.IndexStore{Kind: config.IndexMemory}},
			Audit:     config.Audit{Dir: "testdata/good/audit", PseudonymKeyFile: "testdata/good/audit/pseudonym.key"},
			RateLimit: defaultLimits(),
			Admission: config.Admission{MaxWait: 500 * time.Millisecond},
			Sources: []config.Source{{
				Name: "e", Vendor: config.Generic, BaseURL: "http://localhost:9001", Timeout: 5 * time.Second,
				Auth: config.SourceAuth{Type: config.AuthNone}, MaxConcurrent: 64,
			}},
		}},
		{"portal-scopes", config.Config{
			Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", PublicURL: "https://gateway.example.org", ShutdownGrace: 20 * time.Second,
			Auth: config.Auth{
				Audience:         "concord",
				Issuers:          []config.Issuer{{Issuer: "https://idp.example.org", JWKSURL: "https://idp.example.org/jwks", Claims: claims()}},
				MaxTokenLifetime: time.Hour,
			},
			MPI:   config.MPI{Store: config.IndexStore{Kind: config.IndexMemory}},
			Audit: config.Audit{Dir: "testdata/good/audit", PseudonymKeyFile: "testdata/good/audit/pseudonym.key"},
			Portal: config.Portal{
				ClientID: "concord-portal", AuthorizeURL: "https://idp.example.org/authorize", TokenURL: "https://idp.example.org/token",
				Scopes: []string{"openid", "user/*.rs"},
			},
			RateLimit: defaultLimits(),
			Admission: config.Admission{MaxWait: 500 * time.Millisecond},
			Sources: []config.Source{{
				Name: "e", Vendor: config.Generic, BaseURL: "http://localhost:9001", Timeout: 5 * time.Second,
				Auth: config.SourceAuth{Type: config.AuthNone}, MaxConcurrent: 64,
			}},
		}},
		{"unset", config.Config{
			Listen: "127.0.0.1:8080", AdminListen: "127.0.0.1:8081", PublicURL: "https://gateway.example.org", ShutdownGrace: 20 * time.Second,
			Auth: config.Auth{
				Audience:         "concord",
				Issuers:          []config.Issuer{{Issuer: "https://idp.example.org", JWKSFile: "testdata/good/files/jwks.json", Claims: claims()}},
				MaxTokenLifetime: time.Hour,
			},
			MPI:       config.MPI{Store: config.IndexStore{Kind: config.IndexMemory}},
			Audit:     config.Audit{Dir: "/var/lib/concord/audit", PseudonymKeyFile: "/var/lib/concord/audit/pseudonym.key"},
			RateLimit: defaultLimits(),
			Admission: config.Admission{MaxWait: 500 * time.Millisecond},
			Sources: []config.Source{{
				Name: "cerner", Vendor: config.Cerner, BaseURL: "https://ehr.example.org/r4/t", Timeout: 5 * time.Second,
				Auth: config.SourceAuth{Type: config.AuthNone}, MaxConcurrent: 64,
			}},
		}},
		{"full", config.Config{
			Listen: "0.0.0.0:8443", AdminListen: "127.0.0.1:8081", PublicURL: "https://gateway.example.org", ShutdownGrace: 45 * time.Second, DrainDelay: 5 * time.Second, Pprof: true, FreshFor: 10 * time.Second,
			TLS: config.ServerTLS{CertFile: "testdata/good/files/cert.pem", KeyFile: "testdata/good/files/key.pem", ClientCAFile: "testdata/good/files/ca.pem"},
			Auth: config.Auth{
				Audience: "https://gateway.example.org/fhir/r4",
				Issuers: []config.Issuer{
					{
						Issuer: "https://idp.example.org", JWKSURL: "https://idp.example.org/keys?policy=staff",
						Claims: config.Claims{Tenant: "org", Role: "groups", Patient: "launch_patient", Scope: "scp"}, Algorithms: []string{"ES384", "PS256"}, Tenants: []string{"lakeside"},
					},
					{Issuer: "https://idp.example.org/", JWKSFile: "testdata/good/files/jwks.json", Claims: claims()},
					{
						Issuer: "https://opaque.example.org", Claims: claims(),
						Introspection: config.Introspection{URL: "https://opaque.example.org/introspect", ClientID: "concord", KeyFile: "testdata/good/files/key.pem", KeyID: "k1",
							Audience: "https://opaque.example.org/token", Prefix: "at_", Keep: 20 * time.Second, AudienceOptional: true},
					},
				},
				MaxTokenLifetime: 2 * time.Hour,
			},
			MPI: config.MPI{KeyFile: "testdata/good/files/key.pem", Repeats: []concord.SourceID{"epic"}, Store: config.IndexStore{
				Kind: config.IndexPostgres, URL: "postgres://concord@db.example.org/concord?passfile=/etc/concord/pgpass",
			}},
			Audit: config.Audit{
				Dir: "testdata/audit", PseudonymKeyFile: "testdata/good/names.key", CheckpointKeyFile: "testdata/good/files/key.pem", AnchorFile: "testdata/anchors",
				S3:     config.AuditS3{Endpoint: "https://s3.example.org", Region: "eu-1", Bucket: "concord-trail", Prefix: "gw1", CredentialsFile: "testdata/good/files/token", Retain: 52560 * time.Hour, Governance: true},
				Syslog: config.AuditSyslog{AuditCopy: config.AuditCopy{On: true, Pseudonymous: true}, Address: "logs.example.org:6514", TLS: config.SourceTLS{CAFile: "testdata/good/files/ca.pem"}},
				Stdout: config.AuditCopy{On: true, Required: true},
				FHIR:   config.AuditFHIR{AuditCopy: config.AuditCopy{On: true, Required: true}, Dir: "testdata/events"},
			},
			Portal: config.Portal{
				GraphiQL: true, ClientID: "concord-portal", AuthorizeURL: "https://idp.example.org/authorize?audience=concord",
				TokenURL: "https://idp.example.org/token", Scopes: []string{"openid", "launch/patient", "patient/*.rs"},
			},
			Traces:    config.Traces{Endpoint: "http://collector.internal:4318/v1/traces", Percent: 10},
			Admission: config.Admission{MaxConcurrent: 1024, MaxWait: 250 * time.Millisecond},
			RateLimit: config.RateLimit{
				Store:      config.CounterStore{RedisAddr: "redis.example.org:6379", RedisDB: 3, User: "gw", PasswordFile: "testdata/good/files/token", SecretFile: "testdata/good/files/hmac", TLS: config.SourceTLS{CAFile: "testdata/good/files/ca.pem"}},
				Read:       config.Rate{Count: 10, Per: time.Second},
				Write:      config.Rate{Count: 1, Per: time.Minute},
				Bulk:       config.Rate{Count: 5, Per: 24 * time.Hour},
				Validation: config.Rate{Count: 9, Per: time.Minute},
				Hook:       config.Rate{Count: 8, Per: time.Minute},
				BreakGlass: config.BreakGlass{KeyFile: "testdata/good/files/empty"},
			},
			Sources: []config.Source{
				{
					Name: "epic", Vendor: config.Epic, BaseURL: "https://ehr.example.org/api/FHIR/R4", Timeout: 2500 * time.Millisecond,
					Auth: config.SourceAuth{
						Type: config.AuthBackendServices, TokenURL: "https://ehr.example.org/oauth2/token", ClientID: "7f0c",
						KeyFile: "testdata/good/files/key.pem", KeyID: "20261", Audience: "https://inside.example.org/oauth2/token",
						Scopes: []string{"system/Patient.rs", "system/Observation.rs"},
					},
					TLS:        config.SourceTLS{CAFile: "testdata/good/files/ca.pem", CertFile: "testdata/good/files/cert.pem", KeyFile: "testdata/good/files/key.pem"},
					PageSize:   100,
					Headers:    map[string]string{"Epic-Client-Id": "7f0c"},
					Categories: map[string][]string{"Observation": {"laboratory", "vital-signs"}, "CarePlan": {"38717003"}},
					Creates:    []string{"Condition"}, Tenants: []string{"lakeside", "riverside"}, MaxConcurrent: 12, Rate: config.Rate{Count: 500, Per: time.Minute}, Hedge: true,
				},
				{
					Name: "athena", Vendor: config.Athena, BaseURL: "https://api.example.org/fhir/r4", Timeout: 5 * time.Second,
					Auth: config.SourceAuth{
						Type: config.AuthClientSecret, TokenURL: "https://api.example.org/token", ClientID: "concord",
						SecretFile: "testdata/good/files/token",
					},
					Practice: "a-1.Practice-195900", MaxConcurrent: 64,
				},
				{
					Name: "lab2", Vendor: config.Generic, BaseURL: "http://[::1]:9000/fhir", Timeout: 5 * time.Second,
					Auth: config.SourceAuth{Type: config.AuthBearerFile, TokenFile: "testdata/good/files/token"}, MaxConcurrent: 64,
				},
			},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := config.Load("testdata/good/" + tt.name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile("testdata/good/" + tt.name + ".yaml")
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Digest = sha256.Sum256(text)
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// badFiles are the files that hold one broken rule each; a file's first lines say what must be said of it:
// # want: line N: key: message
func badFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	return files
}

func wanted(t testing.TB, file string) []string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(data)) {
		rest, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "# want: line ")
		if !ok {
			break
		}
		want = append(want, rest)
	}
	return want
}

func TestBad(t *testing.T) {
	for _, file := range badFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			var want []string
			for _, w := range wanted(t, file) {
				want = append(want, file+":"+w)
			}
			c, err := config.Load(file)
			if err == nil {
				t.Fatalf("is taken for good: %+v", c)
			}
			if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestErrorsAreValues(t *testing.T) {
	_, err := config.Load("testdata/bad/rate-zero.yaml")
	var got config.Errors
	if !errors.As(err, &got) {
		t.Fatalf("is a %T", err)
	}
	want := config.Errors{{
		File: "testdata/bad/rate-zero.yaml", Line: 15, Key: "rate_limit.write",
		Msg: "must be a count above zero per second, minute, hour or day, such as 600/minute",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	large := filepath.Join(dir, "large.yaml")
	if err := os.WriteFile(large, bytes.Repeat([]byte("# \n"), 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, path, want string }{
		{"missing", filepath.Join(dir, "none.yaml"), "cannot be read: no such file or directory"},
		{"folder", dir, "cannot be read: is a directory"},
		{"large", large, "is larger than 256 KiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := config.Load(tt.path)
			if want := fmt.Sprintf("%s:1: yaml: %s", tt.path, tt.want); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// An error must never show a value, which may be a secret under the wrong key.
func TestErrorsHoldNoValue(t *testing.T) {
	const secret = "hunter2secret"
	for _, text := range []string{
		"listen: " + secret,
		"public_url: https://me:" + secret + "@gateway.example.org",
		"password: " + secret,
		"mpi: {store: postgres://me:" + secret + "@localhost/concord}",
		"rate_limit: {enabled: " + secret + ", read: " + secret + ", store: redis://:" + secret + "@localhost:1/0}",
		"rate_limit: {break_glass: {key: " + secret + ", key_file: " + secret + "}}",
		"sources: [{name: " + secret + ", vendor: " + secret + ", base_url: " + secret + ", timeout: " + secret + ", page_size: " + secret + "}]",
		"sources: [{auth: {type: client_secret, client_secret: " + secret + ", secret_file: " + secret + "}}]",
		"sources: [{headers: {Authorization: " + secret + "}, practice: /" + secret + "}]",
	} {
		_, err := config.Parse("concord.yaml", []byte(text))
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s:\n%v", text, err)
		}
	}
}
