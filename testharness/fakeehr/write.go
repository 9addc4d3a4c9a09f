package fakeehr

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"concord/testharness/population"
)

// What the vendors let clients create.
var creatable = map[population.Vendor]string{
	population.Epic:   "AllergyIntolerance BodyStructure Communication ConceptMap Condition DocumentReference Observation Patient Procedure QuestionnaireResponse ServiceRequest",
	population.Cerner: "AllergyIntolerance Appointment Basic Communication Condition Coverage DiagnosticReport DocumentReference Encounter FamilyMemberHistory Immunization MedicationRequest Observation Organization Patient Practitioner Procedure Provenance RelatedPerson",
	population.Athena: "QuestionnaireResponse",
}

// What they let clients update.
var updatable = map[population.Vendor]string{
	population.Epic:   "BodyStructure DiagnosticReport DocumentReference Observation Procedure ServiceRequest Task",
	population.Cerner: "AllergyIntolerance Condition DocumentReference FamilyMemberHistory Immunization Observation QuestionnaireResponse",
}

// write answers a create, which files what it is given under a new id, or an update.
func (c *call) write() {
	list, ok := creatable[c.e.o.Vendor]
	if c.what == "update" {
		list, ok = updatable[c.e.o.Vendor], !c.e.is(population.Generic)
	}
	if ok && !strings.Contains(" "+list+" ", " "+c.typ+" ") {
		c.problem(http.StatusMethodNotAllowed, "error", "not-supported", "", c.what+" is not supported for this type")
		return
	}
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, 8<<20))
	var doc map[string]any
	if err != nil || json.Unmarshal(b, &doc) != nil || doc["resourceType"] != c.typ {
		c.problem(http.StatusBadRequest, "fatal", "structure", "59177", "the body is not such a resource")
		return
	}
	status := http.StatusOK
	if c.what == "create" {
		status = http.StatusCreated
		c.id = c.newID()
	} else if c.e.store.get(c.typ, c.id) == nil {
		c.problem(http.StatusNotFound, "error", "not-found", "", "no such resource")
		return
	} else if m := c.r.Header.Get("If-Match"); m != "" && m != `W/"1"` {
		code := http.StatusPreconditionFailed
		if c.e.is(population.Cerner) {
			code = http.StatusConflict
		}
		c.problem(code, "error", "conflict", "", "the version is out of date")
		return
	}
	doc["id"] = c.id
	if b, err = json.Marshal(doc); err == nil {
		err = c.e.store.put(b, "", "")
	}
	if err != nil {
		c.problem(http.StatusInternalServerError, "fatal", "exception", "59177", "internal error")
		return
	}
	c.w.Header().Set("Location", c.e.URL()+"/"+c.typ+"/"+c.id)
	c.status(status)
	c.put(status, nil)
}

func (c *call) newID() string {
	n := 900_000_000 + c.e.requests.Load()
	switch c.e.o.Vendor {
	case population.Epic:
		return fmt.Sprintf("eNEW.%018d-3", n)
	case population.Athena:
		return fmt.Sprintf("a-%s.%s-%d", c.e.src.SiteCode(), strings.ToLower(c.typ), n)
	}
	return fmt.Sprint(n)
}
