package feed

import (
	"errors"

	"concord"
	"concord/fhir"
	"concord/mpi"
)

func readNDJSON(in *lines, source concord.SourceID, yield func(Item) bool) (more bool) {
	for {
		line, ok := in.next()
		switch {
		case !ok:
			return true
		case in.long:
			if !yield(Item{Line: in.number, Refused: TooLong}) {
				return false
			}
			continue
		case blank(line):
			continue
		}
		for item := range patients(line, source) {
			item.Line = in.number
			if !yield(item) {
				return false
			}
		}
	}
}

// patients are those of one line: its own, or those of a Bundle.
func patients(line []byte, source concord.SourceID) func(yield func(Item) bool) {
	return func(yield func(Item) bool) {
		r, err := fhir.Parse(line, fhir.Limits{Bytes: maxLine})
		if err != nil {
			yield(Item{Refused: whyNot(err)})
			return
		}
		if r.Type() != "Bundle" {
			yield(patient(r, source))
			return
		}
		for e := range r.Get("entry").Items() {
			if x := e.Get("resource"); x.IsObject() && !yield(patient(fhir.Resource{Value: x}, source)) {
				return
			}
		}
	}
}

func whyNot(err error) Problem {
	var p *fhir.ParseError
	if errors.As(err, &p) {
		switch p.Reason {
		case fhir.InvalidUTF8:
			return NotUTF8
		case fhir.NotAResource:
			return NotPatient
		}
	}
	return NotJSON
}

func patient(r fhir.Resource, source concord.SourceID) Item {
	if r.Type() != fhir.TypePatient {
		return Item{Refused: NotPatient}
	}
	if p := excess(r); p != "" {
		return Item{Refused: p}
	}
	d := mpi.FromPatient(source, r)
	refused, note := check(d)
	if refused != "" {
		return Item{Refused: refused}
	}
	return Item{Demographics: d, Note: note}
}

// excess is what mpi.FromPatient would leave out for its size.
func excess(r fhir.Resource) Problem {
	for name, most := range map[string]int{"name": maxNames, "telecom": maxTelecoms, "address": maxAddresses, "identifier": maxIdentifiers} {
		list := r.Get(name)
		if list.Len() > most {
			return TooMuch
		}
		for v := range list.Items() {
			for _, part := range []string{"given", "suffix", "line"} {
				if v.Get(part).Len() > maxParts {
					return TooMuch
				}
				for s := range v.Get(part).Items() {
					if s.IsString() && len(s.Text()) > maxText {
						return LongText
					}
				}
			}
			for _, part := range []string{"family", "value", "system", "city", "state", "postalCode"} {
				if s := v.Get(part); s.IsString() && len(s.Text()) > maxText {
					return LongText
				}
			}
		}
	}
	for _, name := range []string{"id", "birthDate", "gender"} {
		if s := r.Get(name); s.IsString() && len(s.Text()) > maxText {
			return LongText
		}
	}
	return ""
}
