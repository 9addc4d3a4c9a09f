package connectors

import (
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"concord"
	"concord/fhir"
)

// Config is one source. Source and Base are needed; every other zero value means its default.
type Config struct {
	Source    concord.SourceID
	Base      string            // the FHIR base, http or https; a slash at its end does not matter
	Budget    time.Duration     // the whole time of one Search or Read, retries and pages included; default 5 s
	Transport http.RoundTripper // default NewTransport(nil)
	Tokens    TokenSource       // default none: requests carry no Authorization
	Headers   map[string]string // sent with every request to Base, such as Epic-Client-ID; no credentials
	PageSize  int               // the _count asked for; default and upper bound are the vendor's
	Parallel  int               // requests of one Search under way at once, when it must be split; default 5
	Practice  string            // athena: id of the practice's Organization; default: searches name none
	Limits    Limits
	// Gate is what requests to Base go through, each attempt of each: one whose turn can't come within the budget is RateLimited
	// at once, and not sent. Requests for tokens do not go through it. Default none.
	Gate *Gate
	// Hedge sends a search's first page or a read a second time when the source takes longer than it does for 19 in 20, and
	// takes the answer that is whole first: at most one request in twenty, within the budget, and only when the source has a
	// place for it at once. Creates, further pages and tokens are never sent twice.
	Hedge bool

	// Categories are the categories that this site takes, by resource type, in place of the vendor's usual ones. A
	// search without a category is then split over them without trying to do without.
	Categories map[fhir.ResourceType][]string

	// Observe is told of every request to Base, retries included in it, from the goroutine that made it. Default none.
	Observe func(Exchange)
}

// Limits bound what one Search takes from a source. A zero field means the default.
type Limits struct {
	Pages      int // pages of one search; default 200
	PageBytes  int // bytes of one page, or of one resource that is read, once decompressed; default 16 MiB
	TotalBytes int // bytes of all the pages of a search; default 128 MiB
}

// Exchange is one request to a source, for metrics and traces. It holds no PHI.
type Exchange struct {
	Source   concord.SourceID
	Op       string // "search" or "read"
	Type     fhir.ResourceType
	Status   int           // the last HTTP status; 0 without an answer
	Kind     concord.Kind  // the fault; Unknown when there was none
	Attempts int           // 1 without a retry
	Waited   time.Duration // for turns at the source, part of Elapsed
	Hedge    Hedge
	Bytes    int // of the body that was kept, decompressed
	Elapsed  time.Duration
}

const (
	defaultBudget     = 5 * time.Second
	defaultParallel   = 5
	defaultPages      = 200
	defaultPageBytes  = 16 << 20
	defaultTotalBytes = 128 << 20
)

// complete fills the defaults in.
func (c Config) complete() Config {
	def := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	if c.Budget <= 0 {
		c.Budget = defaultBudget
	}
	if c.Transport == nil {
		c.Transport = NewTransport(nil)
	}
	def(&c.Parallel, defaultParallel)
	def(&c.Limits.Pages, defaultPages)
	def(&c.Limits.PageBytes, defaultPageBytes)
	def(&c.Limits.TotalBytes, defaultTotalBytes)
	c.Base = strings.TrimRight(c.Base, "/")
	return c
}

// NewTransport is an HTTP transport fit for one source: connections are kept for reuse, gzip is taken, and nothing older
// than TLS 1.2. config, which may be nil, gives roots and the client's certificate for mutual TLS.
func NewTransport(config *tls.Config) *http.Transport {
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	} else {
		config = config.Clone()
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
	}
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        90 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		ReadBufferSize:         32 << 10,
		ForceAttemptHTTP2:      true,
	}
}

// parseBase checks a base URL.
func parseBase(base string) (*url.URL, bool) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, false
	}
	return u, true
}
