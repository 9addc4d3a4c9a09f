package chain

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"io"

	"concord/audit"
)

// Flaw says what is wrong with a record.
type Flaw string

// The flaws, in the words that a report shows.
const (
	NoFlaw         Flaw = ""
	FlawForm       Flaw = "not a record of a trail"
	FlawSequence   Flaw = "not the next number: a record is missing, repeated or out of order"
	FlawPrevious   Flaw = "does not follow the record before it"
	FlawHash       Flaw = "was changed: its hash does not hold"
	FlawSegment    Flaw = "the segment does not begin where the one before it ends"
	FlawStart      Flaw = "earlier records are missing, and no known head vouches for them"
	FlawTail       Flaw = "a segment that another follows ends in half a record"
	FlawCheckpoint Flaw = "the checkpoint does not state the place that it stands at"
	FlawSignature  Flaw = "the checkpoint's signature is missing or does not hold"
	FlawUnsigned   Flaw = "a signed checkpoint is overdue"
	FlawAnchor     Flaw = "differs from the head that was noted elsewhere"
	FlawCut        Flaw = "the tail is missing: a head that was noted elsewhere lies beyond the end"
)

// Followed is how far a segment could be followed.
type Followed struct {
	Head  Head         // of its last good record; without one, the place before it
	Good  int64        // bytes of whole records
	Lines int          // whole records
	Torn  int64        // bytes after them that a crash can leave; 0 without
	Tear  audit.Digest // of the torn bytes
	Flaw  Flaw         // what is wrong with the record after the last good one, unless it is torn
	Seq   uint64       // the number that the bad record should have
}

// Follow reads the segment that begins with record first, trusting what that record says of the one before it. Its error is
// the reader's.
func Follow(r io.Reader, first uint64) (Followed, error) {
	l := newLink(Head{Seq: first - 1})
	l.trust = first > 1
	w, err := walk(r, l, nil)
	return Followed{Head: l.head, Good: w.good, Lines: w.lines, Torn: w.torn, Tear: w.tear, Flaw: w.flaw, Seq: w.seq}, err
}

// walked is how far a segment could be followed.
type walked struct {
	good  int64        // bytes of whole records
	lines int          // whole records
	torn  int64        // bytes after them that a crash can leave; 0 without
	tear  audit.Digest // of the torn bytes
	flaw  Flaw         // what is wrong with the record after the last good one, unless it is torn
	seq   uint64       // the number that the bad record should have
}

// walk reads a segment line by line, in constant memory, following l. For each good record it calls each, whose flaw makes
// the record a bad one. What follows the last good record counts as torn, and not as a flaw, in the two forms that a crash
// during an append leaves: a line without its end, or, when the blocks of a write reached the disk out of order, a hole of
// NULs (which no record has) within the reach of one write.
func walk(r io.Reader, l *link, each func(parsed) Flaw) (w walked, err error) {
	br := bufio.NewReaderSize(r, MaxRecord+1)
	for {
		raw, err := br.ReadSlice('\n')
		line, whole := bytes.CutSuffix(raw, []byte{'\n'})
		switch {
		case err == nil, errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
		default:
			return w, err
		}
		if len(raw) == 0 {
			return w, nil
		}
		before := l.head
		w.seq, w.flaw = before.Seq+1, FlawForm
		if whole {
			if p, ok := parseLine(line); ok {
				if w.flaw = l.follow(p); w.flaw == NoFlaw && each != nil {
					w.flaw = each(p)
				}
			}
		}
		if w.flaw == NoFlaw {
			w.good += int64(len(raw))
			w.lines++
			continue
		}
		l.head = before
		cutOff := errors.Is(err, io.EOF)
		hole := bytes.IndexByte(raw, 0) >= 0
		h := sha256.New()
		h.Write(raw)
		rest, err := io.Copy(h, br)
		if err != nil {
			return w, err
		}
		if rest += int64(len(raw)); cutOff || hole && rest <= MaxBatch {
			w.flaw, w.torn = NoFlaw, rest
			h.Sum(w.tear[:0])
		}
		return w, nil
	}
}
