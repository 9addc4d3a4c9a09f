package smart

import (
	"concord"
	"concord/fhir"
	"concord/mpi"
)

// Access is one thing that a caller wants to do. It holds PHI (the person's id).
type Access struct {
	Type        fhir.ResourceType // "" for what is not about a type, such as $graphql
	Interaction fhir.Interaction
	Patient     mpi.PersonID // the person asked for; "" when the question names none, or it is not known yet
	// OtherPatient is set when some part of the question names a patient who is not Patient, or one who is not known.
	OtherPatient bool
}

// Lack says why a grant does not cover an access, from a closed set.
type Lack uint8

// The lacks.
const (
	LacksScope   Lack = iota + 1 // no scope covers it
	LacksContext                 // a patient/ scope would, but the token names no patient
	OtherPatient                 // a patient/ scope does, but the question is about someone else
)

var lackNames = [...]string{"none", "insufficient-scope", "no-patient-context", "other-patient"}

// String is the reason code.
func (l Lack) String() string {
	if int(l) < len(lackNames) {
		return lackNames[l]
	}
	return lackNames[0]
}

// Missing is the cause of the Fault, Forbidden, that Grant.Check returns. It holds no PHI and may be shown to the client.
type Missing struct {
	Lack Lack
	// Scope is what would suffice, for the scope attribute of WWW-Authenticate (RFC 6750 §3): one scope, or two when
	// the launch context is missing. "" for a type that R4 does not have or an interaction that no scope covers.
	Scope string
}

// Error is the reason code and the scope.
func (m *Missing) Error() string { return m.Lack.String() + ": " + m.Scope }

// need is what an interaction demands.
type need struct {
	perms   Permission // any of these
	all     bool       // or all of these
	free    bool       // nothing: a verified token is enough
	patient bool       // patient/ scopes count
	user    bool       // user/ scopes count
}

// ok tells whether p is enough.
func (n need) ok(p Permission) bool {
	if n.all {
		return p&n.perms == n.perms
	}
	return p&n.perms != 0
}

// counts tells whether scopes with prefix p count.
func (n need) counts(p Prefix) bool {
	return p == SystemScope || p == UserScope && n.user || p == PatientScope && n.patient
}

// needOf is what interaction i demands on type t (SMART App Launch 2.2, scopes for requesting FHIR resources). What is not listed demands
// what no scope has.
func needOf(i fhir.Interaction, t fhir.ResourceType) need {
	switch i {
	case fhir.Read, fhir.VRead:
		return need{perms: PermRead, patient: true, user: true}
	case fhir.SearchType, fhir.Page, fhir.History:
		return need{perms: PermSearch, patient: true, user: true}
	case fhir.Everything:
		if t == fhir.TypePatient { // where it starts, which is a read
			return need{perms: PermRead, patient: true, user: true}
		}
		return need{perms: PermRead | PermSearch, patient: true, user: true}
	case fhir.Create:
		return need{perms: PermCreate, patient: true, user: true}
	case fhir.Update, fhir.Patch:
		return need{perms: PermUpdate, patient: true, user: true}
	case fhir.Delete:
		return need{perms: PermDelete, patient: true, user: true}
	case fhir.Match, fhir.Pix: // they look through everybody
		return need{perms: PermSearch, user: true}
	case fhir.Export:
		return need{perms: PermRead | PermSearch, all: true}
	case fhir.GraphQL, fhir.Validate, fhir.Capabilities:
		return need{free: true}
	}
	return need{}
}

// letters is how the permissions are named to a client that lacks them: v2, and reading always as a whole, since hardly
// anyone can use one half of it.
func (n need) letters() string {
	if n.perms&(PermRead|PermSearch) != 0 {
		return (PermRead | PermSearch).String()
	}
	return n.perms.String()
}

// forbid makes the Fault for an access that is not covered. have is the prefix that the token's scopes use.
func forbid(a Access, n need, lack Lack, have Prefix) *concord.Fault {
	m := &Missing{Lack: lack}
	p := have
	switch {
	case lack == OtherPatient, p == 0 && !n.patient:
		p = UserScope // no patient/ scope of this token would do
	case p == 0:
		p = PatientScope
	}
	if !n.counts(p) {
		if p = SystemScope; n.user {
			p = UserScope
		}
	}
	if n.perms != 0 && fhir.KnownType(a.Type) {
		m.Scope = p.String() + "/" + string(a.Type) + "." + n.letters()
		if lack == LacksContext {
			m.Scope = "launch/patient " + m.Scope
		}
	}
	return &concord.Fault{Op: "authorize", Kind: concord.Forbidden, Err: m}
}
