package demo

import (
	"concord/testharness/issuer"
)

// portalClient is the portal's name at the demo's authorization server.
const portalClient = "concord-portal"

// portalScopes are what the portal asks for. Each user is granted those that fit.
func portalScopes() []string {
	return []string{"openid", "launch/patient", "user/*.rs", "user/Patient.rs", "user/Patient.rus", "patient/*.rs"}
}

// allowSignIn lets the demo's users sign in to the portal: a coordinator, the sample patient, somebody who may see only who
// people are, and somebody who decides it.
func (d *Demo) allowSignIn() {
	d.Issuer.AllowSignIn(issuer.App{ClientID: portalClient, RedirectURI: d.URL + "/", Users: []issuer.User{
		{Subject: "usr-coordinator", Name: "Care coordinator", About: "Sees every patient's whole record", Scopes: []string{"user/*.rs"}},
		{Subject: "usr-patient", Name: d.Sample.Name, About: "A patient, who sees only their own record", Scopes: []string{"launch/patient", "patient/*.rs"}, Patient: d.Sample.Person},
		{Subject: "usr-registration", Name: "Registration desk", About: "Sees who people are, and nothing clinical", Scopes: []string{"user/Patient.rs"}},
		{Subject: "usr-steward", Name: "Data steward", About: "Decides which records are one person's", Scopes: []string{"user/Patient.rus"}},
	}})
}
