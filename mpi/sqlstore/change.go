package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"concord"
	"concord/mpi"
)

// Put implements mpi.Store.
func (s *Store) Put(ctx context.Context, p mpi.Person) (mpi.Person, error) {
	all, err := s.PutAll(ctx, p)
	if err != nil {
		return mpi.Person{}, err
	}
	return all[0], nil
}

// PutAll implements mpi.Store.
func (s *Store) PutAll(ctx context.Context, all ...mpi.Person) ([]mpi.Person, error) {
	return s.Apply(ctx, mpi.Change{Persons: all})
}

// Apply implements mpi.Store.
func (s *Store) Apply(ctx context.Context, c mpi.Change) ([]mpi.Person, error) {
	if err := ctx.Err(); err != nil {
		return nil, mpi.ContextFault("mpi put", err)
	}
	c, err := c.Canonical()
	if err != nil || c.Empty() {
		return c.Persons, err
	}
	if len(c.Records) > 0 && !s.Keeps() {
		return nil, &concord.Fault{Op: "mpi put", Kind: concord.Unsupported}
	}
	var put []mpi.Person
	err = s.change(ctx, func(t txn) error {
		n := max(1, int64(len(c.Events)+len(c.Queue)+len(c.Settle)))
		own, seq, err := s.begin(ctx, t, n)
		if err != nil {
			return err
		}
		w := writing{own: own, seq: seq, next: seq - n, put: slices.Clone(c.Persons), had: map[mpi.PersonID][]mpi.Link{}}
		if err := w.read(ctx, t); err != nil {
			return err
		}
		if err := w.all(c); err != nil {
			return err
		}
		put = w.put
		return t.do(ctx, w.steps)
	})
	if err != nil {
		return nil, wrap(ctx, "mpi put", err)
	}
	return put, nil
}

// begin takes the next n numbers, and holds whoever else wants to change persons until the transaction ends. It is a
// Conflict when the digests are made with another key by now: what was looked up before may have been looked up in vain.
func (s *Store) begin(ctx context.Context, t txn, n int64) (own *sealer, seq int64, err error) {
	own = s.seal.Load()
	err = t.row(ctx, `UPDATE mpi_store SET seq = seq + $1 WHERE id = 1 AND mac = $2 RETURNING seq`, []any{n, own.mac}, &seq)
	if !errors.Is(err, errNoRow) {
		return own, seq, err
	}
	return nil, 0, s.otherKey(ctx, t)
}

// otherKey takes to the key that the digests are made with by now, if it is at hand; its error is never nil.
func (s *Store) otherKey(ctx context.Context, t txn) error {
	var mac string
	var proof []byte
	if err := t.row(ctx, queryStore, nil, new(int64), &mac, &proof); err != nil {
		return err
	}
	own, err := s.sealerFor(mac, proof)
	if err != nil {
		return err
	}
	s.seal.Store(own)
	return conflict()
}

// writing is the steps of a change.
type writing struct {
	own   *sealer
	seq   int64 // of the change
	next  int64 // the number before the next event or review
	put   []mpi.Person
	had   map[mpi.PersonID][]mpi.Link // what those of put have that are stored
	steps []step
}

// read reads the persons that are stored already, which must be in the versions that the change is made for.
func (w *writing) read(ctx context.Context, t txn) error {
	for _, p := range w.put {
		if p.Version == 0 {
			continue
		}
		var was mpi.Person
		err := t.rows(ctx, queryPerson, []any{string(p.ID)}, func(row scanner) (err error) {
			was, err = readPerson(w.own, row)
			return err
		})
		if err != nil {
			return err
		}
		if was.Version != p.Version {
			return conflict()
		}
		w.had[p.ID] = was.Links
	}
	return nil
}

// apartFrom is the links of all that others does not have.
func apartFrom(all, others []mpi.Link) (out []mpi.Link) {
	for _, l := range all {
		if !slices.ContainsFunc(others, func(o mpi.Link) bool { return o.Ref == l.Ref }) {
			out = append(out, l)
		}
	}
	return out
}

func (w *writing) add(rows int64, query string, args ...any) {
	w.steps = append(w.steps, step{query, args, rows})
}

func (w *writing) number() int64 {
	w.next++
	return w.next
}

func (w *writing) all(c mpi.Change) error {
	// All let go before one takes: a link may go from one of them to another.
	for _, p := range w.put {
		for _, l := range apartFrom(w.had[p.ID], p.Links) {
			w.add(1, `DELETE FROM mpi_patient WHERE ref = $1`, w.own.ref(l.Ref))
		}
	}
	for i := range w.put {
		if err := w.person(&w.put[i]); err != nil {
			return err
		}
	}
	for _, p := range w.put {
		for _, l := range apartFrom(p.Links, w.had[p.ID]) {
			w.add(1, `INSERT INTO mpi_patient (ref, person) VALUES ($1, $2) ON CONFLICT (ref) DO NOTHING`, w.own.ref(l.Ref), string(p.ID))
		}
	}
	for _, r := range c.Retired {
		w.retire(r)
	}
	for _, e := range c.Events {
		if err := w.event(e); err != nil {
			return err
		}
	}
	for _, r := range c.Queue {
		if err := w.queue(r); err != nil {
			return err
		}
	}
	for _, r := range c.Settle {
		if err := w.settle(r); err != nil {
			return err
		}
	}
	return w.records(c.Records)
}

// person writes p's own row, which it brings to the next version, or deletes it when p has no links.
func (w *writing) person(p *mpi.Person) error {
	was := p.Version
	switch {
	case len(p.Links) == 0 && was == 0: // there is nothing to delete, if nothing is there
		w.add(0, `UPDATE mpi_person SET changed = changed WHERE id = $1`, string(p.ID))
		return nil
	case len(p.Links) == 0:
		p.Version = 0
		w.add(1, `DELETE FROM mpi_person WHERE id = $1 AND version = $2`, string(p.ID), was)
		w.retire(mpi.Retired{ID: p.ID})
		return nil
	}
	p.Version++
	plain, err := encodePerson(*p)
	if err != nil {
		return err
	}
	keyID, sealed := w.own.seal(personPlace(p.ID, p.Version), plain)
	if was > 0 {
		w.add(1, `UPDATE mpi_person SET version = version + 1, created = $1, changed = $2, key_id = $3, sealed = $4 WHERE id = $5 AND version = $6`,
			column(p.Created), w.seq, keyID, sealed, string(p.ID), was)
		return nil
	}
	w.add(1, `INSERT INTO mpi_person (id, version, created, changed, key_id, sealed) VALUES ($1, 1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING`,
		string(p.ID), column(p.Created), w.seq, keyID, sealed)
	return nil
}

func (w *writing) retire(r mpi.Retired) {
	heirs := make([]string, len(r.Into))
	for i, id := range r.Into {
		heirs[i] = string(id)
	}
	w.add(1, `INSERT INTO mpi_retired (id, heirs, changed) VALUES ($1, $2, $3)
		ON CONFLICT (id) DO UPDATE SET heirs = excluded.heirs, changed = excluded.changed`, string(r.ID), strings.Join(heirs, " "), w.seq)
}

func (w *writing) event(e mpi.Event) error {
	plain, err := json.Marshal(refsOut(e.Refs))
	if err != nil {
		return err
	}
	seq := w.number()
	keyID, sealed := w.own.seal(eventPlace(seq), plain)
	w.add(1, `INSERT INTO mpi_event (seq, at, kind, who, person, former, rule, key_id, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		seq, column(e.At), string(e.Kind), e.By, string(e.Person), string(e.Former), e.Rule, keyID, sealed)
	return nil
}

const insertReview = `INSERT INTO mpi_review (number, pair, reason, state, queued, settled, who, key_id, sealed)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (pair) DO UPDATE SET `

func (w *writing) queue(r mpi.Review) error {
	args, err := w.review(r)
	w.add(anyRows, insertReview+`reason = excluded.reason, key_id = excluded.key_id, sealed = excluded.sealed WHERE mpi_review.state = 'open'`, args...)
	return err
}

func (w *writing) settle(r mpi.Review) error {
	if r.Number > 0 {
		w.number()
		w.add(1, `UPDATE mpi_review SET state = $1, settled = $2, who = $3 WHERE number = $4 AND state = 'open'`, string(r.State), column(r.Settled), r.By, r.Number)
		return nil
	}
	args, err := w.review(r)
	w.add(1, insertReview+`state = excluded.state, settled = excluded.settled, who = excluded.who`, args...)
	return err
}

// review is the row of r.
func (w *writing) review(r mpi.Review) ([]any, error) {
	plain, err := encodeReview(r)
	pair := w.own.pair(r)
	keyID, sealed := w.own.seal(reviewPlace(pair), plain)
	return []any{w.number(), pair, string(r.Reason), string(r.State), column(r.Queued), column(r.Settled), r.By, keyID, sealed}, err
}

// records writes what is kept of patients. Keys that one had before stay with it: whoever finds it by such a one looks at
// what it has now.
func (w *writing) records(all []mpi.Record) error {
	type block struct {
		key, half int64
	}
	var blocks []block
	for _, r := range all {
		plain, err := encodeRecord(r)
		if err != nil {
			return err
		}
		ref := w.own.ref(r.Demographics.Ref)
		keyID, sealed := w.own.seal(recordPlace(ref), plain)
		w.add(1, `INSERT INTO mpi_record (ref, key_id, sealed) VALUES ($1, $2, $3)
			ON CONFLICT (ref) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed`, ref, keyID, sealed)
		for _, k := range r.Keys {
			blocks = append(blocks, block{w.own.block(k), half(ref)})
		}
	}
	slices.SortFunc(blocks, func(a, b block) int { // near each other in the table, near each other in time
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	const most = 64
	for len(blocks) > 0 {
		n := 1
		if len(blocks) >= most {
			n = most
		}
		args := make([]any, 0, 2*n)
		for _, b := range blocks[:n] {
			args = append(args, b.key, b.half)
		}
		w.add(anyRows, insertBlocks(n), args...)
		blocks = blocks[n:]
	}
	return nil
}

// insertBlocks is the statement for n blocks.
func insertBlocks(n int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO mpi_block (block, half) VALUES `)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("($" + strconv.Itoa(2*i+1) + ",$" + strconv.Itoa(2*i+2) + ")")
	}
	b.WriteString(` ON CONFLICT (block, half) DO NOTHING`)
	return b.String()
}
