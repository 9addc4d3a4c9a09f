package population

import (
	"strings"

	"concord/testharness/internal/ojson"
)

// shapeConcepts does to codes what sources do: codes of their own beside the standard ones, other names of the systems,
// broken codes, texts alone.
func (w *writer) shapeConcepts(e *event, body *object) {
	kind := conceptKind(e)
	for _, k := range []string{"code", "vaccineCode", "medicationCodeableConcept"} {
		if cc := body.Object(k); cc != nil {
			w.shapeConcept(e, cc, kind)
		}
	}
	for _, c := range body.List("contained") {
		if m, ok := c.(*object); ok && m.Text("resourceType") == "Medication" && m.Object("code") != nil {
			w.shapeConcept(e, m.Object("code"), "med")
		}
	}
	if e.typ == "Encounter" || e.typ == "DocumentReference" {
		if cc := body.Object("type"); cc != nil {
			w.shapeConcept(e, cc, "visit")
		}
		for _, t := range body.List("type") {
			if cc, ok := t.(*object); ok {
				w.shapeConcept(e, cc, "visit")
			}
		}
	}
	if w.noise.CodeOIDs && w.src.Vendor == Epic && w.coin(0.35, "oids", e) {
		ojson.Objects(body, func(o *object) {
			if oid := systemOIDs[o.Text("system")]; oid != "" && o.Has("code") {
				o.Set("system", oid)
			}
		})
	}
}

func conceptKind(e *event) string {
	switch e.typ {
	case "Observation":
		if hasCategory(e.body, "vital-signs") {
			return "vital"
		}
		return "lab"
	case "MedicationRequest", "Medication":
		return "med"
	case "Condition", "AllergyIntolerance":
		return "problem"
	case "Procedure":
		return "procedure"
	}
	return strings.ToLower(e.typ)
}

func (w *writer) shapeConcept(e *event, cc *object, kind string) {
	codings := cc.List("coding")
	if len(codings) == 0 {
		return
	}
	first, _ := codings[0].(*object)
	if first == nil {
		return
	}
	if w.noise.LocalCodes {
		w.localCode(e, cc, first, kind)
	}
	if w.src.Vendor == Athena && w.noise.BrokenLOINC && w.coin(0.3, "broken loinc", e) {
		for _, c := range codings {
			if o, ok := c.(*object); ok && o.Text("system") == loinc {
				short, _, _ := strings.Cut(o.Text("code"), "-")
				o.Set("code", short)
			}
		}
	}
	if w.src.Vendor == Athena && w.noise.TextOnly && e.typ == "Observation" && cc.Text("text") != "" && w.coin(0.07, "text only", e) {
		cc.Delete("coding")
	}
}

// localCode adds the site's code for the concept; which it is depends on the concept and the site only.
func (w *writer) localCode(e *event, cc, first *object, kind string) {
	value := itoa(int(hash(0, "local code", string(w.src.ID), w.src.SiteCode(), first.Text("system"), first.Text("code"))%900000) + 1000)
	own := ojson.New("system", w.src.localSystem(kind), "code", value, "display", cc.Text("text"))
	list := cc.List("coding")
	switch w.src.Vendor {
	case Epic:
		all := ojson.List(own)
		if kind == "vital" {
			all = append(all, ojson.New("system", "http://open.epic.com/FHIR/StructureDefinition/observation-flowsheet-id", "code", "t"+value, "display", cc.Text("text")))
		}
		all = append(all, list...)
		if e.typ == "Condition" {
			all = append(all, ojson.New("system", "urn:oid:2.16.840.1.113883.3.247.1.1", "code", "IMO"+value))
		}
		cc.Set("coding", all)
	case Cerner:
		own.Set("userSelected", true)
		for _, c := range list {
			if o, ok := c.(*object); ok {
				o.Set("userSelected", false)
			}
		}
		cc.Set("coding", append(ojson.List(own), list...))
	default:
		if w.coin(0.5, "own code", e) {
			cc.Set("coding", append(list, own))
		}
	}
}

func (w *writer) shapeCerner(e *event, body *object) {
	if w.noise.Narrative && w.p != nil {
		w.narrative(body)
		for _, k := range []string{"subject", "patient"} {
			if s := body.Object(k); s != nil {
				s.Set("display", w.name)
			}
		}
	}
	if !w.noise.DataAbsent || w.p == nil {
		return
	}
	if cc := body.Object("code"); cc != nil && e.typ != "Observation" && w.coin(0.12, "absent coding", e) {
		cc.Set("coding", append(cc.List("coding"), absent("unknown")))
	}
	if e.typ == "Immunization" && w.coin(0.3, "absent lot", e) {
		body.Delete("lotNumber")
		body.SetAfter("primarySource", "_lotNumber", absent("unknown"))
	}
	if e.typ == "MedicationRequest" && w.coin(0.1, "absent requester", e) && body.Object("requester") != nil {
		body.Set("requester", absent("unknown"))
	}
}

func (w *writer) shapeAthena(e *event, body *object) {
	if w.noise.VendorExtensions && w.p != nil {
		w.vendorExtensions(body)
	}
	if !w.noise.MissingElements {
		return
	}
	switch e.typ {
	case "Condition":
		if w.coin(0.8, "no clinical status", e) {
			body.Delete("clinicalStatus").Delete("abatementDateTime")
		}
		if w.coin(0.3, "no onset", e) {
			body.Delete("onsetDateTime")
		}
	case "Observation":
		body.Delete("issued")
	}
}
