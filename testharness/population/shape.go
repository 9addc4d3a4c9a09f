package population

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"

	"concord/testharness/internal/ojson"
)

// shape makes a body look as its source writes it. References are still to events.
func (w *writer) shape(e *event, body *object) {
	if e.typ == "Binary" || e.typ == "Provenance" {
		return
	}
	if w.noise.InlineNotes && w.src.Vendor == Athena && e.typ == "DocumentReference" {
		w.inline(body)
	}
	if w.p != nil && w.noise.MedicationForms {
		w.medicationForm(e, body)
	}
	w.shapeUnits(e, body)
	w.shapeConcepts(e, body)
	w.shapeTimes(e, body)
	if w.noise.OwnIdentifiers && w.p != nil {
		w.ownIdentifier(e, body)
	}
	switch w.src.Vendor {
	case Epic:
		if w.noise.EncounterClass && e.typ == "Encounter" && w.coin(0.5, "own class", e) {
			body.Set("class", coding(code{"urn:oid:1.2.840.114350.1.72.1.7.7.10.696784.13260", "13", "Support OP Encounter"}))
		}
		if w.noise.NoDisplay {
			noDisplay(body)
		}
	case Cerner:
		w.shapeCerner(e, body)
	case Athena:
		w.shapeAthena(e, body)
	}
}

// noDisplay takes the display off codings; texts and references keep theirs.
func noDisplay(body *object) {
	ojson.Objects(body, func(o *object) {
		if o.Has("system") && o.Has("code") {
			o.Delete("display")
		}
	})
}

func (w *writer) ownIdentifier(e *event, body *object) {
	r := w.d.seed.stream("own identifier", string(w.src.ID), string(e.key))
	own := ojson.New("system", w.src.localSystem(strings.ToLower(e.typ)), "value", digits(r, 8))
	if e.typ != "Patient" && e.typ != "Practitioner" {
		body.SetAfter("resourceType", "identifier", append(body.List("identifier"), own))
	}
}

// medicationForm says the drug by reference or by a contained resource, as the vendor does.
func (w *writer) medicationForm(e *event, body *object) {
	cc := body.Object("medicationCodeableConcept")
	if cc == nil {
		return
	}
	switch {
	case w.src.Vendor == Epic || w.src.Vendor == Athena && w.coin(0.7, "medication reference", e):
		first, _ := cc.List("coding")[0].(*object)
		if first == nil {
			return
		}
		key := EventKey(shared + "/Medication/" + first.Text("code"))
		if w.d.shared[key] == nil {
			w.d.share(&event{key: key, typ: "Medication", body: ojson.New("resourceType", "Medication", "code", cc.Clone(), "status", "active")})
		}
		body.Rename("medicationCodeableConcept", "medicationReference", ref(key, cc.Text("text")))
	case w.src.Vendor == Cerner && w.coin(0.4, "contained medication", e):
		contained := ojson.New("resourceType", "Medication", "id", "med1", "code", cc)
		body.Rename("medicationCodeableConcept", "medicationReference", ojson.New("reference", "#med1", "display", cc.Text("text")))
		body.SetAfter("resourceType", "contained", append(body.List("contained"), contained))
	}
}

// inline puts a note's text into the attachment. The URL goes, and with it this source's need of a Binary.
func (w *writer) inline(body *object) {
	for _, c := range body.List("content") {
		o, _ := c.(*object)
		if o == nil || o.Object("attachment") == nil {
			continue
		}
		a := o.Object("attachment")
		if to := a.Text("url"); strings.HasPrefix(to, eventRef) {
			if data := w.d.notes[EventKey(to[len(eventRef):])]; data != "" {
				a.Rename("url", "data", data)
			}
		}
	}
}

// shapeTimes writes instants in the source's zone and precision.
func (w *writer) shapeTimes(e *event, body *object) {
	if !w.noise.OtherZones && !w.noise.DatePrecision && !w.noise.PartialDates {
		return
	}
	ojson.Objects(body, func(o *object) {
		for _, k := range o.Keys() {
			s, ok := o.Get(k).(string)
			if !ok {
				continue
			}
			if t, ok := parseInstant(s); ok && w.noise.OtherZones {
				o.Set(k, w.instantIn(e, t, s))
			}
		}
	})
	if w.noise.DatePrecision {
		w.shapeDates(e, body)
	}
	if w.noise.PartialDates && w.src.Vendor == Cerner {
		if t, ok := parseDay(body.Text("onsetDateTime")); ok && t.Before(AsOf().AddDate(-9, 0, 0)) && w.coin(0.6, "partial", e) {
			form := "2006"
			if w.coin(0.4, "month", e) {
				form = "2006-01"
			}
			body.Set("onsetDateTime", t.Format(form))
		}
	}
}

func (w *writer) instantIn(e *event, t time.Time, was string) string {
	switch w.src.Vendor {
	case Epic:
		return instant(t.Truncate(time.Second))
	case Cerner:
		if w.coin(0.09, "offset", e) {
			return eastern(t).Format("2006-01-02T15:04:05.000-07:00")
		}
		return t.UTC().Format("2006-01-02T15:04:05.000Z")
	case Athena:
		switch w.d.seed.pick(3, "zone", string(w.src.ID), string(e.key)) {
		case 0:
			return t.UTC().Format("2006-01-02T15:04:05.000Z")
		case 1:
			return eastern(t).Format("2006-01-02T15:04:05-07:00")
		}
		return eastern(t).Format("2006-01-02T15:04:05.000-07:00")
	}
	return was
}

// shapeDates: athena dresses dates as local midnight, Epic gives the day of some instants.
func (w *writer) shapeDates(e *event, body *object) {
	for _, k := range []string{"onsetDateTime", "performedDateTime", "occurrenceDateTime", "recordedDate", "authoredOn"} {
		s := body.Text(k)
		switch w.src.Vendor {
		case Athena:
			if t, ok := parseDay(s); ok && w.coin(0.5, "midnight "+k, e) {
				body.Set(k, eastern(local(t, 0, 0, 0)).Format("2006-01-02T15:04:05-07:00"))
			}
		case Epic:
			if t, ok := parseInstant(s); ok && (k == "authoredOn" || k == "performedDateTime") {
				body.Set(k, day(t))
			}
		}
	}
}

// other units and how the number goes over.
var otherUnits = map[string]struct {
	unit          string
	factor, shift float64
	decimals      int
}{
	"kg":  {"[lb_av]", 1 / 0.45359237, 0, 1},
	"cm":  {"[in_i]", 1 / 2.54, 0, 1},
	"Cel": {"[degF]", 1.8, 32, 1},
}

func (w *writer) shapeUnits(e *event, body *object) {
	if e.typ != "Observation" {
		return
	}
	ojson.Objects(body, func(o *object) {
		v, ok := o.Get("value").(json.Number)
		if !ok || !o.Has("unit") {
			return
		}
		if u, ok := otherUnits[o.Text("code")]; ok && w.noise.OtherUnits && w.src.Vendor == Epic && w.coin(0.3, "other unit", e) {
			if x, err := v.Float64(); err == nil {
				v = json.Number(strconv.FormatFloat(math.Round((x*u.factor+u.shift)*10)/10, 'f', u.decimals, 64))
				o.Set("value", v)
				o.Set("unit", u.unit)
				o.Set("code", u.unit)
			}
		}
		if w.noise.Decimals && w.src.Vendor == Cerner && strings.Contains(string(v), ".") && len(v) < 12 && w.coin(0.3, "decimals", e) {
			o.Set("value", json.Number(string(v)+"0"))
		}
		if w.noise.FreeUnits && w.src.Vendor == Athena && w.coin(0.7, "free unit", e) {
			o.Delete("system").Delete("code")
			if o.Text("unit") == "10*3/uL" {
				o.Set("unit", "x10e3/uL")
			}
		}
	})
}
