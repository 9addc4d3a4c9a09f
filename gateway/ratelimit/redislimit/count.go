package redislimit

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/redis/rueidis"

	"concord"
	"concord/gateway/ratelimit"
)

// script counts a request, and gives the count, the rest of the window and its end, in milliseconds. The window begins with
// the first request, and whatever took a counter's end away gets it back: one that never ends would shut somebody out.
// Before Redis 7 there is no PEXPIRETIME.
const script = `
local n = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
local ends = redis.pcall('PEXPIRETIME', KEYS[1])
if type(ends) ~= 'number' then
  local now = redis.call('TIME')
  ends = now[1] * 1000 + math.floor(now[2] / 1000) + left
end
return {n, left, ends}`

var errReply = errors.New("redislimit: a reply that is none")

// Allow counts a request of k, unless k's window is used up: for all gateways together, or in this process alone when the
// Redis is gone. It waits for Options.Timeout at most. Its error is Invalid, for a class that has no rate.
func (s *Store) Allow(ctx context.Context, c ratelimit.Class, k ratelimit.Key) (ratelimit.Decision, error) {
	local, err := s.memory.Allow(ctx, c, k)
	if err != nil || s.State().Degraded {
		return local, err
	}
	rate, ok := s.rate(c)
	if !ok { // it was taken away this moment
		return local, nil
	}
	window := strconv.FormatInt(max(1, rate.Window.Milliseconds()), 10)
	reply, err := s.ask(ctx, s.opts.Timeout, s.name("limit:"+c.String()+":"+window, k.Tenant, k.User, k.Client), window)
	if err != nil {
		if ctx.Err() == nil { // else it was the caller who did not wait
			s.gone(err)
		}
		return local, nil
	}
	d := ratelimit.Decision{Limit: rate.Limit, Remaining: int(max(0, int64(rate.Limit)-reply.n)), Reset: reply.ends, Allowed: reply.n <= int64(rate.Limit)}
	if !d.Allowed {
		d.RetryAfter = max(reply.left, time.Millisecond)
	}
	return d, nil
}

type reply struct {
	n    int64
	left time.Duration
	ends time.Time
}

// ask runs the script for a counter with a window in milliseconds.
func (s *Store) ask(ctx context.Context, patience time.Duration, name, window string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := s.count.Exec(ctx, s.client, []string{name}, []string{window}).AsIntSlice()
	if err != nil {
		return reply{}, err
	}
	if len(all) != 3 || all[0] < 1 {
		return reply{}, errReply
	}
	return reply{n: all[0], left: time.Duration(all[1]) * time.Millisecond, ends: time.UnixMilli(all[2])}, nil
}

// Use tells whether nonce is used for the first time within life, at any gateway. It waits for Options.Timeout at most. Its
// error is a *concord.Fault, Unavailable: the Redis is gone.
func (s *Store) Use(nonce string, life time.Duration) (first bool, err error) {
	gone := &concord.Fault{Op: "break-glass store", Kind: concord.Unavailable, RetryAfter: s.opts.Rest}
	if s.State().Degraded {
		return false, gone
	}
	ctx, cancel := context.WithTimeout(s.life, s.opts.Timeout)
	defer cancel()
	err = s.client.Do(ctx, s.client.B().Set().Key(s.name("nonce", nonce)).Value("1").Nx().Px(life).Build()).Error()
	switch {
	case err == nil:
		return true, nil
	case rueidis.IsRedisNil(err):
		return false, nil
	}
	s.gone(err)
	return false, gone
}
