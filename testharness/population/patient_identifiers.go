package population

import (
	"strings"

	"concord/testharness/internal/ojson"
)

// shapeIdentifiers puts the source's record number first, and does to the rest what the vendor does.
func (w *writer) shapeIdentifiers(e *event, body *object, id string) {
	r := w.d.seed.stream("mrn", string(w.src.ID), string(e.key))
	number := digits(r, 7)
	mr := func(text string) *object {
		return ojson.New("coding", ojson.List(coding(code{hl7Code + "v2-0203", "MR", "Medical record number"})), "text", text)
	}
	var own, rest []any
	switch w.src.Vendor {
	case Epic:
		own = ojson.List(ojson.New("use", "usual", "type", ojson.New("text", "EPI"), "system", w.src.MRNSystem(), "value", "E"+number))
	case Cerner:
		own = ojson.List(ojson.New("use", "usual", "type", mr("MRN"), "system", w.src.MRNSystem(), "value", number, "period", ojson.New("start", "2015-01-01T05:00:00.000Z")))
	case Athena:
		own = ojson.List(ojson.New("system", w.src.MRNSystem(), "value", id))
	default:
		own = ojson.List(ojson.New("use", "usual", "type", mr("MRN"), "system", w.src.MRNSystem(), "value", number))
	}
	for _, i := range body.List("identifier") {
		o, ok := i.(*object)
		if !ok || o.Text("system") != usSSN {
			continue
		}
		if w.noise.SSNHidden {
			switch w.src.Vendor {
			case Cerner: // searchable, never shown
				continue
			case Epic:
				o = masked(o.Text("value"))
			}
		}
		rest = append(rest, o)
	}
	if w.noise.ManyIdentifiers {
		switch w.src.Vendor {
		case Epic:
			z := "Z" + digits(r, 4)
			base := "urn:oid:1.2.840.114350.1.13." + w.src.SiteCode() + ".1.7.5.737384"
			add := func(text, system, value string) {
				rest = append(rest, ojson.New("use", "usual", "type", ojson.New("text", text), "system", system, "value", value))
			}
			add("CEID", "urn:oid:1.2.840.114350.1.13."+w.src.SiteCode()+".1.7.3.688884.100", "EPC"+digits(r, 9))
			add("EXTERNAL", base+".4", z)
			add("INTERNAL", base+".4", "     "+z)
			add("FHIR", "http://open.epic.com/FHIR/StructureDefinition/patient-dstu2-fhir-id", "T"+epicID(r, "Patient", false))
			add("FHIR STU3", "http://open.epic.com/FHIR/StructureDefinition/patient-fhir-id", id)
			add("MYCHARTLOGIN", "urn:oid:1.2.840.114350.1.13."+w.src.SiteCode()+".1.7.3.878082.110", strings.ToUpper("MC"+digits(r, 5)))
		case Cerner:
			old := ojson.New("id", "CI-"+digits(r, 9)+"-0", "use", "old", "type", mr("MRN"), "system", w.src.MRNSystem(), "value", digits(r, 7),
				"period", ojson.New("start", "2009-06-01T04:00:00.000Z", "end", "2014-12-31T05:00:00.000Z"))
			unknown := ojson.New("id", "CI-"+digits(r, 9)+"-1", "use", "usual", "type", ojson.New("text", "Federated Person Principal"),
				"_system", absent("unknown"), "value", digits(r, 11))
			rest = append(rest, old, unknown)
		}
	}
	body.Delete("identifier")
	body.SetAfter("extension", "identifier", append(own, rest...))
}

// masked is an SSN as Epic shows it: no value, but one to look at.
func masked(value string) *object {
	last := value
	if len(last) > 4 {
		last = last[len(last)-4:]
	}
	return ojson.New("extension", ojson.List(ojson.New("url", "http://hl7.org/fhir/StructureDefinition/rendered-value", "valueString", "xxx-xx-"+last)),
		"use", "usual", "system", "urn:oid:2.16.840.1.113883.4.1")
}

// absent is the extension that says why something is not there.
func absent(why string) *object {
	return ojson.New("extension", ojson.List(ojson.New("url", "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode", why)))
}

func (w *writer) vendorExtensions(body *object) {
	practice := ojson.New("url", "https://fhir.athena.io/StructureDefinition/ah-practice", "valueReference", ojson.New("reference", "Organization/"+w.src.Practice()))
	sharing := ojson.New("url", "https://fhir.athena.io/StructureDefinition/ah-chart-sharing-group", "valueReference",
		ojson.New("reference", "Organization/"+sharingGroup(w.src)))
	list := append(ojson.List(practice, sharing), body.List("extension")...)
	body.Delete("extension")
	body.SetAfter("resourceType", "extension", list)
}

// narrative is text.div with the patient's name and birth date in it.
func (w *writer) narrative(body *object) {
	what := body.Text("resourceType")
	for _, k := range []string{"code", "vaccineCode", "medicationCodeableConcept", "type"} {
		if cc := body.Object(k); cc != nil && cc.Text("text") != "" {
			what = cc.Text("text")
			break
		}
	}
	esc := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
	div := `<div xmlns="http://www.w3.org/1999/xhtml"><p><b>` + esc.Replace(what) + `</b></p><p><b>Patient Name</b>: ` + esc.Replace(w.name) +
		`</p><p><b>DOB</b>: ` + w.born + `</p></div>`
	body.Delete("text")
	body.SetAfter("resourceType", "text", ojson.New("status", "generated", "div", div))
}

func sharingGroup(s Source) string { return "a-" + s.SiteCode() + ".CSG-1" }
