package fakeehr

import (
	"encoding/json"
	"strconv"

	"concord/testharness/population"
)

// bundle writes a searchset from bodies that are encoded already.
type bundle struct {
	c       *call
	total   int // below 0: none
	self    string
	next    string
	entries int
	buf     []byte
}

func newBundle(c *call) *bundle {
	return &bundle{c: c, total: -1, self: c.selfURL(), buf: make([]byte, 0, 4096)}
}

func (b *bundle) entry(fullURL string, resource []byte, mode string) {
	if b.entries > 0 {
		b.buf = append(b.buf, ',')
	}
	b.entries++
	b.buf = append(b.buf, '{')
	if b.c.e.is(population.Epic) && mode != "outcome" {
		b.buf = append(b.buf, `"link":[{"relation":"self","url":`...)
		b.buf = appendQuoted(b.buf, fullURL)
		b.buf = append(b.buf, `}],`...)
	}
	b.buf = append(b.buf, `"fullUrl":`...)
	b.buf = appendQuoted(b.buf, fullURL)
	b.buf = append(b.buf, `,"resource":`...)
	b.buf = append(b.buf, resource...)
	b.buf = append(b.buf, `,"search":{"mode":"`+mode+`"}}`...)
}

func (b *bundle) record(r *record, mode string) {
	b.entry(b.c.e.URL()+"/"+r.typ+"/"+r.id, r.body, mode)
}

// close puts the frame round the entries.
func (b *bundle) close() []byte {
	out := make([]byte, 0, len(b.buf)+512)
	out = append(out, `{"resourceType":"Bundle",`...)
	switch {
	case b.c.e.is(population.Athena):
		out = append(out, `"meta":{"lastUpdated":"`+b.c.e.now().UTC().Format("2006-01-02T15:04:05.000Z")+`"},`...)
	case b.c.e.is(population.Cerner):
		out = append(out, `"id":"`+strconv.FormatInt(b.c.e.requests.Load(), 16)+`",`...)
	}
	out = append(out, `"type":"searchset"`...)
	if b.c.e.is(population.Athena) {
		out = append(out, `,"timestamp":"`+b.c.e.now().UTC().Format("2006-01-02T15:04:05.000Z")+`"`...)
	}
	if b.total >= 0 {
		out = append(out, `,"total":`...)
		out = strconv.AppendInt(out, int64(b.total), 10)
	}
	out = append(out, `,"link":[`...)
	links := [][2]string{{"self", b.self}}
	if b.next != "" {
		links = append(links, [2]string{"next", b.next})
		if b.c.e.is(population.Epic) { // the order is no one's to rely on
			links[0], links[1] = links[1], links[0]
		}
	}
	for i, l := range links {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"relation":"`+l[0]+`","url":`...)
		out = appendQuoted(out, l[1])
		out = append(out, '}')
	}
	out = append(out, ']')
	if b.entries > 0 {
		out = append(out, `,"entry":[`...)
		out = append(out, b.buf...)
		out = append(out, ']')
	}
	return append(out, '}')
}

func appendQuoted(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] < 0x20 || s[i] == '"' || s[i] == '\\' || s[i] > 0x7e {
			q, err := json.Marshal(s)
			if err != nil {
				return append(dst, `""`...)
			}
			return append(dst, q...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
