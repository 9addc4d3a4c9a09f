package feed

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"concord"
	"concord/mpi"
)

// maxJoined is over how many lines one quoted field may go.
const maxJoined = 8

func readCSV(in *lines, source concord.SourceID, yield func(Item) bool) (more bool) {
	head, ok := in.next()
	for ok && blank(head) && !in.long {
		head, ok = in.next()
	}
	if !ok {
		return in.err != nil || yield(Item{Line: 1, Refused: EmptyHeader})
	}
	comma := separator(head)
	names, whole := fields(head, comma)
	h, bad := headerOf(names)
	switch {
	case in.long:
		bad = TooLong
	case !utf8.Valid(head):
		bad = NotUTF8
	case !whole:
		bad = OpenQuote
	}
	if bad != "" {
		return yield(Item{Line: in.number, Refused: bad}) && false
	}
	var held [][]byte // lines that were read to find a quote's end, and are records of their own for want of it
	take := func() ([]byte, bool) {
		if len(held) > 0 {
			line := held[0]
			held = held[1:]
			return line, true
		}
		return in.next()
	}
	for {
		line, ok := take()
		at := in.number - len(held)
		switch {
		case !ok:
			return true
		case len(line) == 0 && in.long:
			if !yield(Item{Line: at, Refused: TooLong}) {
				return false
			}
			continue
		case blank(line):
			continue
		}
		row, whole := fields(line, comma)
		if !whole { // a field may hold the end of a line
			joined := line
			var taken [][]byte
			for !whole && len(taken) < maxJoined {
				next, ok := take()
				if !ok || in.long {
					break
				}
				taken = append(taken, next)
				joined = append(append(bytes.Clone(joined), '\n'), next...)
				row, whole = fields(joined, comma)
			}
			if whole {
				line = joined
			} else {
				held = append(taken, held...)
			}
		}
		item := h.item(line, row, whole, source)
		item.Line = at
		if !yield(item) {
			return false
		}
	}
}

// item is a row as a record.
func (h *header) item(line []byte, row []string, whole bool, source concord.SourceID) Item {
	switch {
	case !whole:
		return Item{Refused: OpenQuote}
	case !utf8.Valid(line):
		return Item{Refused: NotUTF8}
	case len(row) != h.columns:
		return Item{Refused: FieldCount}
	}
	for _, s := range row {
		if len(s) > maxText {
			return Item{Refused: LongText}
		}
	}
	d := h.demographics(row, source)
	refused, note := check(d)
	if refused != "" {
		return Item{Refused: refused}
	}
	label := ""
	if at := h.at[colLabel]; len(at) > 0 {
		label = row[at[0]]
	}
	return Item{Demographics: d, Note: note, Label: label}
}

// separator is what stands between the header's names.
func separator(head []byte) byte {
	for _, c := range []byte{',', '\t', ';', '|'} {
		if bytes.IndexByte(head, c) >= 0 {
			return c
		}
	}
	return ','
}

// fields are those of a line, without the space around them. whole is false when a quoted one does not end.
func fields(line []byte, comma byte) (out []string, whole bool) {
	rest := string(line)
	for {
		trimmed := strings.TrimLeft(rest, " ")
		if strings.HasPrefix(trimmed, `"`) {
			value, after, ok := quoted(trimmed[1:])
			if !ok {
				return out, false
			}
			out = append(out, strings.TrimSpace(value))
			i := strings.IndexByte(after, comma)
			if i < 0 {
				return out, true
			}
			rest = after[i+1:]
			continue
		}
		value, after, more := strings.Cut(rest, string(comma))
		out = append(out, strings.TrimSpace(value))
		if !more {
			return out, true
		}
		rest = after
	}
}

// quoted is a field up to its closing quote, and what is behind it.
func quoted(s string) (value, after string, ok bool) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(s[:i])
		if s = s[i+1:]; !strings.HasPrefix(s, `"`) {
			return b.String(), s, true
		}
		b.WriteByte('"')
		s = s[1:]
	}
}

// demographics are what a row says.
func (h *header) demographics(row []string, source concord.SourceID) mpi.Demographics {
	one := func(c column) string {
		for _, i := range h.at[c] {
			if row[i] != "" {
				return row[i]
			}
		}
		return ""
	}
	all := func(columns ...column) (out []string) {
		for _, c := range columns {
			for _, i := range h.at[c] {
				if row[i] != "" {
					out = append(out, row[i])
				}
			}
		}
		return out
	}
	var d mpi.Demographics
	if id := one(colID); id != "" {
		d.Ref = concord.NewPatientRef(source, id)
	}
	n := mpi.Name{Family: one(colFamily), Given: all(colGiven, colMiddle), Suffix: all(colSuffix)}
	if n.Family != "" || len(n.Given) > 0 {
		d.Names = append(d.Names, n)
	}
	for _, former := range all(colFormer) {
		d.Names = append(d.Names, mpi.Name{Use: "maiden", Family: former, Old: true})
	}
	d.BirthDate = date(one(colBirth))
	d.Gender = gender(one(colGender))
	d.Phones, d.Emails = all(colPhone), all(colEmail)
	a := mpi.Address{City: one(colCity), State: one(colState), PostalCode: one(colPostal)}
	if first := strings.TrimSpace(one(colNumber) + " " + one(colStreet)); first != "" {
		a.Lines = append(a.Lines, first)
	}
	a.Lines = append(a.Lines, all(colStreet2)...)
	if len(a.Lines) > 0 || a.City != "" || a.PostalCode != "" {
		d.Addresses = append(d.Addresses, a)
	}
	if ssn := one(colSSN); ssn != "" {
		d.Identifiers = append(d.Identifiers, mpi.Identifier{System: "http://hl7.org/fhir/sid/us-ssn", Value: ssn})
	}
	return d
}
