package population

import (
	"fmt"
	"strings"

	"concord/testharness/internal/ojson"
)

// compartment has, per type in R4's patient compartment, the element that refers to the patient, where a population can
// hold that type.
var compartment = map[string]string{
	"Account": "subject", "AdverseEvent": "subject", "AllergyIntolerance": "patient", "Appointment": "participant", "BodyStructure": "patient",
	"CarePlan": "subject", "CareTeam": "subject", "ChargeItem": "subject", "Claim": "patient", "ClaimResponse": "patient",
	"ClinicalImpression": "subject", "Communication": "subject", "CommunicationRequest": "subject", "Composition": "subject", "Condition": "subject",
	"Consent": "patient", "Coverage": "beneficiary", "DetectedIssue": "patient", "DeviceRequest": "subject", "DeviceUseStatement": "subject",
	"Device": "patient", "DiagnosticReport": "subject", "DocumentManifest": "subject", "DocumentReference": "subject", "Encounter": "subject",
	"EpisodeOfCare": "patient", "ExplanationOfBenefit": "patient", "FamilyMemberHistory": "patient", "Flag": "subject", "Goal": "subject",
	"ImagingStudy": "subject", "Immunization": "patient", "ImmunizationEvaluation": "patient", "ImmunizationRecommendation": "patient",
	"Invoice": "subject", "List": "subject", "MeasureReport": "subject", "Media": "subject", "MedicationAdministration": "subject",
	"MedicationDispense": "subject", "MedicationRequest": "subject", "MedicationStatement": "subject", "MolecularSequence": "patient",
	"NutritionOrder": "patient", "Observation": "subject", "Procedure": "subject", "QuestionnaireResponse": "subject", "RelatedPerson": "patient",
	"RequestGroup": "subject", "RiskAssessment": "subject", "ServiceRequest": "subject", "Specimen": "subject", "SupplyDelivery": "patient",
	"SupplyRequest": "deliverFor", "Task": "for", "VisionPrescription": "patient",
}

// FromBundles deals patients that come as Bundles, one patient each with references by fullUrl, to the default sources:
// every type of the patient compartment, and what the copies refer to besides. limitPerType above 0 keeps that many
// resources of each type and patient, drawn by the seed. Persons are named by their place in the list. An error means that
// a Bundle is not JSON, or has no Patient.
func FromBundles(s uint64, bundles [][]byte, limitPerType int, noise Noise) (*Population, error) {
	return Options{Seed: s, Noise: noise}.FromBundles(bundles, limitPerType)
}

// FromBundles is the function of that name, with all of the options but Persons, Observations and Decoys.
func (o Options) FromBundles(bundles [][]byte, limitPerType int) (*Population, error) {
	d := newDealer(seed(o.Seed), o)
	persons := make([]Person, len(bundles))
	for i, raw := range bundles {
		b, err := ojson.ParseObject(raw)
		if err != nil {
			return nil, fmt.Errorf("bundle %d: %w", i, err)
		}
		p := &persons[i]
		p.Key = PersonKey(fmt.Sprintf("person%d", i))
		register(d.seed, o, len(d.sources), p)
		patient, events := d.unpack(p, b, limitPerType)
		if patient == nil {
			return nil, fmt.Errorf("bundle %d: no Patient", i)
		}
		describe(p, patient)
		d.deal(p, patient, events)
	}
	return d.population(persons), nil
}

// unpack turns a Bundle into events: references by fullUrl, or by type and id, become references to events.
func (d *dealer) unpack(p *Person, b *object, limit int) (patient *object, events []*event) {
	keys := map[string]EventKey{}
	var bodies []*object
	for _, x := range b.List("entry") {
		entry, _ := x.(*object)
		if entry == nil || entry.Object("resource") == nil {
			continue
		}
		r := entry.Object("resource")
		typ, id := r.Text("resourceType"), r.Text("id")
		key := EventKey(string(p.Key) + "/" + typ + "/" + id)
		switch {
		case typ == "Patient":
			if patient != nil {
				continue
			}
			key = EventKey(string(p.Key) + "/Patient/0")
			patient = r
		case compartment[typ] == "":
			key = EventKey(shared + "/" + typ + "/" + id)
		}
		keys[entry.Text("fullUrl")] = key
		keys[typ+"/"+id] = key
		bodies = append(bodies, r)
	}
	for _, r := range bodies {
		symbolic(r, keys)
		typ := r.Text("resourceType")
		key := keys[typ+"/"+r.Text("id")]
		switch {
		case typ == "Patient":
		case compartment[typ] == "":
			if d.shared[key] == nil {
				d.share(&event{key: key, typ: typ, body: r})
			}
		default:
			events = append(events, &event{key: key, typ: typ, body: r, group: string(key),
				origin: p.sites[d.seed.pick(len(p.sites), "origin", string(key))]})
		}
	}
	return patient, d.limit(p, events, limit)
}

// symbolic replaces references to what the Bundle holds by references to events; others lose their target.
func symbolic(r *object, keys map[string]EventKey) {
	ojson.Objects(r, func(o *object) {
		to := o.Text("reference")
		if to == "" || strings.HasPrefix(to, "#") {
			return
		}
		if k, ok := keys[to]; ok {
			o.Set("reference", eventRef+string(k))
			return
		}
		o.Set("reference", eventRef+"nowhere")
	})
}

// limit keeps n events of each type, in their order.
func (d *dealer) limit(p *Person, events []*event, n int) []*event {
	if n <= 0 {
		return events
	}
	byType := map[string][]int{}
	var types []string
	for i, e := range events {
		if byType[e.typ] == nil {
			types = append(types, e.typ)
		}
		byType[e.typ] = append(byType[e.typ], i)
	}
	keep := make([]bool, len(events))
	for _, t := range types {
		at := byType[t]
		for _, k := range d.seed.stream("limit", string(p.Key), t).Perm(len(at))[:min(n, len(at))] {
			keep[at[k]] = true
		}
	}
	var out []*event
	for i, e := range events {
		if keep[i] {
			out = append(out, e)
		}
	}
	return out
}

// describe fills in what the harness knows of a person from the Patient.
func describe(p *Person, patient *object) {
	patient.Delete("text")
	p.Gender = patient.Text("gender")
	if t, ok := parseDay(patient.Text("birthDate")); ok {
		p.Birth = t
	}
	if names := patient.List("name"); len(names) > 0 {
		if n, ok := names[0].(*object); ok {
			p.Family = n.Text("family")
			for _, g := range n.List("given") {
				if s, ok := g.(string); ok {
					p.Given = append(p.Given, s)
				}
			}
		}
	}
	for _, i := range patient.List("identifier") {
		if o, ok := i.(*object); ok && o.Text("system") == usSSN {
			p.SSN = o.Text("value")
		}
	}
	for _, t := range patient.List("telecom") {
		if o, ok := t.(*object); ok && o.Text("system") == "phone" {
			p.Phone = o.Text("value")
			break
		}
	}
}
