package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"
)

// AppendJSON appends e as one JSON object without a line break, always in the same order and form, so that its bytes are
// their own canonical form. Events of a request have every field that the trail's specification demands.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"event_type":"`...)
	b = append(b, e.Type.String()...)
	b = append(b, `","timestamp_utc":"`...)
	b = e.Time.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
	b = append(b, '"')
	if e.BreakGlass || e.Type == EventBreakGlass {
		b = append(b, `,"severity":"elevated"`...)
	}
	if e.RequestID != "" || e.Type.OfRequest() {
		b = field(b, "request_id", e.RequestID)
	}
	if e.PrincipalID != "" || e.Type.OfRequest() {
		b = field(b, "principal_id", e.PrincipalID)
	}
	if e.Type.OfRequest() {
		b = e.appendRequest(b)
	}
	if l := e.Link; l != nil {
		b = field(b, "link_action", l.Action.String())
		b = field(b, "person", l.Person)
		b = field(b, "patient", l.Patient)
		b = field(b, "grade", l.Grade)
	}
	if !e.Config.IsZero() {
		b = digest(append(b, `,"config":`...), e.Config)
	}
	if s := e.Seal; s != nil {
		b = field(b, "sealed_segment", s.Segment)
		b = number(b, "sealed_bytes", s.Bytes)
		if !s.Digest.IsZero() {
			b = digest(append(b, `,"sealed_digest":`...), s.Digest)
		}
		b = number(b, "refused", int64(s.Refused))
		b = field(b, "cause", s.Cause.String())
	}
	if c := e.Checkpoint; c != nil {
		b = append(b, `,"checkpoint":{"head_seq":`...)
		b = strconv.AppendUint(b, c.HeadSeq, 10)
		b = digest(append(b, `,"head":`...), c.Head)
		b = number(b, "every", int64(c.Every))
		if c.Signature != nil {
			b = field(b, "key_id", c.KeyID)
			b = append(b, `,"signature":"`...)
			b = base64.StdEncoding.AppendEncode(b, c.Signature)
			b = append(b, '"')
		}
		b = append(b, '}')
	}
	return append(b, '}')
}

func (e *Event) appendRequest(b []byte) []byte {
	b = field(b, "principal_role", e.PrincipalRole)
	b = field(b, "tenant_id", e.TenantID)
	b = field(b, "app_client_id", e.ClientID)
	b = field(b, "fhir_resource_type", e.ResourceType)
	if e.ResourceID != "" {
		b = field(b, "fhir_resource_id", e.ResourceID)
	}
	if e.Person != "" {
		b = field(b, "fhir_patient_id", e.Person)
	}
	b = field(b, "fhir_interaction", e.Interaction.String())
	b = append(b, `,"smart_scopes_used":[`...)
	for i, s := range e.Scopes {
		if i > 0 {
			b = append(b, ',')
		}
		b = quote(b, s)
	}
	b = append(b, ']')
	b = field(b, "http_method", e.Method.String())
	b = field(b, "gateway_route", e.Route)
	b = append(b, `,"source_ip":"`...)
	if e.SourceIP.IsValid() {
		b = plainAddr(e.SourceIP).AppendTo(b)
	}
	b = digest(append(b, `","user_agent_hash":`...), e.UserAgent)
	b = number(b, "http_status", int64(e.Status))
	b = field(b, "fhir_outcome", e.Outcome.String())
	b = number(b, "response_ms", millis(e.Elapsed))
	b = append(b, `,"break_glass":`...)
	b = strconv.AppendBool(b, e.BreakGlass)
	if reason := e.Denied.String(); reason != "" {
		b = field(b, "denied_reason", reason)
	}
	if e.MissingScope != "" {
		b = field(b, "missing_scope", e.MissingScope)
	}
	if len(e.Disclosed) > 0 {
		b = append(b, `,"disclosed":[`...)
		for i, d := range e.Disclosed {
			if i > 0 {
				b = append(b, ',')
			}
			b = quote(append(b, `{"type":`...), d.Type)
			b = number(b, "count", int64(d.Count))
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	if len(e.Sources) > 0 {
		b = append(b, `,"sources":[`...)
		for i, s := range e.Sources {
			if i > 0 {
				b = append(b, ',')
			}
			b = quote(append(b, `{"source":`...), string(s.Source))
			b = field(b, "outcome", s.Outcome.String())
			b = number(b, "resources", int64(s.Resources))
			b = number(b, "ms", millis(s.Elapsed))
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	return b
}

// plainAddr drops an IPv6 zone, which is a name that the peer's link chose.
func plainAddr(a netip.Addr) netip.Addr { return a.WithZone("").Unmap() }

func millis(d time.Duration) int64 { return d.Milliseconds() }

func field(b []byte, key, value string) []byte {
	b = append(b, `,"`...)
	b = append(b, key...)
	return quote(append(b, `":`...), value)
}

func number(b []byte, key string, n int64) []byte {
	b = append(b, `,"`...)
	b = append(b, key...)
	return strconv.AppendInt(append(b, `":`...), n, 10)
}

func digest(b []byte, d Digest) []byte {
	if d.IsZero() {
		d = sha256.Sum256(nil)
	}
	b = append(b, `"sha256:`...)
	return append(hex.AppendEncode(b, d[:]), '"')
}

const hexDigits = "0123456789abcdef"

// quote appends s as a JSON string. Control characters, and the two separators that some readers take for line ends, are
// escaped, so that a value can never break its line; what is not UTF-8 becomes U+FFFD.
func quote(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c >= ' ' && c != '"' && c != '\\' {
				i++
				continue
			}
			b = append(b, s[from:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\b':
				b = append(b, '\\', 'b')
			case '\f':
				b = append(b, '\\', 'f')
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			from = i
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if (r == utf8.RuneError && n == 1) || r == '\u2028' || r == '\u2029' {
			b = append(b, s[from:i]...)
			switch r {
			case '\u2028':
				b = append(b, `\u2028`...)
			case '\u2029':
				b = append(b, `\u2029`...)
			default:
				b = append(b, `\ufffd`...)
			}
			from = i + n
		}
		i += n
	}
	b = append(b, s[from:]...)
	return append(b, '"')
}
