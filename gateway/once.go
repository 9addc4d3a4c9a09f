package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"concord"
	"concord/fhir"
)

// onceHeader is how a client names a create, so that sending it again does not file it again
// (draft-ietf-httpapi-idempotency-key-header). The name is the caller's own: another's of the same letters is another.
const onceHeader = "Idempotency-Key"

const (
	sortCreates = "create"
	createsFor  = 24 * time.Hour // how long it is known what became of a create
	claimBytes  = 64 << 20       // of a gateway alone, for all that it knows of
	maxOnceName = 128
)

// once is a create that has a name. nil is one without: nothing is known of it afterwards.
type once struct {
	name, handle string
	owner        []string
	is           onceForm
}

// onceForm is what is kept of it. PHI: the id.
type onceForm struct {
	State  onceState
	Of     [32]byte // digest of what was sent, and where
	ID     string   // at the source, once filed
	Source concord.SourceID
}

// onceState is how far a create has come.
type onceState string

const (
	onceBegun onceState = "begun" // the source has not heard of it
	onceSent  onceState = "sent"  // the source may have filed it
	onceFiled onceState = "filed" // it has
)

// claim begins the create that the client's header names. done is the source's id of what an earlier request of that name
// filed; it is "" when this is the first.
func (x *exchange) claim(source concord.SourceID, sent fhir.Resource) (o *once, done string, bad *problem) {
	values := x.r.Header.Values(onceHeader)
	if len(values) == 0 {
		return nil, "", nil
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > maxOnceName || !printable(key) {
		return nil, "", refuse(http.StatusBadRequest, "invalid", "Idempotency-Key is one value of at most 128 printable characters")
	}
	sum := sha256.New()
	_, _ = sum.Write([]byte(string(source) + "\x00" + string(x.route.typ) + "\x00")) // a hash never fails
	_, _ = sum.Write(sent.Raw())
	o = &once{handle: key, owner: owner(x.token.Caller), is: onceForm{State: onceBegun, Of: [32]byte(sum.Sum(nil)), Source: source}}
	names := []string{key}
	if x.g.cfg.Shared.Shelf == nil { // in memory nothing is sealed, and names need no key
		names[0] = string(mustJSON(append(o.owner, key)))
	} else {
		names = x.g.cfg.Shared.Keys.Names(sortCreates, append(o.owner, key)...)
	}
	o.name = names[0]
	for _, old := range names[1:] { // those of earlier keys
		had, err := x.g.shelf.Get(x.ctx, old)
		if err == nil {
			return x.claimed(o, had)
		}
		if !errors.Is(err, concord.NotFound) {
			return nil, "", unshared(err)
		}
	}
	value, err := o.form(x)
	if err != nil {
		return nil, "", ofFault(err)
	}
	// until the source is asked it is held for no longer than a request can take
	had, err := x.g.shelf.Claim(x.ctx, o.name, value, 2*x.g.budget+time.Minute)
	switch {
	case err != nil:
		return nil, "", unshared(err)
	case had != nil:
		return x.claimed(o, had)
	}
	return o, "", nil
}

func mustJSON(words []string) []byte {
	b, _ := json.Marshal(words) // words always can be
	return b
}

// unshared is the problem when it can't be known whether a create was done before: it is not done.
func unshared(err error) *problem {
	p := ofFault(err)
	if p.status == http.StatusServiceUnavailable {
		p.issues[0].text = "whether this was filed before can't be told now, so it is not filed; try again"
	}
	return p
}

// claimed is what becomes of a create whose name was used before.
func (x *exchange) claimed(o *once, had []byte) (*once, string, *problem) {
	was, err := o.read(x, had)
	if err != nil {
		return nil, "", refuse(http.StatusConflict, "conflict", "this Idempotency-Key was used before, and what for can't be read any more")
	}
	conflict := func(text string) *problem { return refuse(http.StatusConflict, "conflict", text) }
	switch {
	case was.Of != o.is.Of:
		return nil, "", refuse(http.StatusUnprocessableEntity, "duplicate", "this Idempotency-Key was used for another resource")
	case was.State == onceFiled:
		return nil, was.ID, nil
	case was.State == onceBegun:
		p := conflict("a request of this Idempotency-Key is under way")
		p.retryAfter = time.Second
		return nil, "", p
	}
	return nil, "", conflict("whether the source filed the resource is not known: search for it before it is sent again")
}

// form is what is put on the shelf.
func (o *once) form(x *exchange) ([]byte, error) {
	plain, err := json.Marshal(o.is)
	if err != nil || x.g.cfg.Shared.Shelf == nil {
		return plain, err
	}
	return x.g.cfg.Shared.Keys.Seal(sortCreates, o.handle, o.owner, plain)
}

func (o *once) read(x *exchange, value []byte) (f onceForm, err error) {
	if x.g.cfg.Shared.Shelf != nil {
		if value, err = x.g.cfg.Shared.Keys.Open(sortCreates, o.handle, o.owner, value); err != nil {
			return f, err
		}
	}
	return f, json.Unmarshal(value, &f)
}

// write puts down how far the create has come, whether or not the client waits.
func (o *once) write(x *exchange, state onceState, id string) error {
	o.is.State, o.is.ID = state, id
	value, err := o.form(x)
	if err != nil {
		return err
	}
	return x.g.shelf.Put(context.WithoutCancel(x.ctx), o.name, value, createsFor)
}

// sending puts down that the source is about to be asked; if that can't be, it is not.
func (o *once) sending(x *exchange) *problem {
	if o == nil {
		return nil
	}
	if err := o.write(x, onceSent, ""); err != nil {
		return unshared(err)
	}
	return nil
}

// filed puts down what the source called it. If that can't be, the next request of this name is told that nobody knows.
func (o *once) filed(x *exchange, id string) {
	if o == nil {
		return
	}
	if err := o.write(x, onceFiled, id); err != nil {
		x.g.cfg.Log.Warn("what became of a create is not in the shared store", slog.Any("error", err), slog.String("request_id", x.id))
	}
}

// forget lets the name be used anew: nothing was filed.
func (o *once) forget(x *exchange) {
	if o == nil {
		return
	}
	if err := x.g.shelf.Drop(context.WithoutCancel(x.ctx), o.name); err != nil {
		x.g.cfg.Log.Warn("a create that was not done is still in the shared store", slog.Any("error", err), slog.String("request_id", x.id))
	}
}
