package smart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"concord/fhir"
)

const (
	maxAnswer  = 64 << 10 // bytes of an introspection response
	maxAsking  = 64       // questions under way to one issuer
	keepActive = time.Minute
	keepDenied = 10 * time.Second
	// restAfter failures in a row an issuer is left alone for rest, and then tried with one question at a time.
	restAfter = 3
	rest      = time.Second
)

// What an issuer may do instead of telling of a token. None says anything of the token or the answer.
var (
	errAsk        = errors.New("smart: the introspection endpoint can't be reached")
	errAnswer     = errors.New("smart: the introspection endpoint's answer is none")
	errResting    = errors.New("smart: the introspection endpoint failed lately")
	errOverloaded = errors.New("smart: too many questions to the introspection endpoint")
	errProof      = errors.New("smart: the proof for the introspection endpoint can't be made")
	errAskPanic   = errors.New("smart: a panic while asking the introspection endpoint")
)

// introspector asks one issuer about tokens (RFC 7662). Questions run apart from the requests that cause them, one for
// each token at a time: a caller that goes away must not fail the others.
type introspector struct {
	url    string
	prefix string
	keep   time.Duration // how long an active token is taken to be so
	anyAud bool
	prove  prover
	http   http.Client
	life   context.Context // ends with the Verifier
	wait   *sync.WaitGroup // the Verifier's, for questions under way
	// judge makes of an answer what is known of a token, and remembers it
	judge func(d digest, answer fhir.Value, asked time.Time) *verified

	mu       sync.Mutex
	asking   map[digest]*question
	failures int       // in a row
	resting  time.Time // no question before then
}

// question is one that is under way.
type question struct {
	done  chan struct{} // closed at its end
	known *verified     // nil when it failed
	err   error
}

// ask finds out about the token raw, whose digest is d. Its error is a Fault: Unavailable.
func (i *introspector) ask(ctx context.Context, d digest, raw string) (*verified, error) {
	q, err := i.begin(d, raw)
	if err != nil {
		return nil, unreachable(IssuerUnreachable, err, rest)
	}
	await(ctx, q.done)
	select {
	case <-q.done:
		if q.known != nil {
			return q.known, nil
		}
		return nil, unreachable(IssuerUnreachable, q.err, rest)
	default: // it takes longer than we wait
		return nil, unreachable(IssuerUnreachable, errAsk, rest)
	}
}

// begin joins the question about d that is under way, or begins one.
func (i *introspector) begin(d digest, raw string) (*question, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if q := i.asking[d]; q != nil {
		return q, nil
	}
	switch {
	case i.life.Err() != nil:
		return nil, i.life.Err()
	case i.failures >= restAfter && (len(i.asking) > 0 || time.Now().Before(i.resting)):
		return nil, errResting
	case len(i.asking) >= maxAsking:
		return nil, errOverloaded
	}
	q := &question{done: make(chan struct{})}
	i.asking[d] = q
	i.wait.Add(1)
	go func() {
		defer i.wait.Done()
		defer close(q.done)
		ctx, cancel := context.WithTimeout(i.life, fetchTimeout)
		defer cancel()
		var alive bool
		q.known, alive, q.err = i.attempt(ctx, d, raw)
		i.mu.Lock()
		defer i.mu.Unlock()
		delete(i.asking, d)
		if alive {
			i.failures = 0
		} else {
			i.failures++
			i.resting = time.Now().Add(rest)
		}
	}()
	return q, nil
}

// attempt asks, with a panic made an error. alive tells whether the issuer is well, whatever it thinks of the question.
func (i *introspector) attempt(ctx context.Context, d digest, raw string) (known *verified, alive bool, err error) {
	defer func() {
		if recover() != nil {
			known, alive, err = nil, false, errAskPanic
		}
	}()
	asked := time.Now()
	answer, status, err := i.post(ctx, raw)
	if err != nil {
		// 400 is about the question, which anybody can put: it must not make the issuer rest for the others
		return nil, status == http.StatusBadRequest, err
	}
	return i.judge(d, answer, asked), true, nil
}

// post is the request and its answer (RFC 7662 §2). The token is in the body, which no proxy logs.
func (i *introspector) post(ctx context.Context, raw string) (answer fhir.Value, status int, err error) {
	form := url.Values{"token": {raw}, "token_type_hint": {"access_token"}}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}, "User-Agent": {"concord"}}
	if i.prove(form, header) != nil {
		return answer, 0, errProof
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, i.url, strings.NewReader(form.Encode()))
	if err != nil {
		return answer, 0, errAsk
	}
	req.Header = header
	res, err := i.http.Do(req)
	if err != nil {
		return answer, 0, errAsk
	}
	defer func() { _ = res.Body.Close() }() // nothing was written
	if res.StatusCode != http.StatusOK {
		return answer, res.StatusCode, fmt.Errorf("%w: HTTP %d", errAnswer, res.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil || len(body) > maxAnswer {
		return answer, res.StatusCode, errAnswer
	}
	answer, ok := object(body)
	if active := string(answer.Get("active").Raw()); !ok || active != "true" && active != "false" {
		return answer, res.StatusCode, errAnswer
	}
	return answer, res.StatusCode, nil
}

// stop lets no further question begin; see keyring.stop.
func (i *introspector) stop(end context.CancelFunc) {
	i.mu.Lock()
	defer i.mu.Unlock()
	end()
}

// purge forgets that the issuer failed.
func (i *introspector) purge() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.failures = 0
}

// judge makes of what from says of a token what is known of it, and remembers that: for as long as the answer may be
// taken for true when the token is active, and briefly when it does not hold.
func (v *Verifier) judge(from *issuer, d digest, answer fhir.Value, asked time.Time) *verified {
	known := &verified{digest: d, from: from}
	known.token, known.refusal = v.readAnswer(from, answer)
	if known.refusal != 0 {
		known.until = asked.Add(keepDenied)
		v.refused.put(known)
		return known
	}
	known.until = asked.Add(from.asks.keep)
	if known.token.Expires.Before(known.until) {
		known.until = known.token.Expires
	}
	v.cache.put(known)
	return known
}

// readAnswer checks an introspection response (RFC 7662 §2.2, SMART App Launch 2.2, token introspection). It is from whom the token is of,
// but a server may tell of tokens that others issued, or that are for others.
func (v *Verifier) readAnswer(from *issuer, answer fhir.Value) (Token, Refusal) {
	if string(answer.Get("active").Raw()) != "true" {
		return Token{}, Inactive
	}
	if iss := answer.Get("iss"); !absent(iss) && !iss.Is(from.name) {
		return Token{}, UnknownIssuer
	}
	// a refresh token is active too
	for name, want := range map[string]string{"token_type": "Bearer", "token_use": "access_token"} {
		if use := answer.Get(name); !absent(use) && !strings.EqualFold(use.Text(), want) {
			return Token{}, NotAccessToken
		}
	}
	exp, refusal := checkTimes(answer, time.Now(), 0)
	if refusal == 0 && !(from.asks.anyAud && absent(answer.Get("aud"))) {
		refusal = checkAudience(answer, v.cfg.Audience)
	}
	if refusal != 0 {
		return Token{}, refusal
	}
	return from.token(answer, exp)
}
