package population

import (
	"strings"
	"time"

	"concord/testharness/internal/ojson"
)

// writer writes one person's copies, or shared ones, as one source has them.
type writer struct {
	d     *dealer
	si    int
	src   Source
	p     *Person // nil for what is shared
	noise Noise
	name  string // the patient's name as this source writes it
	born  string
	extra int
}

// coin decides about one copy.
func (w *writer) coin(p float64, what string, e *event) bool {
	return w.d.seed.coin(p, what, string(w.src.ID), string(e.key))
}

// write makes the source's copy of e; change is what a planted conflict does to it, or nil.
func (w *writer) write(e *event, change func(*object)) {
	body := e.body.Clone()
	if change != nil {
		change(body)
	}
	w.emit(e, body, e.key, w.d.ids[w.si][e.key])
	if w.p == nil || w.src.Vendor != Athena {
		return
	}
	if w.noise.Repeats && e.typ == "Observation" && w.coin(0.06, "repeat", e) {
		again := e.body.Clone()
		if change != nil {
			change(again)
		}
		w.further(e, "repeat", again, w.d.truth.Alike[e.key])
	}
	if w.noise.EnteredInError && retractable[e.typ] && w.coin(0.12, "entered in error", e) {
		wrong := e.body.Clone()
		retract(wrong)
		w.further(e, "error", wrong, "")
	}
}

var retractable = map[string]bool{"Observation": true, "Condition": true, "AllergyIntolerance": true, "MedicationRequest": true, "Immunization": true}

// retract makes a record one that was entered in error.
func retract(body *object) {
	if body.Has("verificationStatus") {
		system := hl7Code + "condition-ver-status"
		if body.Text("resourceType") == "AllergyIntolerance" {
			system = hl7Code + "allergyintolerance-verification"
		}
		body.Set("verificationStatus", bare(system, "entered-in-error", ""))
		body.Delete("clinicalStatus")
		return
	}
	body.Set("status", "entered-in-error")
}

// further adds a record of the source's own beside its copy of e.
func (w *writer) further(e *event, what string, body *object, alike string) {
	n := *e
	n.key = e.key + EventKey("+"+what+"@"+string(w.src.ID))
	if alike == "" {
		alike = string(w.p.Key) + ":" + saying(body)
	}
	w.d.truth.Alike[n.key] = alike
	w.emit(&n, body, n.key, w.d.newID(w.si, &n))
}

// emit shapes a body as the source would have it, and files it.
func (w *writer) emit(e *event, body *object, key EventKey, id string) {
	w.shape(e, body)
	w.resolve(body)
	if w.noise.AbsoluteReferences && w.src.Vendor == Epic && w.coin(0.08, "absolute", e) {
		absolute(body, w.src.BaseURL()+"/")
	}
	body.Delete("id").Delete("meta")
	body.SetAfter("resourceType", "id", id)
	body.SetAfter("id", "meta", w.meta(e))
	w.file(e.typ, id, body)
	w.d.truth.Event[Copy{w.src.ID, e.typ, id}] = key
	if w.p == nil {
		w.d.truth.Alike[key] = string(key)
	}
}

func (w *writer) file(typ, id string, body *object) {
	patient := ""
	if w.p != nil {
		patient = w.d.ids[w.si][EventKey(string(w.p.Key)+"/Patient/0")]
	}
	w.d.sites[w.si].Resources = append(w.d.sites[w.si].Resources, Resource{typ, id, patient, ojson.Encode(body)})
}

// meta is version and time of the last change: not of the event, but of the copy.
func (w *writer) meta(e *event) *object {
	if w.noise.NoLastUpdated && w.src.Vendor == Epic {
		return nil
	}
	r := w.d.seed.stream("meta", string(w.src.ID), string(e.key))
	at := AsOf().AddDate(0, 0, -r.IntN(700)).Add(-time.Duration(r.IntN(86400)) * time.Second)
	return ojson.New("versionId", itoa(1+r.IntN(4)), "lastUpdated", at.Format("2006-01-02T15:04:05.000Z"))
}

func absolute(body *object, base string) {
	ojson.Objects(body, func(o *object) {
		if to := o.Text("reference"); to != "" && !strings.HasPrefix(to, "#") && !strings.Contains(to, ":") {
			o.Set("reference", base+to)
		}
	})
}

// placeholders puts Epic's "Not on File" where Epic knows of no allergy.
func (w *writer) placeholders() {
	if !w.noise.NotOnFile || w.src.Vendor != Epic {
		return
	}
	prefix := EventKey(string(w.p.Key) + "/AllergyIntolerance/")
	for key := range w.d.ids[w.si] {
		if strings.HasPrefix(string(key), string(prefix)) {
			return
		}
	}
	patient := ref(EventKey(string(w.p.Key)+"/Patient/0"), "")
	body := ojson.New("resourceType", "AllergyIntolerance",
		"clinicalStatus", bare(hl7Code+"allergyintolerance-clinical", "active", "Active"),
		"verificationStatus", bare(hl7Code+"allergyintolerance-verification", "unconfirmed", "Unconfirmed"),
		"code", ojson.New("coding", ojson.List(coding(code{snomed, "1631000175102", "Patient not asked"})), "text", "Not on File"),
		"patient", patient)
	e := &event{key: prefix + EventKey("none@"+string(w.src.ID)), typ: "AllergyIntolerance", body: body}
	w.d.truth.Alike[e.key] = string(w.p.Key) + ":" + saying(body)
	w.emit(e, body.Clone(), e.key, w.d.newID(w.si, e))
}
