package merge

import (
	"slices"
	"strings"

	"concord"
	"concord/fhir"
)

// World is what is merged together, as far as the rules look beyond the copy at hand: what a reference means, what has
// been found to be one so far, and where copies were imported from. The zero World holds nothing. It is not safe for
// concurrent use. PHI.
type World struct {
	items   []item  // by type, otherwise as they came
	order   []int32 // of the items, by type, source and id
	parts   []segment
	group   []int32 // the group of each item, numbered through all types; 0 before its type is merged
	origins map[int][]Key
	imports bool // some copy says that it was imported
	last    lastTarget

	// scratch and arenas of the rules
	top   index // of the copy that is being read
	facts Facts // of it
	reader
	keys      []Key
	seek      []Key
	codeArena arena[coded]
	keyArena  arena[Key]
	units     units
	systems   map[string]identifierSystem
	// concepts are what was read so far of the type that is being read.
	concepts map[conceptKey]*concept
	none     concept // what says nothing
}

// arena hands out small slices from large ones.
type arena[T any] struct{ free []T }

// take is a copy of s that stays as it is.
func (a *arena[T]) take(s []T) []T {
	if len(s) == 0 {
		return nil
	}
	if len(a.free) < len(s) {
		a.free = make([]T, max(512, len(s)))
	}
	out := a.free[:len(s):len(s)]
	a.free = a.free[len(s):]
	copy(out, s)
	return out
}

// find is the index of a source's resource; -1 when it is not there.
func (w *World) find(source concord.SourceID, t fhir.ResourceType, id string) int {
	for _, p := range w.parts {
		if p.typ == t {
			order := w.order[p.first:p.last]
			i, ok := slices.BinarySearchFunc(order, id, func(at int32, id string) int {
				it := &w.items[at]
				if n := strings.Compare(string(it.Source), string(source)); n != 0 {
					return n
				}
				return strings.Compare(it.id, id)
			})
			if ok {
				return int(order[i])
			}
			break
		}
	}
	return -1
}

// target is what a Reference of c means: the resource, contained or of the same source, and the number of what it was
// merged into, 0 when that is not known.
func (w *World) target(c Copy, ref fhir.Value) (fhir.Value, int32) {
	text := ref.Get("reference").Text()
	if text == "" {
		return fhir.Value{}, 0
	}
	switch x := fhir.ParseReference(text, ""); {
	case x.Kind == fhir.ContainedReference:
		return contained(c, x.ID), 0
	case x.Kind == fhir.LocalReference || x.Kind == fhir.ForeignReference && x.Type != "":
		// a source's own base is not known here: what it writes absolutely is its own when it holds that
		if i := w.find(c.Source, x.Type, x.ID); i >= 0 {
			return w.items[i].Value, w.group[i]
		}
	}
	return fhir.Value{}, 0
}

// lastTarget is a reference and what it meant: resources that stand together tell of one encounter.
type lastTarget struct {
	source concord.SourceID
	text   string
	group  int32
}

// visit is the number of the encounter that c refers to.
func (w *World) visit(f *Facts) int32 {
	ref := w.top.el(elEncounter)
	text := ref.Get("reference").Text()
	if text == "" {
		return 0
	}
	if w.last.text != text || w.last.source != f.Source {
		_, g := w.target(f.Copy, ref)
		w.last = lastTarget{f.Source, text, g}
	}
	return w.last.group
}

// contained is the contained resource of that id.
func contained(c Copy, id string) fhir.Value {
	if id != "" {
		for r := range c.Get("contained").Items() {
			if r.Get("id").Is(id) {
				return r
			}
		}
	}
	return fhir.Value{}
}

// readOrigins notes where Provenances say that copies come from.
func (w *World) readOrigins() {
	for _, p := range w.parts {
		if p.typ == fhir.TypeProvenance {
			for _, at := range w.order[p.first:p.last] {
				w.readOrigin(&w.items[at])
			}
		}
	}
}

func (w *World) readOrigin(it *item) {
	targets := it.Get("target")
	if targets.Len() != 1 {
		return // of several it is not said which came from where
	}
	to := -1
	for t := range targets.Items() {
		if x := fhir.ParseReference(t.Get("reference").Text(), ""); x.Type != "" {
			to = w.find(it.Source, x.Type, x.ID)
		}
	}
	if to < 0 {
		return
	}
	for e := range it.Get("entity").Items() {
		if role := e.Get("role"); !role.Is("source") && !role.Is("derivation") && !role.Is("quotation") {
			continue
		}
		if k, ok := originKey(w.items[to].Type(), e.Path("what", "reference").Text()); ok {
			w.addOrigin(to, k)
		}
		if k, ok := w.identifierKey(e.Path("what", "identifier")); ok {
			w.addOrigin(to, k)
		}
	}
}

func (w *World) addOrigin(to int, k Key) {
	if w.origins == nil {
		w.origins = map[int][]Key{}
	}
	w.origins[to] = append(w.origins[to], k)
}

// originKey is the key of the resource of type t that an absolute URL names; false when it names none.
func originKey(t fhir.ResourceType, url string) (Key, bool) {
	if !strings.Contains(url, "://") {
		return 0, false
	}
	url, _, _ = strings.Cut(url, "#")
	x := fhir.ParseReference(url, "")
	if x.Kind != fhir.ForeignReference || x.Type != t || len(x.ID) < minOriginID {
		return 0, false
	}
	return digest("origin", string(t), x.ID), true
}

// minOriginID is how long an id must be for two copies to be taken for one by it: the base that stands before it is not
// compared, since one EHR has several.
const minOriginID = 6

// ids adds the keys of c's business identifiers, and of where it was imported from, to those of f.
func (w *World) ids(f *Facts, elements ...string) {
	for _, n := range elements {
		for id := range w.top.get(f.Value, n).Items() {
			if k, ok := w.identifierKey(id); ok && !slices.Contains(w.keys, k) {
				w.keys = append(w.keys, k)
			}
			w.noted(f, id)
		}
	}
}

// noted adds the key of the resource that an identifier says f was imported from: by its address, or by the address of
// its type and its id.
func (w *World) noted(f *Facts, id fhir.Value) {
	t, val := f.Type(), strings.TrimSpace(id.Get("value").Text())
	switch sys := w.system(id); {
	case sys.uri:
		w.origin(originKey(t, val))
	case len(val) >= minOriginID && len(sys.url) > len(t) && strings.HasSuffix(sys.url, string(t)) && sys.url[len(sys.url)-len(t)-1] == '/':
		w.origin(digest("origin", string(t), val), true)
	}
}

// origin adds the key of an origin, if it is one.
func (w *World) origin(k Key, ok bool) {
	if ok && !slices.Contains(w.keys, k) {
		w.keys = append(w.keys, k)
		w.imports = true
	}
}

// addOrigins adds the keys of where f says, or others say, that it was imported from.
func (w *World) addOrigins(f *Facts) {
	t := f.Type()
	w.origin(originKey(t, w.top.el(elMeta).Get("source").Text()))
	if len(w.origins) > 0 {
		if i := w.find(f.Source, t, f.ID()); i >= 0 {
			for _, k := range w.origins[i] {
				w.origin(k, true)
			}
		}
	}
}

// begin starts the reading of a copy.
func (w *World) begin(c Copy) Facts {
	w.reset()
	w.keys, w.seek = w.keys[:0], w.seek[:0]
	w.top.read(c.Value)
	return Facts{Copy: c, world: w, what: &w.none, has: w.top.has, indexed: true}
}

// endIDs makes what keys there are so far f's IDs. The copy also looks for those that were imported from it.
func (w *World) endIDs(f *Facts) {
	w.addOrigins(f)
	f.IDs = w.keyArena.take(w.keys)
	if id := f.ID(); len(id) >= minOriginID {
		f.self = digest("origin", string(f.Type()), id)
		w.seek = append(w.seek, f.self)
	}
}

// sameIdentity tells whether two copies have a business identifier in common, or one was imported from the other.
func sameIdentity(a, b *Facts) Evidence {
	if a.world.imports && (a.self != 0 && slices.Contains(b.IDs, a.self) || b.self != 0 && slices.Contains(a.IDs, b.self)) {
		return byOrigin
	}
	if overlap(a.IDs, b.IDs) {
		return byIdentifier
	}
	return 0
}

// end ends the reading.
func (w *World) end(f *Facts) {
	f.Keys, f.Seek = w.keyArena.take(w.keys), w.keyArena.take(w.seek)
}

// opaque tells that the meaning of the copy that is being read may be changed by something unknown: it stands as it is (R4,
// Extensibility).
func (w *World) opaque() bool { return w.top.has&(1<<elImplicitRules|1<<elModifierExtension) != 0 }
