package population

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"concord/testharness/internal/ojson"
)

// dealer gives events to sources, as copies of their own.
type dealer struct {
	seed    seed
	o       Options
	sources []Source
	sites   []Site
	ids     []map[EventKey]string
	used    []map[string]bool
	shared  map[EventKey]*event
	truth   Truth
	staff   staff               // nil when the events come from elsewhere
	notes   map[EventKey]string // base64 text of one person's Binaries
}

func newDealer(s seed, o Options) *dealer {
	d := &dealer{seed: s, o: o, sources: o.Sources, shared: map[EventKey]*event{},
		truth: Truth{Person: map[Copy]PersonKey{}, Event: map[Copy]EventKey{}, Alike: map[EventKey]string{}}}
	if d.sources == nil {
		d.sources = DefaultSources()
	}
	for _, s := range d.sources {
		d.sites = append(d.sites, Site{Source: s})
		d.ids = append(d.ids, map[EventKey]string{})
		d.used = append(d.used, map[string]bool{})
	}
	return d
}

// share registers what belongs to nobody; a source gets it when something that it holds refers to it.
func (d *dealer) share(e *event) { d.shared[e.key] = e }

func (d *dealer) population(persons []Person) *Population {
	for si, src := range d.sources {
		if src.Vendor != Athena || !d.o.Noise.VendorExtensions {
			continue
		}
		for _, id := range []string{src.Practice(), sharingGroup(src)} { // what the extensions point to
			body := ojson.New("resourceType", "Organization", "id", id, "active", true, "name", "Practice "+src.SiteCode())
			d.sites[si].Resources = append(d.sites[si].Resources, Resource{"Organization", id, "", ojson.Encode(body)})
			key := EventKey(shared + "/Organization/" + id)
			d.truth.Event[Copy{src.ID, "Organization", id}] = key
			d.truth.Alike[key] = string(key)
		}
	}
	return &Population{Persons: persons, Sites: d.sites, Truth: d.truth}
}

// deal gives p's record out.
func (d *dealer) deal(p *Person, patient *object, events []*event) {
	patientEvent := &event{key: EventKey(string(p.Key) + "/Patient/0"), typ: "Patient", body: patient}
	holders := d.holders(p, events)
	d.notes = map[EventKey]string{}
	for _, e := range events {
		if e.typ == "Binary" {
			d.notes[e.key] = e.body.Text("data")
		}
	}
	for _, si := range p.sites {
		d.ids[si][patientEvent.key] = d.newID(si, patientEvent)
	}
	for i, e := range events {
		d.truth.Alike[e.key] = string(p.Key) + ":" + saying(e.body)
		for _, si := range holders[i] {
			d.ids[si][e.key] = d.newID(si, e)
		}
	}
	planted := d.plant(p, events, holders)
	for _, si := range p.sites {
		w := &writer{d: d, si: si, src: d.sources[si], p: p, noise: d.o.Noise}
		w.writePatient(patientEvent)
		c := Copy{w.src.ID, "Patient", d.ids[si][patientEvent.key]}
		d.truth.Person[c] = p.Key
		p.Copies = append(p.Copies, c)
		for i, e := range events {
			if !contains(holders[i], si) {
				continue
			}
			if e.typ == "Binary" && w.noise.InlineNotes && w.src.Vendor == Athena {
				continue // the note has it inside
			}
			w.write(e, planted[e.key].at(si))
		}
		w.placeholders()
		w.provenance(events, func(i int) bool { return contains(holders[i], si) })
	}
	d.conclude(planted, events)
	for _, si := range p.sites { // ids of a person's events are not needed any more
		for _, e := range events {
			delete(d.ids[si], e.key)
		}
	}
}

func contains(list []int, x int) bool {
	for _, v := range list {
		if v == x {
			return true
		}
	}
	return false
}

// holders decides, per event, the sources that hold it: its origin, and of the others those that were sent its group.
func (d *dealer) holders(p *Person, events []*event) [][]int {
	out := make([][]int, len(events))
	at := map[EventKey]int{}
	for i, e := range events {
		at[e.key] = i
	}
	for i, e := range events {
		if e.with != "" {
			continue
		}
		out[i] = d.holdersOf(p, e)
	}
	for i, e := range events {
		if j, ok := at[e.with]; ok && e.with != "" {
			out[i] = out[j]
		}
	}
	return out
}

func (d *dealer) holdersOf(p *Person, e *event) []int {
	if n := d.o.Copies; n > 0 && !e.alone {
		in := map[int]bool{}
		for _, k := range d.seed.stream("copies", e.group).Perm(len(p.sites))[:min(n, len(p.sites))] {
			in[p.sites[k]] = true
		}
		var out []int
		for _, si := range p.sites {
			if in[si] {
				out = append(out, si)
			}
		}
		return out
	}
	var out []int
	for _, si := range p.sites {
		name := string(d.sources[si].ID)
		if si == e.origin || !e.alone && d.seed.coin(0.4, "sent", e.group, name) && !d.seed.coin(0.05, "lost", string(e.key), name) {
			out = append(out, si)
		}
	}
	if len(out) == 0 {
		out = []int{p.sites[0]}
	}
	return out
}

// saying is what a body says, ids and references aside.
func saying(body *object) string {
	c := body.Clone()
	for _, k := range []string{"id", "meta", "text", "identifier", "masterIdentifier"} {
		c.Delete(k)
	}
	ojson.Objects(c, func(o *object) {
		if u := o.Text("url"); strings.HasPrefix(u, eventRef) {
			o.Delete("url")
		}
		o.Delete("reference")
	})
	sum := sha256.Sum256(ojson.Encode(c))
	return hex.EncodeToString(sum[:8])
}

// resolve replaces references to events by those to the source's copies. One to what the source does not hold loses its
// target, and goes where nothing else is left of it.
func (w *writer) resolve(v any) any {
	switch x := v.(type) {
	case *object:
		if to := x.Text("reference"); strings.HasPrefix(to, eventRef) {
			if id := w.local(EventKey(to[len(eventRef):])); id != "" {
				x.Set("reference", id)
			} else {
				x.Delete("reference")
				if x.Len() == 0 {
					return nil
				}
			}
		}
		if to := x.Text("url"); strings.HasPrefix(to, eventRef) {
			x.Set("url", w.local(EventKey(to[len(eventRef):])))
		}
		for _, k := range x.Keys() {
			old := x.Get(k)
			switch old.(type) {
			case *object, []any:
				now := w.resolve(old)
				if now == nil && required[k] {
					now = ojson.New("display", "not held here")
				}
				x.Set(k, now)
			}
		}
		if x.Len() == 0 {
			return nil
		}
		return x
	case []any:
		out := x[:0]
		for _, e := range x {
			if r := w.resolve(e); r != nil {
				out = append(out, r)
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	}
	return v
}

// required are references that a resource must not be without.
var required = map[string]bool{"diagnosisReference": true, "provider": true, "insurer": true, "coverage": true, "member": true, "condition": true, "individual": true}

// local is Type/id of the source's copy, "" where it holds none. What is shared it then holds.
func (w *writer) local(key EventKey) string {
	if id, ok := w.d.ids[w.si][key]; ok {
		return typeOf(key) + "/" + id
	}
	e := w.d.shared[key]
	if e == nil {
		return ""
	}
	w.d.ids[w.si][key] = w.d.newID(w.si, e)
	other := &writer{d: w.d, si: w.si, src: w.src, noise: w.noise}
	other.write(e, nil)
	return typeOf(key) + "/" + w.d.ids[w.si][key]
}

func typeOf(key EventKey) string {
	parts := strings.SplitN(string(key), "/", 3)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}
