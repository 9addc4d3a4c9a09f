package merge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"concord"
	"concord/fhir"
)

// ErrEncoded is the error of ParseEntries, for what AppendEntries of this version did not write.
var ErrEncoded = errors.New("merge: not entries as this version writes them")

// encodedEntry is all of an entry but the bytes of its copies, which stand behind it.
type encodedEntry struct {
	Copies    []encodedCopy
	Survivor  int            // its place among Copies
	Add       []encodedAdd   `json:",omitempty"`
	Conflicts []ConflictCode `json:",omitempty"`
	Duplicate DuplicateCode  `json:",omitempty"`
	Rule      string         `json:",omitempty"`
	Why       *encodedWhy    `json:",omitempty"`
	Others    []Other        `json:",omitempty"`
}

type encodedCopy struct {
	Source concord.SourceID
	Bytes  int
}

// encodedAdd is an Addition; At is the place of its value among all values of copy From, in their order.
type encodedAdd struct {
	From, At   int
	Into, Name string `json:",omitempty"`
}

type encodedWhy struct {
	Strength     string
	Agreed, Some Evidence
	Pairs        []Pair `json:",omitempty"`
	Of           int
}

// evidenceDigest stands for what the bits of Evidence mean, which is this version's to say.
func evidenceDigest() [8]byte {
	sum := sha256.Sum256([]byte("1\x00" + strings.Join(evidenceNames[:], "\x00")))
	return [8]byte(sum[:8])
}

// AppendEntries appends entries in a form of which ParseEntries makes the same ones: the bytes of every copy, and what the
// merge found out. It is for this version of the program and no other. ok is false for entries whose parts don't belong
// together, which no Engine makes. PHI.
func AppendEntries(dst []byte, entries []Entry) (_ []byte, ok bool) {
	version := evidenceDigest()
	dst = append(dst, version[:]...)
	dst = binary.AppendUvarint(dst, uint64(len(entries)))
	for _, e := range entries {
		out := encodedEntry{Survivor: slices.Index(e.Copies, e.Survivor), Conflicts: e.Conflicts, Duplicate: e.PossibleDuplicate, Rule: e.Rule, Others: e.Others}
		if out.Survivor < 0 {
			return dst, false
		}
		for _, c := range e.Copies {
			out.Copies = append(out.Copies, encodedCopy{c.Source, len(c.Raw())})
		}
		for _, a := range e.Add {
			from := slices.IndexFunc(e.Copies, func(c Copy) bool { return c.Source == a.From && c.ID() == a.ID && c.Value.Contains(a.Value) })
			if from < 0 {
				return dst, false
			}
			out.Add = append(out.Add, encodedAdd{From: from, At: ordinal(e.Copies[from].Value, a.Value), Into: a.Into, Name: a.Name})
		}
		if w := e.Why; w.Strength != "" || w.of != 0 {
			out.Why = &encodedWhy{w.Strength, w.Agreed, w.Some, w.Pairs, w.of}
		}
		head, err := json.Marshal(out)
		if err != nil {
			return dst, false
		}
		dst = append(binary.AppendUvarint(dst, uint64(len(head))), head...)
		for _, c := range e.Copies {
			dst = append(dst, c.Raw()...)
		}
	}
	return dst, true
}

// ordinal is the place of part among all values within v.
func ordinal(v, part fhir.Value) (n int) {
	for x := range v.Within() {
		if x == part {
			return n
		}
		n++
	}
	return -1
}

// ParseEntries reads what AppendEntries wrote, and what stands behind it. The entries refer to b, which must not be changed.
// Its error is ErrEncoded.
func ParseEntries(b []byte) (entries []Entry, rest []byte, err error) {
	version := evidenceDigest()
	b, ok := bytes.CutPrefix(b, version[:])
	count, b, more := size(b)
	if !ok || !more {
		return nil, nil, ErrEncoded
	}
	entries = make([]Entry, 0, min(count, 1<<12))
	for range count {
		var n int
		if n, b, ok = size(b); !ok || n > len(b) {
			return nil, nil, ErrEncoded
		}
		var in encodedEntry
		if json.Unmarshal(b[:n], &in) != nil {
			return nil, nil, ErrEncoded
		}
		e, rest, ok := in.entry(b[n:])
		if !ok {
			return nil, nil, ErrEncoded
		}
		entries, b = append(entries, e), rest
	}
	return entries, b, nil
}

// size reads a length that an int can hold.
func size(b []byte) (n int, rest []byte, ok bool) {
	u, k := binary.Uvarint(b)
	if k <= 0 || u > 1<<31-1 {
		return 0, nil, false
	}
	return int(u), b[k:], true
}

// entry makes the entry, of the copies at the beginning of b.
func (in encodedEntry) entry(b []byte) (e Entry, rest []byte, ok bool) {
	e = Entry{Conflicts: in.Conflicts, PossibleDuplicate: in.Duplicate, Rule: in.Rule, Others: in.Others}
	for _, c := range in.Copies {
		if c.Bytes < 0 || c.Bytes > len(b) || !c.Source.Valid() {
			return e, nil, false
		}
		r, err := fhir.Parse(b[:c.Bytes:c.Bytes], fhir.Limits{})
		if err != nil {
			return e, nil, false
		}
		e.Copies, b = append(e.Copies, Copy{Source: c.Source, Resource: r}), b[c.Bytes:]
	}
	if in.Survivor < 0 || in.Survivor >= len(e.Copies) {
		return e, nil, false
	}
	e.Survivor = e.Copies[in.Survivor]
	for _, a := range in.Add {
		if a.From < 0 || a.From >= len(e.Copies) {
			return e, nil, false
		}
		from := e.Copies[a.From]
		v, found := nth(from.Value, a.At)
		if !found {
			return e, nil, false
		}
		e.Add = append(e.Add, Addition{From: from.Source, ID: from.ID(), Value: v, Into: a.Into, Name: a.Name})
	}
	if w := in.Why; w != nil {
		e.Why = Why{Strength: w.Strength, Agreed: w.Agreed, Some: w.Some, Pairs: w.Pairs, of: w.Of}
	}
	return e, b, true
}

func nth(v fhir.Value, n int) (fhir.Value, bool) {
	for x := range v.Within() {
		if n == 0 {
			return x, true
		}
		n--
	}
	return fhir.Value{}, false
}
