// Package config reads the operator's YAML file into Go values, and says of everything that is wrong in it the file, the
// line and the key. It reads no secret, connects to nothing, and does not decide how a value is used.
package config

import (
	"time"

	"concord"
)

// Config is a whole configuration that passed every check. It holds no secret and no PHI. A relative path of the file is
// resolved against the file's folder. The zero value is not usable: it has no source and no issuer.
type Config struct {
	Listen        string        // host:port of the gateway; an empty host is every interface
	AdminListen   string        // host:port of health and metrics; never an address of Listen's
	PublicURL     string        // base of every link handed out: scheme and host, without a trailing slash
	TLS           ServerTLS     // zero: plain HTTP, for loopback or behind a TLS terminator
	ShutdownGrace time.Duration // how long requests under way may take after SIGTERM
	DrainDelay    time.Duration // how long new requests are taken after SIGTERM, while readiness says no already; 0: not at all
	Pprof         bool          // Go's profiles, on AdminListen
	FreshFor      time.Duration // how long a whole answer may be given again to its caller; 0: never
	Auth          Auth
	MPI           MPI
	Audit         Audit
	RateLimit     RateLimit
	Admission     Admission
	Portal        Portal
	Traces        Traces
	Sources       []Source // in the order of the file; never empty
	Digest        [32]byte // SHA-256 of the file
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
	// MaxTokenLifetime is how long a signed token may hold at most, from its iat to its exp.
	MaxTokenLifetime time.Duration
}

// Issuer is one authorization server whose tokens hold. At most one of JWKSURL and JWKSFile is set, and neither only with
// Introspection.
type Issuer struct {
	Issuer   string // the "iss" of its tokens, compared byte for byte
	JWKSURL  string // where its keys are fetched
	JWKSFile string // a JWK Set on disk
	Claims   Claims
	// Algorithms are those that its signatures may be of; empty: all that the gateway takes.
	Algorithms []string
	// Tenants are those that it may speak for; empty: all.
	Tenants       []string
	Introspection Introspection
}

// Introspection is how an issuer is asked about opaque tokens (RFC 7662). The zero value asks none. One of SecretFile and
// KeyFile is set.
type Introspection struct {
	URL              string
	ClientID         string
	SecretFile       string        // client_secret_basic
	KeyFile          string        // private_key_jwt
	KeyID            string        // the assertion's kid; empty: none is sent
	Audience         string        // the assertion's aud; empty: the issuer
	Prefix           string        // what its opaque tokens begin with; needed when several issuers have introspection
	Keep             time.Duration // how long an active token is believed; 0: a minute
	AudienceOptional bool          // a response without aud is taken
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
	// KeyFile holds the keys that encrypt the index (package mpi/sqlstore). Of a SQLite index that names none it stands beside
	// it and is made when it does not exist; without one PostgreSQL keeps ids in the clear, and no demographics.
	KeyFile string
	Repeats []concord.SourceID // sources that may have one person more than once
	// ModelFile holds the model that pairs are weighed by, which is no PHI. Of a SQLite index that names none it stands beside
	// it; otherwise none is kept.
	ModelFile string
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

// Audit says where the trail is kept, and where it goes besides.
type Audit struct {
	Dir               string // created when it does not exist
	PseudonymKeyFile  string // the key of pseudonyms for user names; made when it does not exist
	CheckpointKeyFile string // Ed25519 private key that signs checkpoints; empty: they are not signed
	AnchorFile        string // notes the head of each checkpoint, away from the trail; empty: none
	S3                AuditS3
	Syslog            AuditSyslog
	Stdout            AuditCopy
	FHIR              AuditFHIR
}

// AuditS3 is a second trail in a bucket with object lock. The zero value is none.
type AuditS3 struct {
	Endpoint, Region, Bucket string
	Prefix                   string        // of this gateway's objects; never another's
	CredentialsFile          string        // AWS shared credentials; empty: the machine's role
	Retain                   time.Duration // how long each object is locked; 0: the bucket's own rule
	Governance               bool          // the lock's mode; otherwise compliance
}

// AuditCopy is a copy of the records for somebody else to keep. The zero value is none.
type AuditCopy struct {
	On           bool
	Required     bool // no answer leaves when the copy can't be made
	Pseudonymous bool // the copy has no ids of persons and resources, and no addresses
}

// AuditSyslog is a copy over syslog with TLS (RFC 5425).
type AuditSyslog struct {
	AuditCopy
	Address string // host:port
	TLS     SourceTLS
}

// AuditFHIR is a copy as FHIR AuditEvents (IHE BALP), a file of NDJSON each day.
type AuditFHIR struct {
	AuditCopy
	Dir string
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

// Traces says where spans of requests are sent. The zero value sends none.
type Traces struct {
	Endpoint string // an OTLP collector's URL for traces, such as http://127.0.0.1:4318/v1/traces; empty: none
	Percent  int    // of requests, 1 to 100
}

// RateLimit says how much one caller may ask. The zero value limits nobody.
type RateLimit struct {
	Enabled    bool
	Store      CounterStore
	Read       Rate // per tenant and user, or client for backend tokens
	Write      Rate // per tenant and user, or client for backend tokens
	Bulk       Rate // per tenant
	Validation Rate // per tenant and user, or client for backend tokens
	Hook       Rate // per tenant and client
	BreakGlass BreakGlass
}

// Admission says how many requests may be under way at once, all callers together.
type Admission struct {
	MaxConcurrent int           // at most, however idle the machine is; 0: 512
	MaxWait       time.Duration // how long a request may wait for its turn before it is refused
}

// CounterStore is the place of the rate limit's counters. The zero value is this process's memory.
type CounterStore struct {
	RedisAddr string // host:port; empty: this process's memory
	RedisDB   int    // number of the Redis database

	User         string    // empty: the default user
	PasswordFile string    // holds the password; empty: none
	SecretFile   string    // keys the hashes by which callers are named in the Redis; empty: they are not keyed
	TLS          SourceTLS // roots and our certificate; with CAFile the connection is encrypted
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
