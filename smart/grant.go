package smart

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"concord"
	"concord/fhir"
	"concord/mpi"
)

// Context is what patient/ scopes of a token mean: the claim's patient, looked up in the index. The zero Context is
// nobody, and lets patient/ scopes grant nothing. PHI.
type Context struct {
	Person mpi.PersonID
	// Refs are the person's patients at the sources. Only certain links belong here: a probable one would show somebody
	// else's data.
	Refs []concord.PatientRef
	// Bases are the sources' own FHIR bases, without a slash at the end: absolute references below them are the
	// sources' own. Without its base, a source's absolute references are nobody's.
	Bases map[concord.SourceID]string
}

// Grant is what a caller may see and do: token, scopes and context together. It is immutable, cheap to copy, safe for
// concurrent use, and prints redacted. The zero Grant allows nothing.
type Grant struct{ r *rights }

// rights is a Grant's content.
type rights struct {
	token   Token
	context Context
	scopes  []Scope
	have    Prefix // the first scope's prefix
	// patients holds, for each source, the context patients' relative references there
	patients map[concord.SourceID][]string
	byType   sync.Map // fhir.ResourceType → *typeRights, of known types only
}

// typeRights is what a Grant says of one resource type.
type typeRights struct {
	typ   fhir.ResourceType
	plain [SystemScope + 1]Permission // of scopes without parameters, by prefix
	rules []rule                      // of all scopes that name the type
}

// rule is one scope, made ready for one type.
type rule struct {
	scope   *Scope
	filters []fhir.Filter // all must match
}

// NewGrant joins what a token says with what its scopes and its patient mean. scopes is what ParseScopes made of
// t.Scope. A user/ scope counts only when the token names a user.
func NewGrant(t Token, scopes []Scope, c Context) Grant {
	r := &rights{token: t, context: c, patients: make(map[concord.SourceID][]string)}
	for _, s := range scopes {
		if s.prefix == 0 || s.prefix == UserScope && t.Subject == "" && t.FHIRUser == "" {
			continue
		}
		r.scopes = append(r.scopes, s)
		if r.have == 0 {
			r.have = s.prefix
		}
	}
	if c.Person == "" {
		r.context = Context{}
		return Grant{r}
	}
	for _, ref := range c.Refs {
		if !ref.IsZero() {
			r.patients[ref.Source] = append(r.patients[ref.Source], "Patient/"+ref.Reveal())
		}
	}
	return Grant{r}
}

// Token is what the Grant was made from; the zero Token for the zero Grant.
func (g Grant) Token() Token {
	if g.r == nil {
		return Token{}
	}
	return g.r.token
}

// Person is the patient of the context, or "" without one. PHI.
func (g Grant) Person() mpi.PersonID {
	if g.r == nil {
		return ""
	}
	return g.r.context.Person
}

// Check tells whether the Grant covers a, as far as can be told before the data are there. Its error is a Fault,
// Forbidden, with a *Missing as its cause. What it lets pass is still narrowed by Narrow, Visible and View: a granular
// scope passes here and shows only what it matches.
func (g Grant) Check(a Access) error {
	n := needOf(a.Interaction, a.Type)
	if g.r == nil {
		return forbid(a, n, LacksScope, 0)
	}
	if n.free {
		return nil
	}
	lack := LacksScope
	var wide, bound Permission
	if t := g.r.of(a.Type); t != nil {
		wide, bound = t.reach(n)
	}
	if n.ok(wide) {
		return nil
	}
	if n.ok(bound) {
		switch {
		case g.r.context.Person == "":
			lack = LacksContext
		case a.OtherPatient, a.Patient != "" && a.Patient != g.r.context.Person:
			lack = OtherPatient
		case needsPatient(a.Interaction) && !ownable(a.Type):
			lack = OtherPatient // such as all practitioners: nobody's, so not this patient's
		default:
			return nil
		}
	}
	return forbid(a, n, lack, g.r.have)
}

// needsPatient tells whether an interaction must be confined to a patient before it is run.
func needsPatient(i fhir.Interaction) bool {
	return i == fhir.SearchType || i == fhir.History || i == fhir.Export
}

// reach is what the scopes permit that count for n: wide by user/ and system/ scopes, bound by patient/ scopes. An
// export is of whole types, so no granular scope counts for it.
func (t *typeRights) reach(n need) (wide, bound Permission) {
	for _, r := range t.rules {
		switch {
		case !n.counts(r.scope.prefix), n.all && r.scope.Granular():
		case r.scope.prefix == PatientScope:
			bound |= r.scope.perms
		default:
			wide |= r.scope.perms
		}
	}
	return wide, bound
}

// wide is what plain user/ and system/ scopes permit that count for n.
func (t *typeRights) wide(n need) Permission {
	p := t.plain[SystemScope]
	if n.user {
		p |= t.plain[UserScope]
	}
	return p
}

// Confined tells whether only patient/ scopes cover a, so that the question must be run for Person and nobody else.
func (g Grant) Confined(a Access) bool {
	if g.r == nil {
		return true
	}
	n := needOf(a.Interaction, a.Type)
	t := g.r.of(a.Type)
	if n.free || t == nil {
		return true
	}
	wide, _ := t.reach(n)
	return !n.ok(wide)
}

// UsedScopes are the scopes that cover a, as the trail names them, each once, in the token's order.
func (g Grant) UsedScopes(a Access) []string {
	if g.r == nil || g.Check(a) != nil {
		return nil
	}
	t := g.r.of(a.Type)
	if t == nil {
		return nil
	}
	n := needOf(a.Interaction, a.Type)
	mine := g.r.context.Person != "" && !a.OtherPatient && (a.Patient == "" || a.Patient == g.r.context.Person)
	var out []string
	for _, r := range t.rules {
		s := r.scope
		if n.counts(s.prefix) && s.perms&n.perms != 0 && (s.prefix != PatientScope || mine) && !slices.Contains(out, s.name) {
			out = append(out, s.name)
		}
	}
	return out
}

// Types are the types that the Grant covers for interaction i, for anyone, sorted; all is true when a scope for "*" covers
// every type, and types holds those named besides.
func (g Grant) Types(i fhir.Interaction) (types []fhir.ResourceType, all bool) {
	if g.r == nil {
		return nil, false
	}
	for _, s := range g.r.scopes {
		if s.typ == anyType {
			n := needOf(i, "")
			all = all || !s.Granular() && n.counts(s.prefix) && n.ok(s.perms) && (s.prefix != PatientScope || g.r.context.Person != "")
			continue
		}
		if !needOf(i, s.typ).free && g.Check(Access{Type: s.typ, Interaction: i}) == nil {
			types = append(types, s.typ)
		}
	}
	slices.Sort(types)
	return slices.Compact(types), all
}

// Constraints are search parameters that may be put on a search for a's type without losing anything that the caller may
// see: those of the one granular scope that covers it, or one parameter that all of them share, its values joined by
// commas. nil when a plain scope covers a, or when no single search says the same.
func (g Grant) Constraints(a Access) []Param {
	if g.r == nil {
		return nil
	}
	t := g.r.of(a.Type)
	if t == nil {
		return nil
	}
	n := needOf(a.Interaction, a.Type)
	var out []Param
	for i, r := range t.rules {
		s := r.scope
		if !n.counts(s.prefix) || s.perms&n.perms == 0 || s.prefix == PatientScope && g.r.context.Person == "" {
			continue
		}
		switch {
		case !s.Granular():
			return nil
		case out == nil:
			out = slices.Clone(t.rules[i].scope.params)
		case slices.Equal(out, s.params):
		case len(out) == 1 && len(s.params) == 1 && out[0].Key == s.params[0].Key:
			out[0].Value += "," + s.params[0].Value
		default:
			return nil
		}
	}
	return out
}

// of is what the Grant says of type t, or nil when t is no type of R4.
func (r *rights) of(t fhir.ResourceType) *typeRights {
	if v, ok := r.byType.Load(t); ok {
		if known, ok := v.(*typeRights); ok {
			return known
		}
	}
	if !fhir.KnownType(t) {
		return nil
	}
	out := &typeRights{typ: t}
	for i := range r.scopes {
		s := &r.scopes[i]
		if s.typ != t && s.typ != anyType {
			continue
		}
		filters, ok := s.filters, true
		if s.typ == anyType && s.Granular() {
			filters, ok = filtersFor(t, s.params)
		}
		if !ok {
			continue
		}
		if !s.Granular() {
			out.plain[s.prefix] |= s.perms
		}
		out.rules = append(out.rules, rule{scope: s, filters: filters})
	}
	r.byType.Store(t, out)
	return out
}

// Digest is the same for Grants that give the same rights, however their scopes are worded, and differs otherwise but
// for scopes that happen to cover each other by their parameters. Who the caller is is not in it: that is Token.Caller.
func (g Grant) Digest() [32]byte {
	if g.r == nil {
		return sha256.Sum256(nil)
	}
	type what struct {
		prefix Prefix
		typ    fhir.ResourceType
		params string
	}
	perms := make(map[what]Permission)
	for _, s := range g.r.scopes {
		if s.prefix == PatientScope && g.r.context.Person == "" {
			continue
		}
		perms[what{s.prefix, s.typ, canonical(s.params)}] |= s.perms
	}
	var lines []string
	for w, p := range perms {
		rest := p
		for v, q := range perms {
			// v says more than w when it differs from it only by being wider in some respect
			if v != w && (v.prefix == w.prefix || w.prefix == PatientScope && v.prefix != PatientScope) &&
				(v.typ == w.typ || v.typ == anyType) && (v.params == w.params || v.params == "") {
				rest &^= q
			}
		}
		if rest != 0 {
			lines = append(lines, w.prefix.String()+"/"+string(w.typ)+"."+rest.String()+"?"+w.params)
		}
	}
	slices.Sort(lines)
	h := sha256.New()
	for _, l := range append(lines, string(g.r.context.Person)) {
		_, _ = h.Write([]byte(l)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	var d [32]byte
	h.Sum(d[:0])
	return d
}

// canonical writes params in one order, so that no two different lists look alike.
func canonical(params []Param) string {
	all := make([]string, 0, len(params))
	for _, p := range params {
		all = append(all, p.Key+"\x01"+p.Value)
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), "\x02")
}

// String keeps the content out of logs.
func (g Grant) String() string { return "grant" + redacted }

// GoString keeps %#v from showing it.
func (g Grant) GoString() string { return g.String() }
