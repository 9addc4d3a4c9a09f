package shipsink

import (
	"strconv"
	"time"
	"unicode/utf8"

	"concord/audit"
)

// facility is "log audit" (RFC 5424 §6.2.1).
const facility = 13

// Severities of RFC 5424 §6.2.1.
const (
	alert   = 1
	warning = 4
	notice  = 5
)

func severity(e *audit.Event) int {
	switch {
	case e.BreakGlass || e.Type == audit.EventBreakGlass:
		return alert
	case e.Type == audit.EventDenied || e.Outcome == audit.Failure:
		return warning
	}
	return notice
}

// appendHeader appends the part of an RFC 5424 message before its structured data.
func appendHeader(b []byte, e *audit.Event, host, app string) []byte {
	b = strconv.AppendInt(append(b, '<'), int64(facility*8+severity(e)), 10)
	b = append(b, ">1 "...)
	t := e.Time
	if t.IsZero() {
		t = time.Now()
	}
	b = t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(append(b, ' '), host...)
	b = append(append(b, ' '), app...)
	b = append(b, " - "...) // no process id: it says nothing that the host's own log does not
	return append(b, e.Type.String()...)
}

// appendMessage appends the rest: the number of the message (RFC 5424 §7.3.1), by which a receiver sees that some are missing,
// and the record. The record is escaped to printable ASCII, since UTF-8 would need a byte order mark (§6.4) that many receivers take
// for content.
func appendMessage(b []byte, number uint32, object []byte) []byte {
	b = append(b, ` [meta sequenceId="`...)
	b = strconv.AppendUint(b, uint64(number), 10)
	b = append(b, `"] `...)
	for i := 0; i < len(object); {
		c := object[i]
		if c < 0x7f {
			b = append(b, c)
			i++
			continue
		}
		r, n := utf8.DecodeRune(object[i:])
		i += n
		if r > 0xffff {
			r -= 0x10000
			b = escape(b, 0xd800+r>>10)
			r = 0xdc00 + r&0x3ff
		}
		b = escape(b, r)
	}
	return b
}

func escape(b []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(b, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// printable is s as a header's word: printable ASCII without blanks, at most max bytes, "-" when nothing is left.
func printable(s string, limit int) string {
	var b []byte
	for i := 0; i < len(s) && len(b) < limit; i++ {
		if s[i] > ' ' && s[i] < 0x7f {
			b = append(b, s[i])
		}
	}
	if len(b) == 0 {
		return "-"
	}
	return string(b)
}
