package feed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"iter"
	"unicode/utf8"

	"concord"
	"concord/mpi"
)

// Format is how a file holds patients.
type Format string

// The formats.
const (
	NDJSON Format = "ndjson" // a FHIR Patient, or a Bundle of them, a line (http://ndjson.org)
	CSV    Format = "csv"    // RFC 4180, with a header; tabs or semicolons will do
)

// Formats are all of them.
func Formats() []Format { return []Format{NDJSON, CSV} }

// Problem is what is wrong with a record, in words of a closed set; it holds no PHI. "" is nothing.
type Problem string

// Why a record is refused: nothing of it is imported.
const (
	NotJSON     Problem = "not JSON, or cut off"
	NotPatient  Problem = "not a Patient"
	NotUTF8     Problem = "not UTF-8"
	TooLong     Problem = "the line is too long"
	LongText    Problem = "a text is too long"
	TooMuch     Problem = "more of one element than is kept"
	NoID        Problem = "no id"
	Nobody      Problem = "nothing that tells who it is"
	Twice       Problem = "an id that came before in this import"
	FieldCount  Problem = "not as many fields as the header, or cut off"
	OpenQuote   Problem = "a quoted field that does not end"
	Unreadable  Problem = "the file can't be read further, or is cut off"
	NoHeader    Problem = "no header that names an id and a name"
	NamedTwice  Problem = "a header that names one column twice"
	EmptyHeader Problem = "an empty file"
)

// What is odd about a record that is imported for all that.
const (
	NoName       Problem = "no name"
	OddBirthDate Problem = "a birth date that is none, or stands for unknown; it counts for nothing"
)

// Item is one record of a file. It is PHI.
type Item struct {
	Line         int // where the record begins; 1 is the first
	Demographics mpi.Demographics
	Refused      Problem // not "": Demographics is empty
	Note         Problem
	Label        string // whose record it is, where a CSV file says so for measuring by; it is not imported
}

// maxLine bounds a line, and so what one record can cost.
const maxLine = 1 << 20

// Read is each record of r, in order: one that is refused has no Demographics, and those behind it come all the same. What
// is compressed by gzip is expanded. A file that can't be read to its end has an Unreadable item last.
func Read(r io.Reader, source concord.SourceID, f Format) iter.Seq[Item] {
	return func(yield func(Item) bool) {
		in := &lines{r: bufio.NewReaderSize(r, 64<<10)}
		if magic, _ := in.r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			z, err := gzip.NewReader(in.r)
			if err != nil {
				yield(Item{Line: 1, Refused: Unreadable})
				return
			}
			in.r = bufio.NewReaderSize(z, 64<<10)
		}
		if bom, _ := in.r.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
			_, _ = in.r.Discard(len(bom)) // it is buffered
		}
		var more bool
		switch f {
		case CSV:
			more = readCSV(in, source, yield)
		default:
			more = readNDJSON(in, source, yield)
		}
		if more && in.err != nil {
			yield(Item{Line: in.number + 1, Refused: Unreadable})
		}
	}
}

// Guess is the format that a file looks like by its name and its beginning.
func Guess(r *bufio.Reader) Format {
	head, _ := r.Peek(64)
	for _, c := range head {
		switch c {
		case ' ', '\t', '\r', '\n', 0xef, 0xbb, 0xbf:
			continue
		case '{':
			return NDJSON
		}
		break
	}
	return CSV
}

// lines are those of a file.
type lines struct {
	r      *bufio.Reader
	number int // of the last one that was read
	err    error
	long   bool // the last one was too long, and is not there
}

// next is the next line without its end, in memory of its own. ok is false behind the last.
func (l *lines) next() (line []byte, ok bool) {
	l.long = false
	var out []byte
	for {
		part, err := l.r.ReadSlice('\n')
		if !l.long {
			if out = append(out, part...); len(out) > maxLine {
				out, l.long = nil, true
			}
		}
		switch {
		case err == bufio.ErrBufferFull: //nolint:errorlint // bufio gives it as it is
			continue
		case err == io.EOF:
			if len(out) == 0 && !l.long {
				return nil, false
			}
		case err != nil:
			l.err = err
			return nil, false // what was cut off is nobody's record
		}
		l.number++
		return bytes.TrimRight(out, "\r\n"), true
	}
}

// blank tells of a line that holds nothing.
func blank(line []byte) bool { return len(bytes.TrimSpace(line)) == 0 }

// limits of what one record may have, which are those of mpi.FromPatient: it leaves out what is beyond, and a record that
// is imported is imported as a whole.
const (
	maxText        = 256
	maxNames       = 16
	maxParts       = 8
	maxTelecoms    = 32
	maxAddresses   = 16
	maxIdentifiers = 64
)

// check is what is wrong with a record whoever wrote it; note is what is odd.
func check(d mpi.Demographics) (refused, note Problem) {
	if !mpi.IsPatient(d.Ref) {
		return NoID, ""
	}
	if !utf8.ValidString(d.Ref.Reveal()) {
		return NotUTF8, ""
	}
	if len(d.Ref.Reveal()) > maxText {
		return LongText, ""
	}
	switch {
	case len(d.Names) == 0 && d.BirthDate == "" && len(d.Identifiers) == 0:
		return Nobody, ""
	case len(d.Names) == 0:
		return "", NoName
	}
	if d.BirthDate != "" && !plausible(d.BirthDate) {
		note = OddBirthDate
	}
	return "", note
}
