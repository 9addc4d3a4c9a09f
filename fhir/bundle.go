package fhir

// SearchMode is Bundle.entry.search.mode (http://hl7.org/fhir/search-entry-mode).
type SearchMode string

// The search modes of R4.
const (
	ModeMatch   SearchMode = "match"
	ModeInclude SearchMode = "include"
	ModeOutcome SearchMode = "outcome"
)

// Entry is one entry of a Bundle.
type Entry struct {
	FullURL  string     // as sent; "" without one; may hold an id, which is PHI
	Mode     SearchMode // "" when the sender gave none
	Resource Resource   // the zero Resource when the entry holds none
}

// Bundle is a Bundle split into its entries, which share its bytes.
type Bundle struct {
	Resource
	Kind    string // Bundle.type, such as "searchset"
	Next    string // the url of link next; "" without one; may hold PHI
	Entries []Entry
}

// ParseBundle indexes a Bundle and splits it. Its error is a *ParseError. A resource within it that has no
// resourceType stands there as the sender had it, with Type "".
func ParseBundle(b []byte, lim Limits) (Bundle, error) {
	r, err := Parse(b, lim)
	if err != nil {
		return Bundle{}, err
	}
	if r.Type() != "Bundle" {
		return Bundle{Resource: r}, &ParseError{Reason: NotABundle}
	}
	out := Bundle{Resource: r, Kind: stringOf(r.Get("type"))}
	for l := range r.Get("link").Items() {
		if l.Get("relation").Is("next") {
			out.Next = stringOf(l.Get("url"))
		}
	}
	entries := r.Get("entry")
	if n := entries.Len(); n > 0 {
		out.Entries = make([]Entry, 0, n)
	}
	head := 0
	for e := range entries.Items() {
		var x Entry
		for m := range e.Members() { // once, where each Get would begin anew
			switch m.Name() {
			case "fullUrl":
				x.FullURL = stringOf(m)
			case "search":
				x.Mode = SearchMode(stringOf(m.Get("mode")))
			case "resource":
				if m.IsObject() {
					m.head, head = m.d.headOf(m.n, head)
					x.Resource = Resource{m}
				}
			}
		}
		out.Entries = append(out.Entries, x)
	}
	return out, nil
}

// headOf is the head of node n, and where to look for that of a later one: from is where to look for n's. Heads stand in
// the order in which their resources end.
func (d *document) headOf(n uint32, from int) (head uint32, next int) {
	behind := d.nodes[n].next
	for from < len(d.heads)-1 && d.heads[from].node < behind {
		if from++; d.heads[from-1].node == n {
			return uint32(from), from
		}
	}
	return 0, from
}

// stringOf is a string's content, and "" of anything else: a null is no URL called null.
func stringOf(v Value) string {
	if !v.IsString() {
		return ""
	}
	return v.Text()
}
