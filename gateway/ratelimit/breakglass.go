package ratelimit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord"
)

// BreakGlassHeader is the request's header that asks for limits to be lifted:
//
//	X-Break-Glass: t=<unix seconds>,n=<nonce>,sig=<hex HMAC-SHA256 of "t.n.sub.method.path">
const BreakGlassHeader = "X-Break-Glass"

const (
	glassLife   = 60 * time.Second // how long a header holds
	glassAhead  = 5 * time.Second  // how far the sender's clock may be ahead of ours
	glassNonces = 4096             // headers accepted while the first of them still holds: an emergency is not a load
	nonceMax    = 128              // bytes

	// nonceLife is how long several gateways remember a nonce together: longer than any of them could take its header for
	// good, however far apart their clocks may be.
	nonceLife = 5 * time.Minute
)

// Nonces remembers for several gateways which nonces were used. It is safe for concurrent use.
type Nonces interface {
	// Use tells whether nonce is used for the first time within life. It is bounded in time by itself, since what is begun
	// here must not be left half done. Its error is a *concord.Fault, Unavailable: nothing can be said.
	Use(nonce string, life time.Duration) (first bool, err error)
}

// BreakGlass checks emergency headers. What it accepts lifts the read and write limits, and nothing else: not a scope, not
// a patient's bounds, not the bulk limit. It is safe for concurrent use. The zero value, and nil, refuse every header.
type BreakGlass struct {
	key    []byte
	clock  func() time.Time
	shared Nonces // nil: this process's memory is all there is

	mu     sync.Mutex
	used   map[string]int64 // nonces by their header's time, in Unix seconds
	forgot int64            // the latest time of a nonce that was forgotten; older headers might be repeats
}

// NewBreakGlass checks with key; an empty one refuses every header. A nil clock is time.Now.
func NewBreakGlass(key []byte, clock func() time.Time) *BreakGlass {
	if clock == nil {
		clock = time.Now
	}
	return &BreakGlass{key: append([]byte(nil), key...), clock: clock, used: map[string]int64{}}
}

// NewSharedBreakGlass is NewBreakGlass for one of several gateways, which accept a header once among them.
//
// While the store can't be asked, every header is refused: a header that two gateways accept is not used once, and without
// one the caller still has the ordinary limits.
func NewSharedBreakGlass(key []byte, clock func() time.Time, n Nonces) *BreakGlass {
	b := NewBreakGlass(key, clock)
	b.shared = n
	return b
}

// Verify accepts a header once: when it was made with the key for this subject, method and path (as it was sent, without
// the query), is at most 60 s old, and its nonce is new. The subject is that of the verified token. A nonce is 1 to 128
// characters of A-Z, a-z, 0-9, "-", "_", "~", "+", "/" and "=". Every refusal is Forbidden, and does not tell why; only
// when the store that gateways share can't be asked, it is Unavailable, and the header may be sent again.
func (b *BreakGlass) Verify(header, subject, method, path string) error {
	if b == nil || len(b.key) == 0 {
		return refused("no key")
	}
	h, ok := parseGlass(header)
	if !ok {
		return refused("form")
	}
	mac := hmac.New(sha256.New, b.key)
	mac.Write([]byte(strings.Join([]string{h.time, h.nonce, subject, method, path}, ".")))
	if !hmac.Equal(mac.Sum(nil), h.sig) {
		return refused("signature")
	}
	if err := b.spend(h); err != nil || b.shared == nil {
		return err
	}
	first, err := b.shared.Use(h.nonce, nonceLife)
	if err != nil {
		b.unspend(h.nonce)
		return &concord.Fault{Op: "break-glass", Kind: concord.Unavailable, Err: err}
	}
	if !first {
		return refused("used elsewhere")
	}
	return nil
}

// spend takes h's nonce as used in this process, if h holds now.
func (b *BreakGlass) spend(h glass) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock().Unix()
	oldest := now - int64(glassLife/time.Second)
	if h.at < oldest || h.at > now+int64(glassAhead/time.Second) {
		return refused("time")
	}
	if _, again := b.used[h.nonce]; again || h.at <= b.forgot { // forgot matters only after the clock stepped back
		return refused("used")
	}
	if len(b.used) >= glassNonces {
		b.forget(oldest)
	}
	if len(b.used) >= glassNonces {
		return refused("too many")
	}
	b.used[h.nonce] = h.at
	return nil
}

// unspend forgets a nonce of which the shared store could not say whether it was used. Should it have been told of it all
// the same, it says so the next time.
func (b *BreakGlass) unspend(nonce string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.used, nonce)
}

// forget drops the nonces whose headers do not hold any more.
func (b *BreakGlass) forget(oldest int64) {
	for n, at := range b.used {
		if at < oldest {
			delete(b.used, n)
			b.forgot = max(b.forgot, at)
		}
	}
}

type glass struct {
	time, nonce string
	at          int64
	sig         []byte
}

func parseGlass(s string) (g glass, ok bool) {
	t, rest, _ := strings.Cut(s, ",")
	n, sig, _ := strings.Cut(rest, ",")
	var okT, okN, okS bool
	g.time, okT = strings.CutPrefix(strings.TrimSpace(t), "t=")
	g.nonce, okN = strings.CutPrefix(strings.TrimSpace(n), "n=")
	sig, okS = strings.CutPrefix(strings.TrimSpace(sig), "sig=")
	if !okT || !okN || !okS || !nonce(g.nonce) || len(sig) != 2*sha256.Size {
		return g, false
	}
	var err error
	if g.at, err = strconv.ParseInt(g.time, 10, 64); err != nil || strconv.FormatInt(g.at, 10) != g.time {
		return g, false
	}
	g.sig, err = hex.DecodeString(sig)
	return g, err == nil
}

// nonce has no dot, which would let one signed text be read in two ways.
func nonce(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte("-_~+/=", c) < 0 {
			return false
		}
	}
	return s != "" && len(s) <= nonceMax
}

func refused(why string) error {
	return &concord.Fault{Op: "break-glass", Kind: concord.Forbidden, Err: errors.New(why)}
}
