package smart

import (
	"container/list"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"hash"
	"sync"
	"time"
)

// digest stands for a token without holding it: an HMAC with a key of this process.
type digest [sha256.Size]byte

// verified is what was found out about a token: that it holds, and under what, or that it does not.
type verified struct {
	digest  digest
	token   Token
	refusal Refusal // 0: it holds
	from    *issuer
	set     *keySet   // the keys at the time; another set voids it. nil: the issuer was asked
	until   time.Time // when to find out anew
}

// tokenCache remembers tokens, the least used falling out first. It spares the signature or the question, nothing else:
// what can change afterwards, time and keys, is checked on each use.
type tokenCache struct {
	size int
	macs sync.Pool // of *mac

	mu    sync.Mutex
	byKey map[digest]*list.Element
	order *list.List // of *verified, the last used first
}

func newTokenCache(size int) (*tokenCache, error) {
	secret := make([]byte, sha256.Size)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	return &tokenCache{size: size, byKey: make(map[digest]*list.Element), order: list.New(),
		macs: sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, secret)} }}}, nil
}

// mac is a keyed hash and room for what it hashes.
type mac struct {
	hash.Hash
	in []byte
}

func (c *tokenCache) digest(token string) (d digest) {
	m, ok := c.macs.Get().(*mac)
	if !ok {
		return d // can't be
	}
	m.Reset()
	m.in = append(m.in[:0], token...)
	_, _ = m.Write(m.in) // a hash never fails
	m.Sum(d[:0])
	clear(m.in) // the token stays nowhere
	c.macs.Put(m)
	return d
}

// get is what is known of d, unless it has ended: no leeway here, the full check grants that.
func (c *tokenCache) get(d digest, now time.Time) (*verified, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[d]
	if !ok {
		return nil, false
	}
	v, ok := e.Value.(*verified)
	if !ok || !now.Before(v.until) {
		c.remove(e, d)
		return nil, false
	}
	c.order.MoveToFront(e)
	return v, true
}

func (c *tokenCache) put(v *verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[v.digest]; ok {
		c.remove(e, v.digest)
	}
	c.byKey[v.digest] = c.order.PushFront(v)
	for c.order.Len() > c.size {
		last := c.order.Back()
		if old, ok := last.Value.(*verified); ok {
			c.remove(last, old.digest)
		}
	}
}

func (c *tokenCache) drop(d digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[d]; ok {
		c.remove(e, d)
	}
}

func (c *tokenCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.byKey)
	c.order.Init()
}

func (c *tokenCache) remove(e *list.Element, d digest) {
	delete(c.byKey, d)
	c.order.Remove(e)
}
