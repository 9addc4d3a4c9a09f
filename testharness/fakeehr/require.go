package fakeehr

import (
	"net/http"
	"slices"
	"strings"

	"concord/testharness/population"
)

// has tells whether a parameter is there with a value, whatever its modifier.
func (c *call) has(names ...string) bool {
	for k, vs := range c.query {
		name, _, _ := strings.Cut(k, ":")
		if slices.Contains(names, name) && len(vs) > 0 && vs[0] != "" {
			return true
		}
	}
	return false
}

// codes are the codes of a token parameter, without systems.
func (c *call) codes(name string) []string {
	var out []string
	for _, v := range c.query[name] {
		for _, x := range strings.Split(v, ",") {
			out = append(out, x[strings.LastIndexByte(x, '|')+1:])
		}
	}
	return out
}

// refusedByVendor checks the parameters that the vendor demands or forbids, and answers as it does.
func (c *call) refusedByVendor() bool {
	switch c.e.o.Vendor {
	case population.Epic:
		return c.refusedByEpic()
	case population.Cerner:
		return c.refusedByCerner()
	case population.Athena:
		return c.refusedByAthena()
	}
	return false
}

// standalone are types that are looked up without a patient.
var standalone = map[string]bool{"Practitioner": true, "PractitionerRole": true, "Organization": true, "Location": true, "Medication": true, "Provenance": true, "Group": true, "Patient": true, "Endpoint": true, "HealthcareService": true}

// Categories that Epic takes for Observation; procedure, therapy and activity are not among them.
var epicObservation = map[string]bool{"social-history": true, "vital-signs": true, "imaging": true, "laboratory": true, "survey": true, "exam": true,
	"core-characteristics": true, "delivery": true, "obstetrics-gynecology": true, "periodontal": true, "sdoh": true, "smartdata": true}

var epicCarePlan = map[string]bool{"38717003": true, "734163000": true, "736271009": true, "736353004": true, "738906000": true, "736378000": true,
	"409073007": true, "inpatient-pathway": true, "care-path": true}

func (c *call) refusedByEpic() bool {
	bad := func(code, text string) bool {
		issue := map[string]string{"59111": "value", "4112": "invalid"}[code]
		if issue == "" {
			issue = "required"
		}
		c.problem(http.StatusBadRequest, "fatal", issue, code, text)
		return true
	}
	if n := len(c.query["patient"]) + len(c.query["subject"]); n > 1 {
		return bad("4112", "more than one patient parameter")
	}
	if c.e.manners.RequiredParams {
		if len(c.query) == 0 {
			return bad("4110", "no parameters")
		}
		if !standalone[c.typ] && !c.has("_id", "patient", "subject") {
			return bad("4111", "patient is required")
		}
		if c.typ == "Observation" && !c.has("_id", "category", "code") {
			return bad("59108", "category or code is required")
		}
		if c.typ == "CarePlan" && !c.has("_id", "category") {
			return bad("59159", "category is required: 38717003, 734163000, 736271009, 736353004, 738906000, 736378000, 409073007, inpatient-pathway, care-path")
		}
		if c.typ == "EpisodeOfCare" && !c.has("_id", "type") {
			return bad("59159", "type is required")
		}
	}
	if c.e.manners.Categories {
		for _, code := range c.codes("category") {
			if c.typ == "Observation" && !epicObservation[code] || c.typ == "CarePlan" && !epicCarePlan[code] {
				return bad("59111", "the category is not supported")
			}
		}
	}
	return false
}

var cernerNeeds = map[string][]string{
	"CareTeam": {"_id", "patient", "subject", "encounter"}, "Encounter": {"_id", "patient", "subject", "account", "identifier"},
	"Provenance": {"_id", "target"}, "Coverage": {"patient", "-encounter", "_id"},
	"Location":     {"_id", "identifier", "-physicalType", "type", "address", "address-state", "address-city", "address-postalcode", "organization", "name"},
	"Practitioner": {"_id", "identifier", "name", "family", "given", "active"}, "Organization": {"_id", "identifier", "type", "name", "address"},
	"Medication": {"_id"},
}

func (c *call) refusedByCerner() bool {
	if !c.e.manners.RequiredParams {
		return false
	}
	bad := func(code, text string) bool {
		c.problem(http.StatusBadRequest, "error", code, "", text)
		return true
	}
	for name, vs := range c.query {
		if len(vs) > 2 || len(vs) == 2 && !strings.HasPrefix(vs[0], "g") && !strings.HasPrefix(vs[0], "l") && name != "_revinclude" {
			return bad("invalid", "parameter given too often: "+name)
		}
	}
	if c.typ == "Patient" {
		return false // has rules of its own
	}
	needs := cernerNeeds[c.typ]
	if needs == nil {
		needs = []string{"_id", "patient", "subject"}
	}
	if !c.has(needs...) {
		return bad("required", "one of these is required: "+strings.Join(needs, ", "))
	}
	switch c.typ {
	case "Observation":
		if c.has("_id") && c.has("patient", "subject", "category", "code", "date") {
			return bad("invalid", "_id stands alone")
		}
	case "CarePlan":
		if !c.has("_id") && !slices.Contains(c.codes("category"), "assess-plan") {
			return bad("required", "category=assess-plan is required")
		}
	}
	if c.has("date") && c.has("_lastUpdated") {
		return bad("invalid", "date and _lastUpdated exclude each other")
	}
	for _, name := range []string{"date", "period", "_lastUpdated", "onset-date"} {
		if text := c.cernerDates(name); text != "" {
			return bad("invalid", text)
		}
	}
	return false
}

// cernerDates checks one date parameter: two must bound a closed range, some need a time, some a prefix.
func (c *call) cernerDates(name string) string {
	vs := c.query[name]
	var low, high bool
	for _, v := range vs {
		prefix, rest := splitPrefix(v)
		switch prefix {
		case "ge", "gt":
			low = true
		case "le", "lt":
			high = true
		}
		timed := strings.Contains(rest, "T")
		switch {
		case name == "date" && c.typ == "Procedure" && !timed:
			return "date needs a time"
		case name == "date" && c.typ == "Encounter" && prefix == "eq":
			return "date needs a prefix"
		case name == "date" && c.typ == "Immunization" && prefix != "le" && prefix != "ge" && prefix != "lt" && prefix != "gt":
			return "date needs le or ge"
		case name == "date" && len(vs) == 2 && (c.typ == "DiagnosticReport" || c.typ == "DocumentReference") && !timed:
			return "both dates need a time"
		}
	}
	if len(vs) == 2 && (!low || !high) {
		return "two dates must bound a closed range"
	}
	return ""
}

func (c *call) refusedByAthena() bool {
	forbid := func(text string) bool {
		c.problem(http.StatusForbidden, "fatal", "forbidden", "", text, c.typ)
		return true
	}
	if c.e.manners.Practice {
		want := c.e.src.Practice()
		got := ""
		for k, vs := range c.query {
			if name, _, _ := strings.Cut(k, ":"); name == "ah-practice" && len(vs) > 0 {
				got = strings.TrimPrefix(vs[0], "Organization/")
			}
		}
		switch got {
		case want:
		case "":
			return forbid("required parameter combinations [[ah-practice]]")
		default:
			return forbid("no access to this practice")
		}
	}
	if !c.e.manners.RequiredParams || c.has("_id") {
		return false
	}
	switch {
	case c.typ == "Provenance" && !c.has("target"):
		return forbid("required parameter combinations [[target],[_id]]")
	case !standalone[c.typ] && !c.has("patient", "subject"):
		return forbid("required parameter combinations [[patient],[_id]]")
	case c.typ == "MedicationRequest" && !c.has("intent"):
		return forbid("required parameter combinations [[patient,intent],[_id]]")
	case c.typ == "CarePlan" && !c.has("category"):
		return forbid("required parameter combinations [[patient,category],[_id]]")
	}
	return false
}

// patientRules are those for searches for a Patient; true means that it is answered.
func (c *call) patientRules(q question) bool {
	switch c.e.o.Vendor {
	case population.Cerner:
		if !c.e.manners.RequiredParams {
			return false
		}
		if !c.has("_id", "identifier", "name", "family", "given", "birthdate", "phone", "email", "address-postalcode") {
			c.problem(http.StatusBadRequest, "error", "required", "", "one of these is required: _id, identifier, name, family, given, birthdate, phone, email, address-postalcode")
			return true
		}
		for _, v := range c.query["birthdate"] {
			if strings.Contains(v, "T") {
				c.problem(http.StatusBadRequest, "error", "invalid", "", "birthdate is a date")
				return true
			}
		}
	case population.Epic:
		if c.e.manners.StrongDemographics && len(q.ids) == 0 && !c.has("identifier") {
			named := c.has("family", "name") && (c.has("given") || c.has("name"))
			if !(named && (c.has("birthdate") || c.has("phone", "telecom", "email"))) && !(c.has("birthdate") && c.has("phone", "telecom", "email") && c.has("family", "given", "name")) {
				c.firstPage(q, nil)
				return true
			}
		}
	case population.Athena:
		if c.e.manners.RequiredParams && !c.has("_id", "identifier", "name", "family", "given", "birthdate", "phone", "email", "telecom") {
			c.problem(http.StatusForbidden, "fatal", "forbidden", "", "required parameter combinations [[_id],[identifier],[name],[family,birthdate],[family,gender],[family,given]]", "Patient")
			return true
		}
	}
	return false
}

// tooMany is the vendor's limit on how many patients a search may find.
func (c *call) tooMany(n int) bool {
	switch {
	case c.e.is(population.Epic) && n > 100:
		c.problem(http.StatusBadRequest, "fatal", "too-costly", "4127", "additional data may exist; narrow the search")
	case c.e.is(population.Cerner) && n > 1000:
		c.problem(http.StatusUnprocessableEntity, "error", "business-rule", "", "more than 1000 patients match")
	default:
		return false
	}
	return true
}
