package population

import (
	"time"

	"concord/testharness/internal/ojson"
)

// provenance files, per group of events that the source holds, who recorded them. A Provenance is of its source alone.
func (w *writer) provenance(events []*event, held func(i int) bool) {
	if w.d.staff == nil {
		return
	}
	var order []string
	groups := map[string][]*event{}
	for i, e := range events {
		if !held(i) || e.typ == "Binary" {
			continue
		}
		if groups[e.group] == nil {
			order = append(order, e.group)
		}
		groups[e.group] = append(groups[e.group], e)
	}
	for _, g := range order {
		w.extra++
		first := groups[g][0]
		origin := w.d.staff[first.origin]
		var targets []any
		for _, e := range groups[g] {
			targets = append(targets, ref(e.key, ""))
		}
		org := ref(origin.org, origin.orgName)
		agents := ojson.List(ojson.New("type", bare(hl7Code+"provenance-participant-type", "author", "Author"), "who", ref(origin.doctors[0].key, origin.doctors[0].name), "onBehalfOf", org))
		if first.origin != w.si {
			agents = append(agents, ojson.New("type", bare("http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type", "transmitter", "Transmitter"), "who", org.Clone()))
		}
		e := &event{key: w.p.Key.event("Provenance", w.src, w.extra), typ: "Provenance"}
		e.body = ojson.New("resourceType", "Provenance", "target", targets, "recorded", recorded(first.body), "agent", agents)
		w.d.truth.Alike[e.key] = string(e.key)
		w.emit(e, e.body, e.key, w.d.newID(w.si, e))
	}
}

// event is the key of something that only one source has of the person.
func (k PersonKey) event(typ string, src Source, n int) EventKey {
	return EventKey(string(k) + "/" + typ + "/" + itoa(n) + "@" + string(src.ID))
}

// recorded is when a body says that it was written down.
func recorded(body *object) string {
	for _, k := range []string{"issued", "authoredOn", "date", "effectiveDateTime", "recordedDate"} {
		if t, ok := parseInstant(body.Text(k)); ok {
			return instant(t)
		}
		if t, ok := parseDay(body.Text(k)); ok {
			return instant(t.Add(17 * time.Hour))
		}
	}
	if p := body.Object("period"); p != nil {
		if t, ok := parseInstant(p.Text("start")); ok {
			return instant(t)
		}
	}
	return instant(AsOf())
}
