package gateway

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/s2"

	"concord"
	"concord/federation"
	"concord/fhir"
	"concord/gateway/shelf"
	"concord/merge"
	"concord/mpi"
	"concord/smart"
)

// sortPages is what books are called on a shelf.
const sortPages = "page"

// maxBook is how large a book may be that is put on a shelf, before it is made smaller.
const maxBook = 256 << 20

// bookHead is all of a book but its entries, as it is put on a shelf. PHI.
type bookHead struct {
	Expires     int64 // milliseconds since 1970
	Interaction fhir.Interaction
	RouteType   fhir.ResourceType
	RouteID     string
	Access      smart.Access
	Type        fhir.ResourceType // of the query, as what follows
	Count       int
	NoTotal     bool
	History     bool
	Elements    []string
	People      []bookPerson
	First       []int
	Issues      []bookIssue
	Partial     bool
	Sources     string
	Self        string
	Recorded    string
	Params      []federation.Param
	Bases       map[concord.SourceID]string // where the sources of the entries' copies were
	Matches     int                         // how many of the entries are matches
}

type bookPerson struct {
	ID   mpi.PersonID
	Refs [][2]string // source and id of each patient that means the person
}

type bookIssue struct {
	Severity, Code string
	Source         concord.SourceID
	Text           string
	On             fhir.ResourceType
	Param          string
}

// owner are the words by which a caller is told from others.
func owner(c smart.Caller) []string { return []string{c.Issuer, c.Subject, c.Client, c.Tenant} }

// seal is b as it is put on a shelf: made smaller, and encrypted for its caller under its name. ok is false when it can't be.
func (p *pages) seal(id string, b *book, expires time.Time) (sealed []byte, ok bool) {
	h := bookHead{Expires: expires.UnixMilli(), Interaction: b.route.interaction, RouteType: b.route.typ, RouteID: b.route.id, Access: b.access, Type: b.q.typ, Count: b.q.count,
		NoTotal: b.q.noTotal, History: b.q.history, Elements: b.q.elements, First: b.first, Partial: b.partial, Sources: b.sources, Self: b.self, Recorded: b.recorded,
		Params: b.params, Bases: map[concord.SourceID]string{}, Matches: len(b.matches)}
	for _, s := range b.from {
		h.Bases[s] = b.bases[s]
	}
	for _, person := range b.people {
		one := bookPerson{ID: person.ID}
		for _, ref := range meant(person) {
			one.Refs = append(one.Refs, [2]string{string(ref.Source), ref.Reveal()})
		}
		h.People = append(h.People, one)
	}
	for _, i := range b.issues {
		h.Issues = append(h.Issues, bookIssue{i.severity, i.code, i.source, i.text, i.on, i.param})
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, false
	}
	plain := append(binary.AppendUvarint(make([]byte, 0, len(head)+sizeOf(b.matches)/2+sizeOf(b.others)/2+4096), uint64(len(head))), head...)
	plain, ok = merge.AppendEntries(plain, slices.Concat(b.matches, b.others))
	if !ok || len(plain) > maxBook {
		return nil, false
	}
	sealed, err = p.keys.Seal(sortPages, id, owner(b.caller), s2.Encode(nil, plain))
	return sealed, err == nil && len(sealed) <= shelf.MaxValue
}

// open is the book that was sealed for that caller under that name, and when it ends. Its error is a *concord.Fault:
// Forbidden when it is somebody else's, and Malformed for what this gateway can't read.
func (p *pages) open(id string, caller smart.Caller, sealed []byte) (*book, time.Time, error) {
	bad := &concord.Fault{Op: "page", Kind: concord.Malformed}
	small, err := p.keys.Open(sortPages, id, owner(caller), sealed)
	if err != nil {
		return nil, time.Time{}, err
	}
	if n, err := s2.DecodedLen(small); err != nil || n > maxBook {
		return nil, time.Time{}, bad
	}
	plain, err := s2.Decode(nil, small)
	if err != nil {
		return nil, time.Time{}, bad
	}
	n, k := binary.Uvarint(plain)
	if k <= 0 || n > uint64(len(plain)-k) {
		return nil, time.Time{}, bad
	}
	var h bookHead
	if json.Unmarshal(plain[k:k+int(n)], &h) != nil {
		return nil, time.Time{}, bad
	}
	entries, rest, err := merge.ParseEntries(plain[k+int(n):])
	if err != nil || len(rest) > 0 || h.Matches < 0 || h.Matches > len(entries) || len(h.First) != len(entries)-h.Matches || h.Count < 0 {
		return nil, time.Time{}, bad
	}
	return h.book(caller, entries), time.UnixMilli(h.Expires), nil
}

func (h bookHead) book(caller smart.Caller, entries []merge.Entry) *book {
	b := &book{caller: caller, route: route{interaction: h.Interaction, typ: h.RouteType, id: h.RouteID}, access: h.Access,
		q:       &query{typ: h.Type, count: h.Count, noTotal: h.NoTotal, history: h.History, elements: h.Elements},
		matches: entries[:h.Matches:h.Matches], others: entries[h.Matches:], first: h.First, partial: h.Partial, sources: h.Sources, self: h.Self, recorded: h.Recorded,
		params: h.Params, from: sourcesOf(entries), bases: h.Bases}
	for _, one := range h.People {
		p := mpi.Person{ID: one.ID}
		for _, r := range one.Refs {
			p.Links = append(p.Links, mpi.Link{Ref: concord.NewPatientRef(concord.SourceID(strings.Clone(r[0])), r[1]), Grade: mpi.Certain})
		}
		b.people = append(b.people, p)
	}
	for _, i := range h.Issues {
		b.issues = append(b.issues, issue{i.Severity, i.Code, i.Source, i.Text, i.On, i.Param})
	}
	return b
}
