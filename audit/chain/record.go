package chain

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"strconv"

	"concord/audit"
)

// A line is the record as audit.Event.AppendJSON writes it, with three members more at its end:
//
//	{"event_type":…,"seq":7,"prev":"<64 hex digits>","hash":"<64 hex digits>"}
//
// hash = SHA-256(recordTag ‖ prev as 32 bytes ‖ the line's bytes before ,"prev"). The writer's bytes are the canonical
// form: a verifier hashes what is there, and any other spelling of the same JSON is another record.
const recordTag = "concord.audit.record.v1\x00"

// Limits of a trail's segments, in bytes.
const (
	MaxRecord = 64 << 10 // of one line; longer events are Invalid
	MaxBatch  = 1 << 20  // of one write, and so of what a crash can tear
)

const (
	tailLen = len(`,"prev":""`) + len(`,"hash":""}`) + 4*sha256.Size

	// Added is more than chaining adds to an event's object, and more than a checkpoint before it takes.
	Added = 1 << 10
)

// Head is a place in the chain: the record with this number, and its hash. The zero value is the place before the first.
type Head struct {
	Seq  uint64
	Hash audit.Digest
}

// link is the chain's running state.
type link struct {
	head  Head
	trust bool // take the next record's word for the hash before it
	hash  hash.Hash
}

func newLink(at Head) *link { return &link{head: at, hash: sha256.New()} }

// sum is the hash of a record, given as its line's bytes before ,"prev", after prev.
func (l *link) sum(prev audit.Digest, record []byte) (d audit.Digest) {
	l.hash.Reset()
	l.hash.Write([]byte(recordTag))
	l.hash.Write(prev[:])
	l.hash.Write(record)
	l.hash.Sum(d[:0])
	return d
}

// appendLine appends the line of the next record to b, given as an object, and moves the head to it.
func (l *link) appendLine(b, object []byte) []byte {
	from := len(b)
	b = append(b, object[:len(object)-1]...)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, l.head.Seq+1, 10)
	prev := l.head.Hash
	l.head = Head{Seq: l.head.Seq + 1, Hash: l.sum(prev, b[from:])}
	b = hex.AppendEncode(append(b, `,"prev":"`...), prev[:])
	b = hex.AppendEncode(append(b, `","hash":"`...), l.head.Hash[:])
	return append(b, '"', '}', '\n')
}

// parsed is a line taken apart, its hash not yet checked.
type parsed struct {
	record     []byte // the line's bytes before ,"prev"
	seq        uint64
	prev, hash audit.Digest
}

// parseLine takes a line without its line end apart; false when it does not have the form.
func parseLine(line []byte) (p parsed, ok bool) {
	if len(line) <= tailLen || line[0] != '{' {
		return p, false
	}
	p.record = line[:len(line)-tailLen]
	tail := line[len(line)-tailLen:]
	tail, ok = bytes.CutPrefix(tail, []byte(`,"prev":"`))
	if !ok || !unhex(&p.prev, tail[:2*sha256.Size]) {
		return p, false
	}
	tail, ok = bytes.CutPrefix(tail[2*sha256.Size:], []byte(`","hash":"`))
	if !ok || !unhex(&p.hash, tail[:2*sha256.Size]) || string(tail[2*sha256.Size:]) != `"}` {
		return p, false
	}
	const seqKey = `,"seq":`
	i := bytes.LastIndex(p.record, []byte(seqKey))
	if i < 0 {
		return p, false
	}
	digits := p.record[i+len(seqKey):]
	if len(digits) == 0 || digits[0] < '1' || digits[0] > '9' { // no sign, no leading zero
		return p, false
	}
	n, err := strconv.ParseUint(string(digits), 10, 64)
	p.seq = n
	return p, err == nil
}

// unhex reads lower-case hex only: a second spelling would be a second line with the same hash.
func unhex(d *audit.Digest, s []byte) bool {
	for _, c := range s {
		if c >= 'A' && c <= 'F' {
			return false
		}
	}
	_, err := hex.Decode(d[:], s)
	return err == nil
}

// follow checks that p is the record after l's head, and moves the head to it. A Flaw says what is wrong.
func (l *link) follow(p parsed) Flaw {
	switch {
	case p.seq != l.head.Seq+1:
		return FlawSequence
	case p.prev != l.head.Hash && !l.trust:
		return FlawPrevious
	case l.sum(p.prev, p.record) != p.hash:
		return FlawHash
	}
	l.head, l.trust = Head{Seq: p.seq, Hash: p.hash}, false
	return NoFlaw
}
