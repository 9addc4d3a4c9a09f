package redislimit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"concord"
	"concord/gateway/ratelimit"
)

// Options say which Redis, and how patiently it is used. All but Addr may be zero.
type Options struct {
	Addr string      // host:port
	DB   int         // number of the database
	TLS  *tls.Config // nil: the connection is not encrypted, as for redis://
	User string      // "": the default user
	// PasswordFile holds the password. It is read whenever a connection is made, so that it can be exchanged. "": none.
	PasswordFile string
	// Secret keys the hashes that callers are named by, so that who can read the Redis can't find out whom they stand for by
	// trying ids. It must be the same for all gateways of one Redis. Empty: the hashes are those of an empty key.
	Secret  []byte
	Timeout time.Duration // of one question; default 100 ms
	Rest    time.Duration // between attempts to come back to a Redis that is gone; default 1 s
	Memory  ratelimit.Options
	// Changed is told whenever the Redis is gone or back, and at first when it is not there to begin with. It must not wait.
	Changed func(State)
}

// State is how a Store is doing. It holds no address.
type State struct {
	Degraded bool         // the Redis is gone, and this process counts for itself
	Cause    concord.Kind // why: Timeout or Unavailable; Unknown when it is not
	Since    time.Time    // when that began
}

// Store is the counts and the used nonces in a Redis. Close ends it.
//
// As long as the Redis answers, limits hold exactly for all gateways together. It counts in memory besides, so that a Redis
// that is gone does not mean that everybody starts anew: from the first question that it does not answer in time, each
// gateway goes on by its own count, N gateways together allow up to N times the limit, nobody waits, and an attempt to come
// back is made every Options.Rest. What was counted meanwhile is not told to the Redis, so in the window in which it comes
// back a caller may get the limit once more. The same holds for a Redis that loses its data: counts are not worth a disk.
//
// Windows end by the clock of the Redis. It must not evict keys that have not expired (maxmemory-policy noeviction), or it
// forgets counts.
type Store struct {
	opts   Options
	memory *ratelimit.Memory
	client rueidis.Client
	count  *rueidis.Lua
	life   context.Context //nolint:containedctx // ends with the Store
	end    context.CancelFunc
	wait   sync.WaitGroup
	wake   chan struct{} // tells the watcher that the Redis is gone

	mu    sync.RWMutex
	state State
	rates map[ratelimit.Class]ratelimit.Rate // replaced as a whole, never changed
}

var (
	_ ratelimit.Limiter = (*Store)(nil)
	_ ratelimit.Nonces  = (*Store)(nil)
)

const (
	defaultTimeout = 100 * time.Millisecond
	defaultRest    = time.Second
	dialTimeout    = time.Second // of a connection with all that belongs to it; only New and the watcher wait for one
	maxPassword    = 4 << 10     // bytes
)

var errPassword = errors.New("redislimit: the password's file can't be read, is empty, or is none")

// New connects, for a second at most; a Redis that is not there is one that is gone. Its error is a *concord.Fault,
// Invalid: a rate, an address or a password's file that can't be one.
func New(rates map[ratelimit.Class]ratelimit.Rate, o Options) (*Store, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Rest <= 0 {
		o.Rest = defaultRest
	}
	o.Secret = bytes.Clone(o.Secret)
	if host, port, err := net.SplitHostPort(o.Addr); err != nil || host == "" || port == "" || o.DB < 0 {
		return nil, invalid(errors.New("redislimit: not the address of a Redis"))
	}
	if o.PasswordFile != "" {
		if _, err := readPassword(o.PasswordFile); err != nil {
			return nil, invalid(err)
		}
	}
	m, err := ratelimit.NewMemory(rates, o.Memory)
	if err != nil {
		return nil, err
	}
	s := &Store{opts: o, rates: maps.Clone(rates), memory: m, count: rueidis.NewLuaScript(script), wake: make(chan struct{}, 1), state: State{Since: time.Now()}}
	s.life, s.end = context.WithCancel(context.Background())
	s.client, err = rueidis.NewClient(s.connection())
	if s.client == nil {
		s.end()
		return nil, invalid(err)
	}
	s.wait.Go(s.watch)
	if err == nil {
		err = s.probe()
	}
	if err != nil {
		s.gone(err)
	}
	return s, nil
}

// connection is how the Redis is reached: over one connection, on which questions queue without waiting for each other.
func (s *Store) connection() rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress: []string{s.opts.Addr}, SelectDB: s.opts.DB, TLSConfig: s.opts.TLS, ClientSetInfo: rueidis.DisableClientSetInfo,
		AuthCredentialsFn: func(rueidis.AuthCredentialsContext) (rueidis.AuthCredentials, error) {
			c := rueidis.AuthCredentials{Username: s.opts.User}
			if s.opts.PasswordFile == "" {
				return c, nil
			}
			var err error
			c.Password, err = readPassword(s.opts.PasswordFile)
			return c, err
		},
		Dialer:            net.Dialer{Timeout: dialTimeout},
		ConnWriteTimeout:  dialTimeout, // ends a connection on which nothing moves
		ForceSingleClient: true, PipelineMultiplex: -1, DisableCache: true, DisableRetry: true,
		ReadBufferEachConn: 64 << 10, WriteBufferEachConn: 64 << 10,
	}
}

func readPassword(path string) (string, error) {
	b, err := os.ReadFile(path)
	if b = bytes.TrimSpace(b); err != nil || len(b) == 0 || len(b) > maxPassword {
		return "", errPassword
	}
	return string(b), nil
}

// SetRates makes the rates others from now on, as those of a Memory: what was counted in windows of the same length stays
// counted. Gateways that share the Redis with other rates each hold to their own.
func (s *Store) SetRates(rates map[ratelimit.Class]ratelimit.Rate) error {
	if err := s.memory.SetRates(rates); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates = maps.Clone(rates)
	return nil
}

// rate is that of a class; false when it has none.
func (s *Store) rate(c ratelimit.Class) (ratelimit.Rate, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.rates[c]
	return r, ok
}

// Close ends the connection and the attempts at one. Limits are counted in memory from then on.
func (s *Store) Close() error {
	s.mu.Lock()
	s.end()
	s.state = State{Degraded: true, Cause: concord.Unavailable, Since: time.Now()}
	s.mu.Unlock()
	s.wait.Wait()
	s.client.Close()
	return nil
}

// name is what Redis knows something by: what sort of thing it is, and a keyed hash of whose it is.
func (s *Store) name(sort string, whose ...string) string {
	h := hmac.New(sha256.New, s.opts.Secret)
	var size [4]byte
	for _, w := range append([]string{sort}, whose...) {
		binary.BigEndian.PutUint32(size[:], uint32(len(w)))
		_, _ = h.Write(size[:]) // a hash never fails
		_, _ = h.Write([]byte(w))
	}
	return "concord:" + sort + ":" + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:24])
}

func invalid(cause error) error {
	return &concord.Fault{Op: "rate limit store", Kind: concord.Invalid, Err: cause}
}
