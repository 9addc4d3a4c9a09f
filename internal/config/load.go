package config

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"concord"
)

// maxSize bounds what is parsed; a hundred sources with every key fit many times over.
const maxSize = 256 << 10

// maxConcurrent bounds what may be asked for at once: beyond it a number is a mistake.
const maxConcurrent = 100_000

const (
	defaultListen        = "127.0.0.1:8080"
	defaultAdminListen   = "127.0.0.1:8081"
	defaultShutdownGrace = 20 * time.Second
)

// Load reads and checks the file at path. Its error is always an Errors.
func Load(path string) (*Config, error) {
	data, err := read(path)
	if err != nil {
		return nil, Errors{{File: path, Line: 1, Key: yamlKey, Msg: "cannot be read: " + reason(err)}}
	}
	return Parse(path, data)
}

// Parse is Load with the content given: path names the file in errors, and relative paths start at its folder.
func Parse(path string, data []byte) (*Config, error) {
	d := &document{file: path, dir: filepath.Dir(path)}
	var c Config
	if len(data) > maxSize {
		d.fail(1, yamlKey, "is larger than 256 KiB")
	} else if root, ok := d.parse(data); ok {
		c = readConfig(root)
	}
	if len(d.errs) > 0 {
		slices.SortStableFunc(d.errs, func(a, b Error) int { return cmp.Compare(a.Line, b.Line) })
		return nil, d.errs
	}
	c.Digest = sha256.Sum256(data)
	return &c, nil
}

// read takes one byte more than may be parsed, so that Parse sees what is too large.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	return io.ReadAll(io.LimitReader(f, maxSize+1))
}

// reason is what err says without the path, which the line has already.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// mostFresh is how old an answer may become. What a source has changed meanwhile is not in it.
const mostFresh = time.Minute

func readFreshFor(f field) time.Duration {
	d := f.duration(0)
	if d > mostFresh {
		f.fail("must be at most 1m")
	}
	return d
}

func readConfig(root *section) Config {
	listen, admin := root.at("listen"), root.at("admin_listen")
	c := Config{
		Listen:        listen.address(defaultListen),
		AdminListen:   admin.address(defaultAdminListen),
		PublicURL:     root.at("public_url").required().base(urlRule{bare: true, plain: true}),
		TLS:           readServerTLS(root.at("tls").section()),
		ShutdownGrace: root.at("shutdown_grace").duration(defaultShutdownGrace),
		DrainDelay:    root.at("drain_delay").duration(0),
		Pprof:         root.at("pprof").truth(false),
		FreshFor:      readFreshFor(root.at("fresh_for")),
		Auth:          readAuth(root.at("auth").section()),
		RateLimit:     readRateLimit(root.at("rate_limit").section()),
		Admission:     readAdmission(root.at("admission").section()),
	}
	if overlap(c.Listen, c.AdminListen) {
		if !admin.present {
			admin = listen
		}
		admin.fail("listen and admin_listen must be different addresses")
	}
	mpi := root.at("mpi").section()
	c.MPI = readMPI(mpi)
	c.Audit = readAudit(root.at("audit").section())
	c.Portal = readPortal(root.at("portal").section())
	traces := root.at("traces").section()
	c.Traces = Traces{Endpoint: traces.at("endpoint").url(urlRule{plain: true}), Percent: traces.at("percent").whole(100)}
	if c.Traces.Endpoint != "" && c.Traces.Percent == 0 {
		c.Traces.Percent = 100
	}
	traces.done()
	c.Sources = readSources(root.at("sources"))
	root.done()
	return c
}

func readMPI(s *section) MPI {
	m := MPI{Store: s.at("store").required().indexStore(), KeyFile: s.at("key_file").newFile(), ModelFile: s.at("model_file").newFile()}
	if m.ModelFile == "" && m.Store.Kind == IndexSQLite {
		m.ModelFile = m.Store.Path + ".model.json"
	}
	if m.KeyFile == "" && m.Store.Kind == IndexSQLite {
		m.KeyFile = m.Store.Path + ".key"
	}
	for _, name := range words(s.at("repeats").list(), func(item field, word string) {
		if !concord.SourceID(word).Valid() {
			item.fail("is not the name of a source")
		}
	}) {
		m.Repeats = append(m.Repeats, concord.SourceID(name))
	}
	s.done()
	return m
}

func readServerTLS(s *section) ServerTLS {
	t := ServerTLS{
		CertFile:     s.at("cert_file").file(),
		KeyFile:      s.at("key_file").file(),
		ClientCAFile: s.at("client_ca_file").file(),
	}
	s.pair("cert_file", "key_file")
	if ca := s.at("client_ca_file"); ca.present && !s.at("cert_file").present && !s.at("key_file").present {
		ca.fail("needs cert_file and key_file")
	}
	s.done()
	return t
}

func readAuth(s *section) Auth {
	a := Auth{Audience: s.at("audience").required().word(), MaxTokenLifetime: s.at("max_token_lifetime").duration(time.Hour)}
	issuers := s.at("issuers")
	seen := map[string]bool{}
	for _, item := range issuers.requiredList() {
		i, f := readIssuer(item.section())
		if i.Issuer != "" && seen[i.Issuer] {
			f.fail("is listed twice")
		}
		seen[i.Issuer] = true
		a.Issuers = append(a.Issuers, i)
	}
	s.done()
	return a
}

func readIssuer(s *section) (Issuer, field) {
	name, url, file := s.at("issuer"), s.at("jwks_url"), s.at("jwks_file")
	i := Issuer{
		Issuer:   name.required().url(urlRule{}),
		JWKSURL:  url.url(urlRule{query: true}),
		JWKSFile: file.file(),
	}
	i.Introspection = readIntrospection(s.at("introspection"))
	if url.present == file.present && (url.present || i.Introspection.URL == "") {
		s.fail("needs exactly one of jwks_url and jwks_file")
	}
	i.Algorithms = words(s.at("algorithms").list(), func(item field, word string) {
		if !slices.Contains(algorithms, word) {
			item.fail("must be RS256, RS384, PS256, PS384, ES256 or ES384")
		}
	})
	i.Tenants = words(s.at("tenants").list(), nil)
	claims := s.at("claims").section()
	i.Claims = Claims{
		Tenant:  claims.at("tenant").wordOr("tenant"),
		Role:    claims.at("role").wordOr("role"),
		Patient: claims.at("patient").wordOr("patient"),
		Scope:   claims.at("scope").wordOr("scope"),
	}
	claims.done()
	s.done()
	return i, name
}

// algorithms are those of signatures that hold (contract).
var algorithms = []string{"RS256", "RS384", "PS256", "PS384", "ES256", "ES384"}

func readIntrospection(f field) Introspection {
	s := f.section()
	i := Introspection{
		URL:              s.at("url").url(urlRule{query: true}),
		ClientID:         s.at("client_id").word(),
		SecretFile:       s.at("secret_file").file(),
		KeyFile:          s.at("key_file").file(),
		KeyID:            s.at("key_id").word(),
		Audience:         s.at("audience").word(),
		Prefix:           s.at("prefix").word(),
		Keep:             s.at("keep").duration(time.Minute),
		AudienceOptional: s.at("audience_optional").truth(false),
	}
	if !f.present {
		s.done()
		return Introspection{}
	}
	s.at("url").required()
	s.at("client_id").required()
	if s.at("secret_file").present == s.at("key_file").present {
		s.fail("needs exactly one of secret_file and key_file")
	}
	s.done()
	return i
}

// portalScopes are asked for when the file names none: who signs in, and all that this user may read.
func portalScopes() []string { return []string{"openid", "user/*.rs"} }

func readPortal(s *section) Portal {
	graphiQL, client, authorize, token, scopes := s.at("graphiql"), s.at("client_id"), s.at("authorize_url"), s.at("token_url"), s.at("scopes")
	p := Portal{
		GraphiQL:     graphiQL.truth(false),
		ClientID:     client.word(),
		AuthorizeURL: authorize.url(urlRule{query: true}),
		TokenURL:     token.url(urlRule{query: true}),
		Scopes:       words(scopes.list(), nil),
	}
	if client.present || authorize.present || token.present || scopes.present {
		for _, f := range []field{client, authorize, token} {
			f.required()
		}
		if !scopes.present {
			p.Scopes = portalScopes()
		}
	}
	s.done()
	return p
}

func readAdmission(s *section) Admission {
	a := Admission{MaxConcurrent: s.at("max_concurrent").whole(maxConcurrent), MaxWait: s.at("max_wait").duration(500 * time.Millisecond)}
	s.done()
	return a
}

func readRateLimit(s *section) RateLimit {
	r := RateLimit{
		Enabled: s.at("enabled").truth(true),
		Store:   s.at("store").counterStore(),
		Read:    s.at("read").rate(Rate{600, time.Minute}),
		Write:   s.at("write").rate(Rate{60, time.Minute}),
		Bulk:    s.at("bulk").rate(Rate{2, time.Hour}),
	}
	r.Validation = s.at("validation").rate(Rate{600, time.Minute})
	r.Hook = s.at("hook").rate(Rate{600, time.Minute})
	redis := s.at("redis").section()
	r.Store.User, r.Store.PasswordFile, r.Store.SecretFile = redis.at("user").word(), redis.at("password_file").file(), redis.at("secret_file").file()
	r.Store.TLS = readSourceTLS(redis.at("tls").section())
	redis.done()
	glass := s.at("break_glass").section()
	r.BreakGlass.KeyFile = glass.at("key_file").file()
	glass.done()
	s.done()
	return r
}
