package gateway

import (
	"errors"
	"net/http"
	"strconv"

	"concord"
	"concord/fhir"
	"concord/mpi"
	"concord/smart"
)

// review answers $mpi-review: with GET what waits for somebody to say whether two patients are one person, with POST what was
// said. It takes the rights to search for and to change any patient.
func (x *exchange) review() (*answer, *problem) {
	for _, i := range []fhir.Interaction{fhir.Match, fhir.Update} {
		a := smart.Access{Type: fhir.TypePatient, Interaction: i}
		if p := x.check(a); p != nil {
			return nil, p
		}
		if x.grant.Confined(a) {
			return nil, x.hidden()
		}
	}
	all, bad := x.parameters()
	if bad != nil {
		return nil, bad
	}
	if x.r.Method == http.MethodPost {
		return x.decide(all)
	}
	after, count := int64(0), pageSize
	for _, p := range all {
		n, err := strconv.ParseInt(p.value, 10, 64)
		switch {
		case p.key == "_format":
		case p.key == "_count" && err == nil && n > 0:
			count = int(min(n, maxPage))
		case p.key == "after" && err == nil && n >= 0:
			after = n
		default:
			return nil, invalidParam(p.key, "_count and after are all that is asked, and both are numbers")
		}
	}
	out := []byte(`{"resourceType":"Parameters"`)
	r := x.g.newRenderer()
	told := 0
	for w, err := range x.g.cfg.Registry.Index.Waiting(x.ctx, after) {
		if err != nil {
			return nil, ofFault(err)
		}
		if !x.sees(w) {
			continue
		}
		if told == count {
			out = append(out, `,{"name":"more","valueBoolean":true}`...)
			break
		}
		sep := `,`
		if told == 0 {
			sep = `,"parameter":[`
		}
		out = appendReview(append(out, sep...), w, r)
		told++
	}
	if told > 0 {
		out = append(out, ']')
	}
	if err := x.remember(r); err != nil {
		return nil, ofFault(err)
	}
	return okay(append(out, '}')), nil
}

// sees tells whether the caller's tenant reaches both of a review's sources.
func (x *exchange) sees(w mpi.Review) bool {
	return x.reaches(w.A.Source) && (w.B.IsZero() || x.reaches(w.B.Source))
}

// appendReview writes a review without anything of what its patients look like.
func appendReview(out []byte, w mpi.Review, r *renderer) []byte {
	part := func(name, kind, value string) {
		out = append(out, `{"name":"`+name+`","value`+kind+`":`...)
		if kind == "Decimal" {
			out = append(out, value...)
		} else {
			out = fhir.AppendString(out, value)
		}
		out = append(out, `},`...)
	}
	out = append(out, `{"name":"review","part":[`...)
	part("number", "String", strconv.FormatInt(w.Number, 10))
	part("reason", "Code", string(w.Reason))
	part("queued", "Instant", w.Queued.UTC().Format("2006-01-02T15:04:05.000Z"))
	if w.Decision.Grade > 0 {
		part("grade", "Code", w.Decision.Grade.String())
		part("score", "Decimal", strconv.FormatFloat(w.Decision.Score, 'f', 2, 64))
		part("rule", "String", w.Decision.Rule)
	}
	for _, f := range w.Decision.Fields {
		out = append(out, `{"name":"field","part":[`...)
		part("name", "Code", string(f.Field))
		part("level", "Code", string(f.Level))
		part("weight", "Decimal", strconv.FormatFloat(f.Weight, 'f', 1, 64))
		out = append(out[:len(out)-1], `]},`...)
	}
	for _, ref := range []concord.PatientRef{w.A, w.B} {
		if !ref.IsZero() {
			out = append(out, `{"name":"patient","valueReference":{"reference":"Patient/`+r.name(ref.Source, fhir.TypePatient, ref.Reveal())+`"}},`...)
		}
	}
	return append(out[:len(out)-1], `]}`...)
}

// decide settles a review as somebody has said: number, and decision, which is link or reject.
func (x *exchange) decide(all []pair) (*answer, *problem) {
	var number int64
	var state mpi.ReviewState
	for _, p := range all {
		switch {
		case p.key == "_format":
		case p.key == "number" && number == 0:
			n, err := strconv.ParseInt(p.value, 10, 64)
			if err != nil || n < 1 {
				return nil, invalidParam(p.key, "this is the number of a review")
			}
			number = n
		case p.key == "decision" && state == "" && p.value == "link":
			state = mpi.ReviewLinked
		case p.key == "decision" && state == "" && p.value == "reject":
			state = mpi.ReviewRejected
		default:
			return nil, invalidParam(p.key, "number and decision (link or reject) are all that is asked, each once")
		}
	}
	if number == 0 || state == "" {
		return nil, refuse(http.StatusBadRequest, "required", "which number, and which decision?")
	}
	if x.token.Subject == "" {
		return nil, refuse(http.StatusForbidden, "forbidden", "a decision is somebody's: the token names no user")
	}
	w, err := x.g.cfg.Registry.Index.Review(x.ctx, number)
	switch {
	case errors.Is(err, concord.NotFound), err == nil && !x.sees(w):
		return nil, notFound("no such review")
	case err != nil:
		return nil, ofFault(err)
	}
	w, err = x.g.cfg.Registry.Index.By(x.token.Subject).Resolve(x.ctx, number, state)
	switch {
	case errors.Is(err, concord.Conflict):
		return nil, refuse(http.StatusConflict, "conflict", "it is settled already, or the two can't be one person")
	case errors.Is(err, concord.NotFound):
		return nil, notFound("no such review")
	case err != nil:
		return nil, ofFault(err)
	}
	out := []byte(`{"resourceType":"Parameters","parameter":[{"name":"number","valueString":"` + strconv.FormatInt(number, 10) + `"},{"name":"state","valueCode":"` + string(w.State) + `"}]}`)
	return okay(out), nil
}
