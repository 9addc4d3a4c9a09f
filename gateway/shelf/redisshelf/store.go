package redisshelf

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"concord"
	"concord/gateway/shelf"
)

// Options say which Redis, and how patiently it is used. All but Addr may be zero.
type Options struct {
	Addr string      // host:port
	DB   int         // number of the database
	TLS  *tls.Config // nil: the connection is not encrypted, as for redis://
	User string      // "": the default user
	// PasswordFile holds the password. It is read whenever a connection is made, so that it can be exchanged. "": none.
	PasswordFile string
	Timeout      time.Duration // of one question; default 500 ms
	Rest         time.Duration // how long a Redis that did not answer is left alone; default 1 s
	// Changed is told whenever the Redis is gone (true) or back. It must not wait.
	Changed func(gone bool)
}

// Store is a Shelf in a Redis. From the first question that it does not answer in time, everything is Unavailable at once,
// and one question in each Options.Rest finds out whether it is back. A Redis that is full, or that only reads, is
// Unavailable for what is written. Close ends it.
//
// What is kept expires by the clock of the Redis. A Redis that evicts before that loses pages, which are gone then; it must
// not evict claims (maxmemory-policy noeviction, or volatile-ttl: claims live longest).
type Store struct {
	opts   Options
	client rueidis.Client

	mu    sync.Mutex
	gone  bool
	until time.Time // not asked before
}

var _ shelf.Shelf = (*Store)(nil)

const (
	defaultTimeout = 500 * time.Millisecond
	defaultRest    = time.Second
	dialTimeout    = time.Second
	maxPassword    = 4 << 10 // bytes
)

var errPassword = errors.New("redisshelf: the password's file can't be read, is empty, or is none")

// New connects, for a second at most; a Redis that is not there is one that is gone. Its error is a *concord.Fault,
// Invalid: an address or a password's file that can't be one.
func New(o Options) (*Store, error) {
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Rest <= 0 {
		o.Rest = defaultRest
	}
	if host, port, err := net.SplitHostPort(o.Addr); err != nil || host == "" || port == "" || o.DB < 0 {
		return nil, invalid(errors.New("redisshelf: not the address of a Redis"))
	}
	if o.PasswordFile != "" {
		if _, err := readPassword(o.PasswordFile); err != nil {
			return nil, invalid(err)
		}
	}
	s := &Store{opts: o}
	var err error
	s.client, err = rueidis.NewClient(s.connection())
	if s.client == nil {
		return nil, invalid(err)
	}
	if err != nil {
		s.answered(false)
	}
	return s, nil
}

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
		ForceSingleClient: true, DisableCache: true, DisableRetry: true,
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

// Close ends the connections.
func (s *Store) Close() error {
	s.client.Close()
	return nil
}

// Gone tells whether the Redis did not answer when it was asked last.
func (s *Store) Gone() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gone
}

// may tells whether the Redis may be asked now; of those who come to one that is gone, one in each Rest may.
func (s *Store) may() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.gone {
		return true
	}
	now := time.Now()
	if now.Before(s.until) {
		return false
	}
	s.until = now.Add(s.opts.Rest)
	return true
}

// answered notes whether the Redis did.
func (s *Store) answered(yes bool) {
	s.mu.Lock()
	was := s.gone
	s.gone = !yes
	if !yes {
		s.until = time.Now().Add(s.opts.Rest)
	}
	s.mu.Unlock()
	if was == yes && s.opts.Changed != nil {
		s.opts.Changed(!yes)
	}
}

// ask runs one command. Its error is nil, NotFound for nothing there, or what Shelf says.
func (s *Store) ask(ctx context.Context, op string, command rueidis.Completed) (rueidis.RedisResult, error) {
	gone := &concord.Fault{Op: op, Kind: concord.Unavailable, RetryAfter: s.opts.Rest}
	if err := ctx.Err(); err != nil {
		return rueidis.RedisResult{}, shelf.ContextFault(op, err)
	}
	if !s.may() {
		return rueidis.RedisResult{}, gone
	}
	limited, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	r := s.client.Do(limited, command)
	err := r.Error()
	switch {
	case err == nil, rueidis.IsRedisNil(err):
		s.answered(true)
		if err != nil {
			return r, &concord.Fault{Op: op, Kind: concord.NotFound}
		}
		return r, nil
	case ctx.Err() != nil: // it was the caller who did not wait
		return r, shelf.ContextFault(op, ctx.Err())
	}
	if _, said := rueidis.IsRedisErr(err); said { // it is there, and has no room, or does not let us
		s.answered(true)
	} else {
		s.answered(false)
	}
	gone.Err = err
	return r, gone
}

// millis is life as Redis takes it.
func millis(life time.Duration) time.Duration { return max(life, time.Millisecond) }

func large(op string, value []byte) error {
	if len(value) > shelf.MaxValue {
		return &concord.Fault{Op: op, Kind: concord.Invalid}
	}
	return nil
}

// Put implements shelf.Shelf.
func (s *Store) Put(ctx context.Context, name string, value []byte, life time.Duration) error {
	const op = "shelf put"
	if err := large(op, value); err != nil {
		return err
	}
	_, err := s.ask(ctx, op, s.client.B().Set().Key(name).Value(rueidis.BinaryString(value)).Px(millis(life)).Build())
	return err
}

// Get implements shelf.Shelf.
func (s *Store) Get(ctx context.Context, name string) ([]byte, error) {
	const op = "shelf get"
	r, err := s.ask(ctx, op, s.client.B().Get().Key(name).Build())
	if err != nil {
		return nil, err
	}
	b, err := r.AsBytes()
	if err != nil {
		return nil, &concord.Fault{Op: op, Kind: concord.Unavailable, Err: err}
	}
	return b, nil
}

// Claim implements shelf.Shelf.
func (s *Store) Claim(ctx context.Context, name string, value []byte, life time.Duration) ([]byte, error) {
	const op = "shelf claim"
	if err := large(op, value); err != nil {
		return nil, err
	}
	for range 3 { // what was there may be gone again by the time it is asked for
		_, err := s.ask(ctx, op, s.client.B().Set().Key(name).Value(rueidis.BinaryString(value)).Nx().Px(millis(life)).Build())
		if err == nil {
			return nil, nil
		}
		if !errors.Is(err, concord.NotFound) {
			return nil, err
		}
		had, err := s.Get(ctx, name)
		if err == nil || !errors.Is(err, concord.NotFound) {
			return had, err
		}
	}
	return nil, &concord.Fault{Op: op, Kind: concord.Unavailable}
}

// Drop implements shelf.Shelf.
func (s *Store) Drop(ctx context.Context, name string) error {
	_, err := s.ask(ctx, "shelf drop", s.client.B().Del().Key(name).Build())
	return err
}

func invalid(cause error) error {
	return &concord.Fault{Op: "shared store", Kind: concord.Invalid, Err: cause}
}
