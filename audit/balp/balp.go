package balp

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"concord/audit"
)

// Options say who records.
type Options struct {
	Observer string // a name of this gateway, such as its public host; empty: "concord"
	BaseURL  string // of the FHIR server that clients reach; empty: left out, and then no profile is claimed
}

const (
	profiles = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit."

	sysEventType   = "http://terminology.hl7.org/CodeSystem/audit-event-type"
	sysInteraction = "http://hl7.org/fhir/restful-interaction"
	sysDICOM       = "http://dicom.nema.org/resources/ontology/DCM"
	sysParticipant = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
	sysReason      = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
	sysEntityType  = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
	sysEntityRole  = "http://terminology.hl7.org/CodeSystem/object-role"
	sysSourceType  = "http://terminology.hl7.org/CodeSystem/security-source-type"
	sysTransaction = "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType"
)

// verb is how an interaction is shown.
type verb struct {
	action   string // of http://hl7.org/fhir/audit-event-action
	code     string // of sysInteraction
	profile  string // without "Patient" before it; empty: BALP has none
	answered bool   // data flow to the client, so the server is their source
}

var verbs = map[audit.Interaction]verb{
	audit.Read:         {"R", "read", "Read", true},
	audit.VRead:        {"R", "vread", "Read", true},
	audit.History:      {"R", "history-instance", "", true},
	audit.SearchType:   {"E", "search-type", "Query", false},
	audit.Create:       {"C", "create", "Create", false},
	audit.Update:       {"U", "update", "Update", false},
	audit.Patch:        {"U", "patch", "Update", false},
	audit.Delete:       {"D", "delete", "Delete", false},
	audit.Capabilities: {"R", "capabilities", "", true},
	audit.Batch:        {"E", "batch", "", false},
	audit.Transaction:  {"E", "transaction", "", false},
}

// Project appends e as an AuditEvent to b, as one line of JSON; it is pure. It appends nothing for the trail's own
// seals and checkpoints. A profile is claimed only for
// what succeeded and only when all that it requires is known. It holds nothing of e but what the trail holds.
func Project(b []byte, e *audit.Event, o Options) []byte {
	if o.Observer == "" {
		o.Observer = "concord"
	}
	var r auditEvent
	switch {
	case e.Type.OfRequest():
		r = request(e, o)
	case e.Type == audit.EventLinkChanged && e.Link != nil:
		r = link(e)
	case e.Type == audit.EventOpened:
		r = application(coding{sysDICOM, "110100", "Application Activity"}, coding{sysDICOM, "110120", "Application Start"})
	case e.Type == audit.EventConfigChanged:
		r = application(coding{sysDICOM, "110113", "Security Alert"}, coding{sysDICOM, "110131", "Security Configuration"})
		r.Entity = []entity{{What: &reference{Identifier: &identifier{e.Config.String()}, Display: "configuration"}}}
	default:
		return b
	}
	r.ResourceType = "AuditEvent"
	r.Recorded = e.Time.UTC().Format("2006-01-02T15:04:05.000Z")
	if e.Time.IsZero() {
		r.Recorded = time.Unix(0, 0).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	r.Source = source{Site: e.TenantID, Observer: reference{Display: o.Observer},
		Type: []coding{{sysSourceType, "4", "Application Server"}}}
	text, err := json.Marshal(r)
	if err != nil { // there is nothing in r that can't be written
		return b
	}
	return append(b, text...)
}

func request(e *audit.Event, o Options) auditEvent {
	v, ok := verbs[e.Interaction]
	if !ok {
		v = verb{action: "E", code: "operation"}
	}
	r := auditEvent{Type: coding{sysEventType, "rest", "Restful Operation"}, Subtype: []coding{{sysInteraction, v.code, v.code}}, Action: v.action}
	switch e.Type {
	case audit.EventBreakGlass: // DICOM PS3.15: an alert, and what about
		r.Type = coding{sysDICOM, "110113", "Security Alert"}
		r.Subtype = append([]coding{{sysDICOM, "110127", "Emergency Override Started"}}, r.Subtype...)
		v.profile = ""
	case audit.EventIntended:
		v.profile = ""
	}
	r.Outcome, r.OutcomeDesc = outcome(e)
	r.Agent = agents(e, o, v)
	patient := patientOf(e)
	if patient != "" {
		r.Entity = append(r.Entity, entity{What: whatOf("Patient", patient), Type: &coding{sysEntityType, "1", "Person"}, Role: &coding{sysEntityRole, "1", "Patient"}})
	}
	object := &coding{sysEntityType, "2", "System Object"}
	data := false
	switch {
	case v.profile == "Query" || v.action == "E":
		// BALP wants the request as it came. The trail does not have it, so this is its method and route, and says so.
		r.Entity = append(r.Entity, entity{Type: object, Role: &coding{sysEntityRole, "24", "Query"},
			Query: []byte(e.Method.String() + " " + e.Route), Description: "the route; parameters are not recorded"})
		data = true
	case e.ResourceType != "" && e.ResourceID != "":
		r.Entity = append(r.Entity, entity{What: whatOf(e.ResourceType, e.ResourceID), Type: object, Role: &coding{sysEntityRole, "4", "Domain Resource"}})
		data = true
	case e.ResourceType != "":
		r.Entity = append(r.Entity, entity{What: &reference{Type: e.ResourceType, Display: e.ResourceType}, Type: object, Role: &coding{sysEntityRole, "4", "Domain Resource"}})
	}
	r.Entity = append(r.Entity, entity{What: &reference{Identifier: &identifier{e.RequestID}}, Type: &coding{System: sysTransaction, Code: "XrequestId"}, Detail: details(e)})
	if v.profile != "" && r.Outcome == "0" && data && e.RequestID != "" && o.BaseURL != "" && e.SourceIP.IsValid() && e.ClientID != "" {
		p := profiles + v.profile
		if patient != "" {
			p = profiles + "Patient" + v.profile
		}
		r.Meta = &meta{Profile: []string{p}}
	}
	return r
}

// patientOf is the id of the person whose record e is about; empty when nobody knows.
func patientOf(e *audit.Event) string {
	if e.Person == "" && e.ResourceType == "Patient" {
		return e.ResourceID
	}
	return e.Person
}

// whatOf refers to a resource of this gateway. A pseudonym is no id, so it is an identifier.
func whatOf(typ, id string) *reference {
	for i := range len(id) {
		if id[i] == ':' {
			return &reference{Type: typ, Identifier: &identifier{id}}
		}
	}
	return &reference{Reference: typ + "/" + id}
}

// outcome is a code of http://hl7.org/fhir/audit-event-outcome, and why.
func outcome(e *audit.Event) (code, why string) {
	switch {
	case e.Type == audit.EventIntended:
		return "0", "intended"
	case e.Type == audit.EventDenied:
		why = e.Denied.String()
		if e.MissingScope != "" {
			why += ": " + e.MissingScope
		}
		return "4", why
	case e.Outcome == audit.Partial:
		return "0", "partial: a source failed or was only partly read"
	case e.Outcome == audit.Success:
		return "0", ""
	case e.Status >= http.StatusInternalServerError:
		return "8", ""
	}
	return "4", ""
}

// agents are the client, the server, and the user if there is one, with the roles that BALP gives them: in a read the server
// is where the data are from, and in a query or a write the client is.
func agents(e *audit.Event, o Options, v verb) []agent {
	from, to := concept{Coding: []coding{{sysDICOM, "110153", "Source Role ID"}}}, concept{Coding: []coding{{sysDICOM, "110152", "Destination Role ID"}}}
	client, server := agent{Type: &from}, agent{Type: &to, Who: &reference{Display: o.Observer}}
	if v.answered {
		client.Type, server.Type = &to, &from
	}
	client.Who = &reference{Display: "not known: no token, or none that holds"}
	if e.ClientID != "" {
		client.Who = &reference{Identifier: &identifier{e.ClientID}}
	}
	if e.SourceIP.IsValid() {
		client.Network = &network{Address: e.SourceIP.WithZone("").Unmap().String(), Type: "2"}
	}
	if o.BaseURL != "" {
		server.Network = &network{Address: o.BaseURL, Type: "5"}
	}
	var emergency []concept
	if e.BreakGlass || e.Type == audit.EventBreakGlass {
		emergency = []concept{{Coding: []coding{{sysReason, "BTG", "break the glass"}}}}
	}
	if e.PrincipalID == "" || e.PrincipalID == e.ClientID { // the client acts for itself
		client.Requestor, client.Purpose = true, emergency
		return []agent{client, server}
	}
	user := agent{Type: &concept{Coding: []coding{{sysParticipant, "IRCP", "information recipient"}}}, Who: &reference{Identifier: &identifier{e.PrincipalID}},
		Requestor: true, Purpose: emergency}
	if v.action == "C" || v.action == "U" || v.action == "D" {
		user.Type = &concept{Coding: []coding{{sysParticipant, "AUT", "author (originator)"}}}
	}
	if e.PrincipalRole != "" {
		user.Role = []concept{{Text: e.PrincipalRole}}
	}
	return []agent{client, server, user}
}

// details are facts of the trail that have no element of their own.
func details(e *audit.Event) []detail {
	d := []detail{{"gateway_route", e.Route}, {"http_method", e.Method.String()}, {"http_status", strconv.Itoa(e.Status)},
		{"response_ms", strconv.FormatInt(e.Elapsed.Milliseconds(), 10)}, {"user_agent_hash", e.UserAgent.String()}}
	for _, s := range e.Scopes {
		d = append(d, detail{"smart_scope_used", s})
	}
	for _, x := range e.Disclosed {
		d = append(d, detail{"disclosed", x.Type + " " + strconv.Itoa(x.Count)})
	}
	for _, s := range e.Sources {
		d = append(d, detail{"source", string(s.Source) + " " + s.Outcome.String() + " " + strconv.Itoa(s.Resources)})
	}
	kept := d[:0]
	for _, x := range d {
		if x.Value != "" {
			kept = append(kept, x)
		}
	}
	return kept
}

// link shows a change of who is who as DICOM's patient record event.
func link(e *audit.Event) auditEvent {
	person := &coding{sysEntityType, "1", "Person"}
	r := auditEvent{Type: coding{sysDICOM, "110110", "Patient Record"}, Action: "U", Outcome: "0",
		Agent: []agent{{Requestor: true, Who: &reference{Display: "the patient index"}}}}
	if e.PrincipalID != "" {
		r.Agent[0].Who = &reference{Identifier: &identifier{e.PrincipalID}}
	}
	role := &coding{sysEntityRole, "1", "Patient"}
	about := []detail{{"link_action", e.Link.Action.String()}}
	if e.Link.Grade != "" {
		about = append(about, detail{"grade", e.Link.Grade})
	}
	for _, id := range []string{e.Link.Person, e.Link.Patient} {
		if id != "" {
			r.Entity = append(r.Entity, entity{What: whatOf("Patient", id), Type: person, Role: role, Detail: about})
		}
	}
	return r
}

// application shows what the gateway itself did.
func application(typ, subtype coding) auditEvent {
	return auditEvent{Type: typ, Subtype: []coding{subtype}, Action: "E", Outcome: "0",
		Agent: []agent{{Type: &concept{Coding: []coding{{sysDICOM, "110150", "Application"}}}, Who: &reference{Display: "the gateway"}}}}
}
