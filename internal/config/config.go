// Package config reads the operator's YAML file into Go values, and says of everything that is wrong in it the file, the
// line and the key. It reads no secret, connects to nothing, and does not decide how a value is used.
package config

import "time"

// Config is a whole configuration that passed every check. It holds no secret and no PHI. A relative path of the file is
// resolved against the file's folder. The zero value is not usable: it has no source and no issuer.
type Config struct {
	Listen        string        // host:port of the gateway; an empty host is every interface
	AdminListen   string        // host:port of health and metrics; never an address of Listen's
	PublicURL     string        // base of every link handed out: scheme and host, without a trailing slash
	TLS           ServerTLS     // zero: plain HTTP, for loopback or behind a TLS terminator
	ShutdownGrace time.Duration // how long requests under way may take after SIGTERM
	Auth          Auth
	MPI           MPI
	Audit         Audit
	RateLimit     RateLimit
	Portal        Portal
	Sources       []Source // in the order of the file; never empty
}

// ServerTLS is the gateway's own certificate. CertFile and KeyFile are both set or both empty.
type ServerTLS struct {
	CertFile     string // PEM certificate chain; empty: plain HTTP
	KeyFile      string // PEM private key
	ClientCAFile string // PEM roots; set: a client must present a certificate that one of them signed
}

// Auth says whose tokens hold.
type Auth struct {
	Audience string   // the "aud" that a token must have, compared byte for byte
	Issuers  []Issuer // never empty; no two have the same Issuer
}

// Issuer is one authorization server whose tokens hold. Exactly one of JWKSURL and JWKSFile is set.
type Issuer struct {
	Issuer   string // the "iss" of its tokens, compared byte for byte
	JWKSURL  string // where its keys are fetched
	JWKSFile string // a JWK Set on disk
	Claims   Claims
}

// Claims names the token claims that carry what the gateway needs to know of a caller. No name is empty.
type Claims struct {
	Tenant  string
	Role    string
	Patient string
	Scope   string
}

// MPI says where the index of persons is kept.
type MPI struct {
	Store IndexStore
}

// IndexStore is the place of the index: Path for SQLite, URL for PostgreSQL, neither for memory.
type IndexStore struct {
	Kind IndexKind
	Path string // SQLite database file; it need not exist yet
	URL  string // PostgreSQL connection URL, without a password
}

// IndexKind names a way to keep the index. The zero value is none.
type IndexKind string

// The ways to keep the index.
const (
	IndexMemory   IndexKind = "memory"   // lost at exit, for tests
	IndexSQLite   IndexKind = "sqlite"   // one file, for one gateway
	IndexPostgres IndexKind = "postgres" // shared by several gateways
)

// Audit says where the trail is kept.
type Audit struct {
	Dir string // created when it does not exist
}

// Portal says what a browser is shown.
type Portal struct {
	GraphiQL bool // an editor for GraphQL queries at /graphiql, and a field for a token beside sign-in
	// ClientID is the portal's at the authorization server, as a public client whose only redirect URI is PublicURL and a
	// slash. It, AuthorizeURL and TokenURL are all set or all empty; empty: nobody can sign in.
	ClientID     string
	AuthorizeURL string   // where a browser is sent to sign in
	TokenURL     string   // where the page's script gets its token; it must allow the portal's origin (CORS)
	Scopes       []string // what is asked for; never empty when ClientID is set
}

// RateLimit says how much one caller may ask. The zero value limits nobody.
type RateLimit struct {
	Enabled    bool
	Store      CounterStore
	Read       Rate // per tenant and user, or client for backend tokens
	Write      Rate // per tenant and user, or client for backend tokens
	Bulk       Rate // per tenant
	BreakGlass BreakGlass
}

// CounterStore is the place of the rate limit's counters. The zero value is this process's memory.
type CounterStore struct {
	RedisAddr string // host:port; empty: this process's memory
	RedisDB   int    // number of the Redis database
}

// Rate is at most Count requests in each window of length Per. Both are positive.
type Rate struct {
	Count int
	Per   time.Duration
}

// BreakGlass says how an emergency request proves itself.
type BreakGlass struct {
	KeyFile string // holds the HMAC key; unset or an empty file: every break-glass header is refused
}
