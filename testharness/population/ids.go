package population

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

const epicAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."

// newID makes an id in the style of the source's vendor, unique at the source. It depends on nothing but seed, source and
// event, so that no option moves the ids of others.
func (d *dealer) newID(si int, e *event) string {
	src := d.sources[si]
	for try := 0; ; try++ {
		r := d.seed.stream("id", string(src.ID), string(e.key), itoa(try))
		var id string
		switch src.Vendor {
		case Epic:
			id = epicID(r, e.typ, d.o.Noise.LongIDs)
		case Cerner:
			id = cernerID(r, e)
		case Athena:
			id = athenaID(r, e.typ, src.SiteCode())
		default:
			id = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
		}
		if !d.used[si][id] {
			d.used[si][id] = true
			return id
		}
	}
}

func epicID(r *rand.Rand, typ string, long bool) string {
	n := 23
	switch typ {
	case "Patient", "Practitioner", "Organization", "Location":
	case "Observation", "AllergyIntolerance", "Medication", "Binary":
		if long && r.IntN(2) == 0 {
			n = 65 + r.IntN(65)
			break
		}
		fallthrough
	default:
		if r.IntN(3) == 0 {
			n = 44
		}
	}
	b := make([]byte, n)
	for i := range b {
		b[i] = epicAlphabet[r.IntN(len(epicAlphabet))]
	}
	last := n - 1
	b[last] = '3' // they end in a character that is no punctuation
	return "e" + string(b)
}

func cernerID(r *rand.Rand, e *event) string {
	n := itoa(10000000 + r.IntN(989999999))
	switch e.typ {
	case "Condition":
		if hasCategory(e.body, "problem-list-item") {
			return "p" + n
		}
		return "d" + n
	case "Observation":
		switch {
		case hasCategory(e.body, "vital-signs"):
			if e.body.Has("component") {
				return "VS-BP-" + n + "-" + digits(r, 8)
			}
			return "VS-" + n
		case hasCategory(e.body, "social-history"):
			return "SH-1-" + n
		}
		return "L-" + n
	case "Immunization":
		if r.IntN(4) == 0 {
			return "HM" + n
		}
		return "M" + n
	case "Provenance":
		return "INT.doc-" + n
	case "Binary":
		return "XR-" + n
	case "CareTeam":
		return n + "-" + digits(r, 9) + "-longitudinal"
	case "Goal", "CarePlan":
		return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	}
	return n
}

var athenaKinds = map[string]string{
	"Patient": "E", "Encounter": "encounter", "Observation": "resultamb", "Condition": "ambproblem", "MedicationRequest": "medrequest",
	"AllergyIntolerance": "allergyamb", "Immunization": "vaccineamb", "Procedure": "procamb", "DiagnosticReport": "reportamb",
	"DocumentReference": "clinicaldocument", "CarePlan": "CP", "CareTeam": "careteam", "Goal": "goal", "Practitioner": "Provider",
	"Organization": "Department", "Location": "Location", "Medication": "medication", "Provenance": "prda", "Binary": "binary",
}

func athenaID(r *rand.Rand, typ, practice string) string {
	kind := athenaKinds[typ]
	if kind == "" {
		kind = strings.ToLower(typ)
	}
	if typ == "Medication" {
		practice = "1" // shared by all practices
	}
	return "a-" + practice + "." + kind + "-" + itoa(1000+r.IntN(99999000))
}

func hasCategory(body *object, want string) bool {
	for _, c := range body.List("category") {
		cc, _ := c.(*object)
		if cc == nil {
			continue
		}
		for _, x := range cc.List("coding") {
			if o, _ := x.(*object); o != nil && o.Text("code") == want {
				return true
			}
		}
	}
	return false
}
