package chain

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"concord"
	"concord/audit"
)

// VerifyOptions say what a trail is held against. With the zero value the chain itself is checked: that no record was
// changed, removed, inserted or moved. Against someone who can rewrite all of the directory, or cut its tail off, only Keys
// and Anchors help.
type VerifyOptions struct {
	Keys     []ed25519.PublicKey     // checkpoints must be signed by one of these from the first signed one on; empty: not checked
	Anchors  []Head                  // heads noted elsewhere, which the trail must agree with; one just before its first record vouches for those removed by retention
	Progress func(done, total int64) // told of bytes read, now and then; may be nil
}

// Report is what Verify found. It holds no PHI.
type Report struct {
	Segments    int
	Records     uint64
	First       uint64 // number of the first record; 0 without records
	Head        Head   // of the last good record
	Checkpoints int
	Signed      int    // checkpoints that have a signature, checked or not
	SignedTo    uint64 // every record up to this one is vouched for by a signature of one of the keys; 0 without
	ClockBack   int    // records dated more than a minute before one that stands earlier: a clock was set back, or lied
	Opened      int    // how often a process began to write
	Seals       int    // ends that were cut off after a crash or a failed write
	Torn        int64  // bytes at the very end that the next start will cut off: a crash, or a writer at work
	Break       *Break // the first bad record; nil: the trail is whole

	keys, anchors int // that it was held against
}

// Whole tells whether no record is bad.
func (r Report) Whole() bool { return r.Break == nil }

// Unchecked says, a sentence each, what this verification could not prove; an auditor reads it with the result. It is empty
// only for a trail that begins with its first record, was held against keys and anchors, and is signed to its end.
func (r Report) Unchecked() (all []string) {
	add := func(when bool, format string, args ...any) {
		if when {
			all = append(all, fmt.Sprintf(format, args...))
		}
	}
	add(r.Signed > 0 && r.keys == 0, "%d signed checkpoints: no public key was given", r.Signed)
	add(r.Signed == 0 && r.keys == 0, "who wrote it: no checkpoint is signed, so whoever can write there could have written all of it anew")
	add(r.keys > 0 && r.Head.Seq > r.SignedTo+1, "who wrote the %d records after record %d: no signed checkpoint vouches for them yet", r.Head.Seq-r.SignedTo, r.SignedTo)
	add(r.anchors == 0, "whether the tail was cut off: no head noted elsewhere was given")
	add(r.First > 1, "records 1 to %d: they are not here, and a head noted elsewhere vouches for the last of them only", r.First-1)
	add(r.Torn > 0, "the last %d bytes: a writer at work, or half a record of a crash", r.Torn)
	return all
}

// Break is the first bad record of a trail. It holds no PHI.
type Break struct {
	File string // name of the segment
	Line int    // from 1
	Seq  uint64 // the number that the record should have
	Flaw Flaw
}

// Error is file, line, number and flaw.
func (b *Break) Error() string {
	return fmt.Sprintf("%s:%d: record %d: %s", b.File, b.Line, b.Seq, b.Flaw)
}

// Segment is one part of a trail, as it is kept.
type Segment struct {
	Name  string // without a folder
	First uint64 // number of the record that it begins with, by its name
	Open  func(ctx context.Context) (io.ReadCloser, error)
}

// Verify reads a trail's segments once, in constant memory, and stops at the first bad record. A broken trail is told by
// Report.Break, without an error. An error is trouble, and says nothing about the trail: NotFound without a segment,
// Invalid when the anchors contradict each other, Unavailable when a segment can't be read, Canceled or Timeout when ctx
// ended. A trail that is being written to may be verified. total is the bytes of all segments, for progress; 0 when it is
// not known.
func Verify(ctx context.Context, all iter.Seq2[Segment, error], total int64, o VerifyOptions) (Report, error) {
	v := &verifier{ctx: ctx, opts: o, total: total, anchors: make(map[uint64]audit.Digest, len(o.Anchors))}
	v.report.keys, v.report.anchors = len(o.Keys), len(o.Anchors)
	for _, a := range o.Anchors {
		if h, ok := v.anchors[a.Seq]; ok && h != a.Hash {
			return Report{}, trouble(concord.Invalid, errors.New("two anchors for one record"))
		}
		v.anchors[a.Seq] = a.Hash
	}
	var held *Segment // one behind, to know the last
	for s, err := range all {
		if err != nil {
			return v.report, v.stopped(err)
		}
		if held != nil {
			if err := v.segment(*held, false); err != nil || !v.report.Whole() {
				return v.report, err
			}
		}
		held = &s
	}
	if held == nil {
		return Report{}, trouble(concord.NotFound, errors.New("no segment"))
	}
	if err := v.segment(*held, true); err != nil || !v.report.Whole() {
		return v.report, err
	}
	v.end()
	return v.report, nil
}

type verifier struct {
	ctx     context.Context
	opts    VerifyOptions
	anchors map[uint64]audit.Digest
	link    *link
	report  Report
	clock   string // the latest time so far, as written
	every   uint64 // of the last signed checkpoint; 0: none yet
	signed  uint64 // its own number
	object  []byte // the record as JSON, before it was chained
	file    string // being read, and the line
	line    int

	done, total int64
}

// segment follows one segment.
func (v *verifier) segment(s Segment, last bool) error {
	v.file, v.line = s.Name, 0
	if v.link == nil {
		hash, known := v.anchors[s.First-1]
		if !known && s.First > 1 {
			v.bad(1, 1, FlawStart)
			return nil
		}
		v.link = newLink(Head{Seq: s.First - 1, Hash: hash})
		v.report.First = s.First
	}
	if s.First != v.link.head.Seq+1 {
		v.bad(1, v.link.head.Seq+1, FlawSegment)
		return nil
	}
	r, err := s.Open(v.ctx)
	if err != nil {
		return v.stopped(err)
	}
	w, err := walk(&meter{v: v, r: r}, v.link, v.record)
	_ = r.Close() // it was only read
	if err != nil {
		return v.stopped(err)
	}
	v.report.Segments++
	v.report.Head = v.link.head
	switch {
	case w.flaw != NoFlaw:
		v.bad(w.lines+1, w.seq, w.flaw)
	case w.torn > 0 && !last:
		v.bad(w.lines+1, w.seq, FlawTail)
	default:
		v.report.Torn = w.torn
	}
	return nil
}

// stopped is the fault for a verification that could not go on.
func (v *verifier) stopped(err error) error {
	switch {
	case errors.Is(v.ctx.Err(), context.DeadlineExceeded):
		return trouble(concord.Timeout, err)
	case v.ctx.Err() != nil:
		return trouble(concord.Canceled, err)
	}
	return trouble(concord.Unavailable, err)
}

// record checks what the chain does not: that the line is JSON, checkpoints, and anchors.
func (v *verifier) record(p parsed) Flaw {
	v.object = append(append(v.object[:0], p.record...), '}')
	if !json.Valid(v.object) {
		return FlawForm
	}
	if h, ok := v.anchors[p.seq]; ok && h != p.hash {
		return FlawAnchor
	}
	c, flaw := readCheckpoint(p)
	if flaw != NoFlaw {
		return flaw
	}
	if len(v.opts.Keys) > 0 {
		switch {
		case c == nil:
			if v.every > 0 && p.seq-v.signed > v.every {
				return FlawUnsigned
			}
		case signedBy(c, v.opts.Keys):
			v.every, v.signed = uint64(c.Every), p.seq // #nosec G115 -- positive, checked
			v.report.SignedTo = c.HeadSeq
		case v.every > 0:
			return FlawSignature
		}
	}
	v.line++
	v.report.Records++
	v.time(p)
	switch {
	case c != nil:
		v.report.Checkpoints++
		if c.Signature != nil {
			v.report.Signed++
		}
	case hasType(p, audit.EventOpened):
		v.report.Opened++
	case hasType(p, audit.EventSealed):
		v.report.Seals++
	}
	return NoFlaw
}

// time notes a clock that went back. A record is dated before it queues, so a little disorder is no sign of anything.
func (v *verifier) time(p parsed) {
	const key, form = `"timestamp_utc":"`, "2006-01-02T15:04:05.000Z"
	i := bytes.Index(p.record[:min(len(p.record), 128)], []byte(key))
	if i < 0 || len(p.record) < i+len(key)+len(form) {
		return
	}
	now := p.record[i+len(key):][:len(form)]
	if string(now) >= v.clock { // of one length and zone, so text order is time order
		v.clock = string(now)
		return
	}
	at, err := time.Parse(form, string(now))
	before, e := time.Parse(form, v.clock)
	if err == nil && e == nil && before.Sub(at) > time.Minute {
		v.report.ClockBack++
		v.clock = string(now)
	}
}

// end checks what can only be known at the end.
func (v *verifier) end() {
	next := v.link.head.Seq + 1
	if len(v.opts.Keys) > 0 && v.every == 0 {
		v.bad(v.line+1, next, FlawUnsigned)
		return
	}
	for _, a := range v.opts.Anchors {
		if a.Seq >= next {
			v.bad(v.line+1, next, FlawCut)
		}
	}
}

func (v *verifier) bad(line int, seq uint64, f Flaw) {
	v.report.Break = &Break{File: v.file, Line: line, Seq: seq, Flaw: f}
}

// meter counts what is read, tells of it, and stops when the context ends.
type meter struct {
	v *verifier
	r io.Reader
}

func (m *meter) Read(b []byte) (int, error) {
	if err := m.v.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(b)
	before := m.v.done
	m.v.done += int64(n)
	if p := m.v.opts.Progress; p != nil && (before>>22 != m.v.done>>22 || m.v.done == m.v.total && n > 0) {
		p(m.v.done, m.v.total)
	}
	return n, err
}

func hasType(p parsed, t audit.EventType) bool {
	want := `{"event_type":"` + t.String() + `"`
	return len(p.record) > len(want) && string(p.record[:len(want)]) == want
}

func trouble(kind concord.Kind, err error) error {
	return &concord.Fault{Op: "audit verify", Kind: kind, Err: err}
}
