package gateway

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"strconv"
	"sync"

	"concord"
	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

// renderPage renders one page of a book as a searchset: matches, what comes along with them, and last what is missing.
// Everything goes through the grant's view once more.
func (x *exchange) renderPage(b *book, id string, n int) (*answer, *problem) {
	view, ok := x.look(b)
	switch {
	case !ok && x.route.interaction == fhir.Page:
		return nil, x.hidden()
	case !ok:
		x.g.cfg.Log.Error("the view hides what was let through", slog.String("request_id", x.id))
		return nil, ofFault(&concord.Fault{Op: "view", Kind: concord.Internal})
	}
	from := min(n*b.q.count, len(b.matches))
	to := min(from+b.q.count, len(b.matches))
	r := x.g.newRenderer(b.people...)
	entries := make([]*merge.Entry, 0, to-from)
	i := 0
	for e := range view.All() {
		at := i
		if i >= len(b.matches) {
			at = b.first[i-len(b.matches)]
		}
		if at >= from && at < to {
			entries = append(entries, e)
		}
		r.place(e)
		i++
	}
	room := roomFor(entries, len(r.base))
	done := sync.OnceFunc(x.g.turn(x.ctx, room))
	defer done()
	out := lend(room)
	out = append(out, `{"resourceType":"Bundle","type":"searchset"`...)
	if !b.partial && !b.q.noTotal {
		out = append(out, `,"total":`...)
		out = strconv.AppendInt(out, int64(len(b.matches)), 10)
	}
	out = append(out, `,"link":[{"relation":"self","url":`...)
	out = fhir.AppendString(out, b.self)
	out = append(out, '}')
	if id != "" && (n+1)*b.q.count < len(b.matches) {
		out = append(out, `,{"relation":"next","url":`...)
		out = append(fhir.AppendString(out, x.pageLink(b, id, n+1)), '}')
	}
	out = append(out, ']')
	out, count := x.renderEntries(out, r, b, entries, to-from)
	if len(b.issues) > 0 {
		out = entrySeparator(out, count)
		out = append(out, `{"resource":`...)
		out = appendOutcome(out, b.issues)
		out = append(out, `,"search":{"mode":"outcome"}}`...)
		count++
	}
	if count > 0 {
		out = append(out, ']')
	}
	out = append(out, '}')
	done()
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	a := okay(out)
	a.partial, a.lent = b.partial, true
	if len(x.outcomes) == 0 && b.sources != "" {
		a.header = map[string]string{"Server-Timing": b.sources}
	}
	return a, nil
}

// roomFor is about how many bytes entries have in a searchset, rather too many than too few.
func roomFor(entries []*merge.Entry, base int) int {
	const (
		frame = 160 // of an entry: its members' names, its id twice, its mode
		mark  = 136 // of a copy: its contributor and its source
	)
	size := 4096
	for _, e := range entries {
		size += len(e.Survivor.Raw()) + base + frame + mark*len(e.Copies)
		for _, a := range e.Add {
			size += len(a.Value.Raw()) + 16
		}
	}
	return size
}

func (x *exchange) pageLink(b *book, id string, n int) string {
	at := x.g.base + "/" + string(b.route.typ)
	if b.route.interaction == fhir.Everything {
		at += "/" + b.route.id + "/$everything"
	}
	return at + "?" + pageParam + "=" + id + "." + strconv.Itoa(n)
}

func entrySeparator(out []byte, count int) []byte {
	if count == 0 {
		return append(out, `,"entry":[`...)
	}
	return append(out, ',')
}

// renderEntries writes entries of a view, the first of them as matches, and a Provenance for each match if it was asked
// for and the token shows it.
func (x *exchange) renderEntries(out []byte, r *renderer, b *book, entries []*merge.Entry, matches int) ([]byte, int) {
	count := 0
	var provenance []byte
	history := b.q.history && x.showsProvenance(b)
	for _, e := range entries {
		out = entrySeparator(out, count)
		id, t := r.entryID(e), e.Survivor.Type()
		out = append(out, `{"fullUrl":"`...)
		out = append(append(append(append(out, r.base...), '/'), t...), '/')
		out = append(append(out, id...), `","resource":`...)
		out = r.subset(out, e, id, b.q.elements)
		mode := fhir.ModeInclude
		if count < matches {
			mode = fhir.ModeMatch
			if history {
				provenance = r.provenance(provenance, e, id, b.recorded)
			}
		}
		out = append(append(append(out, `,"search":{"mode":"`...), mode...), `"}}`...)
		x.disclose(t)
		count++
	}
	if len(provenance) > 0 {
		out = entrySeparator(out, count)
		out = append(out, provenance[1:]...)
		count++
	}
	return out, count
}

// showsProvenance tells whether the token covers Provenance, and all of it: what is made here can't be told apart by a
// granular scope.
func (x *exchange) showsProvenance(b *book) bool {
	a := smart.Access{Type: fhir.TypeProvenance, Interaction: fhir.SearchType, Patient: b.access.Patient}
	return x.grant.Check(a) == nil && x.grant.Constraints(a) == nil
}

// provenance appends, behind a comma, an entry that tells what a merged resource was made from (R4 Provenance).
func (r *renderer) provenance(out []byte, e *merge.Entry, id, recorded string) []byte {
	t := e.Survivor.Type()
	sum := sha256.Sum256([]byte(string(t) + "/" + id))
	u := hex.EncodeToString(sum[:16])
	out = append(out, `,{"fullUrl":"urn:uuid:`+u[:8]+"-"+u[8:12]+"-8"+u[13:16]+"-8"+u[17:20]+"-"+u[20:]+`","resource":{"resourceType":"Provenance","target":[{"reference":"`...)
	out = append(append(append(append(out, t...), '/'), id...), `"}],"recorded":"`+recorded+`"`...)
	if len(e.Copies) > 1 {
		out = append(out, `,"activity":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle","code":"merge"}]}`...)
	}
	out = append(out, `,"agent":[`...)
	agent := func(role, who string) {
		out = append(out, `{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/provenance-participant-type","code":"`+role+`"}]},"who":`+who+`}`...)
	}
	agent("assembler", `{"display":"Concord"}`)
	for _, s := range e.SourcesOf() {
		out = append(out, ',')
		agent("custodian", `{"identifier":{"system":"`+systemSource+`","value":"`+string(s)+`"}}`)
	}
	out = append(out, `],"entity":[`...)
	for i, c := range e.Copies {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(append(out, `{"role":"source","what":{"reference":"`...), t...), '/'), r.id(c)...)
		out = append(out, `"}}`...)
	}
	return append(out, `]},"search":{"mode":"include"}}`...)
}
