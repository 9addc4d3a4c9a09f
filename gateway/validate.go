package gateway

import (
	"io"
	"net/http"

	"concord/fhir"
	"concord/validate"
)

// validate answers $validate (R4 Resource-validate): of the resource in the body, or without one of the copy that the path
// names. Any token will do for the first; the second is a read.
func (x *exchange) validate() (*answer, *problem) {
	all, bad := pairs(x.r.URL.RawQuery)
	if bad != nil {
		return nil, bad
	}
	o := validate.Options{}
	for _, p := range all {
		switch p.key {
		case "profile":
			o.Profile = p.value
		case "mode", "_format":
		default:
			return nil, refuse(http.StatusBadRequest, "not-supported", "this parameter is not supported")
		}
	}
	r, bad := x.toValidate(&o)
	if bad != nil {
		return nil, bad
	}
	report := validate.Resource(r, o)
	a := okay(report.AppendOutcome(nil))
	a.errors = !report.Valid()
	return a, nil
}

// toValidate is the resource that is to be validated; a Parameters body may name the profile too.
func (x *exchange) toValidate(o *validate.Options) (fhir.Resource, *problem) {
	body, err := io.ReadAll(x.r.Body)
	switch {
	case err != nil:
		return fhir.Resource{}, refuse(http.StatusRequestEntityTooLarge, "too-long", "the body is too long")
	case len(body) == 0 && x.route.id != "":
		return x.copyToValidate()
	case len(body) == 0:
		return fhir.Resource{}, refuse(http.StatusBadRequest, "required", "there is no resource to validate")
	case !isJSON(x.r.Header.Get("Content-Type")):
		return fhir.Resource{}, refuse(http.StatusUnsupportedMediaType, "not-supported", "the body is application/fhir+json")
	}
	r, err := fhir.Parse(body, fhir.Limits{})
	if err != nil {
		return r, refuse(http.StatusBadRequest, "structure", "the body is no JSON object, or not UTF-8")
	}
	if r.Type() != fhir.TypeParameters || x.route.typ == fhir.TypeParameters {
		return r, x.rightType(r)
	}
	var given fhir.Resource
	for p := range r.Get("parameter").Items() {
		switch name := p.Get("name"); {
		case name.Is("resource"):
			given = fhir.Resource{Value: p.Get("resource")}
		case name.Is("profile"):
			for _, member := range []string{"valueUri", "valueCanonical", "valueUrl", "valueString"} {
				if v := p.Get(member); v.IsString() {
					o.Profile = v.Text()
				}
			}
		case name.Is("mode"):
		default:
			return r, refuse(http.StatusBadRequest, "not-supported", "a parameter in the body is not supported")
		}
	}
	if !given.IsObject() && x.route.id != "" {
		return x.copyToValidate()
	}
	if !given.IsObject() {
		return r, refuse(http.StatusBadRequest, "required", "there is no resource to validate")
	}
	return given, x.rightType(given)
}

func (x *exchange) rightType(r fhir.Resource) *problem {
	if !r.Get("resourceType").Is(string(x.route.typ)) {
		return refuse(http.StatusBadRequest, "invalid", "the resource is not of the path's type")
	}
	return nil
}

// copyToValidate is the resource that the path names.
func (x *exchange) copyToValidate() (fhir.Resource, *problem) {
	f, bad := x.get(x.route.typ, x.route.id)
	if bad != nil {
		return fhir.Resource{}, bad
	}
	x.concerns(f.person.ID)
	x.resource = f.id
	return f.Survivor.Resource, nil
}
