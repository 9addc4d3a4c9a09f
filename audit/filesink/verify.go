package filesink

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	SignedTo    uint64 // every record up to this one is vouched for by a signature of one of the keys; 0 without
	Opened      int    // how often a process began to write
	Seals       int    // ends that were cut off after a crash or a failed write
	Torn        int64  // bytes at the very end that the next start will cut off: a crash, or a writer at work
	Break       *Break // the first bad record; nil: the trail is whole
}

// Whole tells whether no record is bad.
func (r Report) Whole() bool { return r.Break == nil }

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

// Verify reads the trail in dir once, in constant memory, and stops at the first bad record. A broken trail is told by
// Report.Break, without an error. An error is trouble, and says nothing about the trail: NotFound when dir holds none,
// Unavailable when it can't be read, Canceled or Timeout when ctx ended. A trail that is being written to may be verified.
func Verify(ctx context.Context, dir string, o VerifyOptions) (Report, error) {
	names, err := segments(dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return Report{}, trouble(concord.NotFound, err)
		}
		return Report{}, trouble(concord.Unavailable, err)
	}
	if len(names) == 0 {
		return Report{}, trouble(concord.NotFound, errors.New("no segment"))
	}
	v := &verifier{ctx: ctx, opts: o, anchors: make(map[uint64]audit.Digest, len(o.Anchors))}
	for _, a := range o.Anchors {
		if h, ok := v.anchors[a.Seq]; ok && h != a.Hash {
			return Report{}, trouble(concord.Invalid, errors.New("two anchors for one record"))
		}
		v.anchors[a.Seq] = a.Hash
	}
	for _, n := range names {
		if info, err := os.Stat(filepath.Join(dir, n)); err == nil {
			v.total += info.Size()
		}
	}
	for i, n := range names {
		if err := v.segment(dir, n, i == 0, i == len(names)-1); err != nil {
			return v.report, err
		}
		if !v.report.Whole() {
			return v.report, nil
		}
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
	every   uint64 // of the last signed checkpoint; 0: none yet
	signed  uint64 // its own number
	object  []byte // the record as JSON, before it was chained
	file    string // being read, and the line
	line    int

	done, total int64
}

// segment follows one file.
func (v *verifier) segment(dir, name string, first, last bool) error {
	seq, _ := segmentSeq(name)
	v.file, v.line = name, 0
	if first {
		v.link = newLink(Head{Seq: seq - 1, Hash: v.anchors[seq-1]})
		if _, known := v.anchors[seq-1]; !known && seq > 1 {
			v.link = newLink(Head{})
			v.bad(1, 1, FlawStart)
			return nil
		}
		v.report.First = seq
	}
	f, err := os.Open(filepath.Join(dir, name)) // #nosec G304 -- a segment of the directory that the operator named
	if err != nil {
		return trouble(concord.Unavailable, err)
	}
	defer func() { _ = f.Close() }()
	if seq != v.link.head.Seq+1 {
		v.bad(1, v.link.head.Seq+1, FlawSegment)
		return nil
	}
	w, err := walk(&meter{v: v, r: f}, v.link, v.record)
	if err != nil {
		if v.ctx.Err() != nil {
			return ended(v.ctx)
		}
		return trouble(concord.Unavailable, err)
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
	switch {
	case c != nil:
		v.report.Checkpoints++
	case hasType(p, audit.EventOpened):
		v.report.Opened++
	case hasType(p, audit.EventSealed):
		v.report.Seals++
	}
	return NoFlaw
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
