package mpi

import (
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"concord"
	"concord/fhir"
)

// What is read of a Patient is bounded, so that no source can make matching slow. Longer strings are left out whole: a
// part of one could equal something that the whole does not.
const (
	maxText        = 256 // bytes of a string
	maxNames       = 16
	maxParts       = 8 // given names, suffixes or address lines of one element
	maxTelecoms    = 32
	maxAddresses   = 16
	maxIdentifiers = 64
)

// FromPatient reads of a Patient what matching uses (http://hl7.org/fhir/R4/patient.html). It takes any content: what is
// not as FHIR has it is left out, and so are identifiers without system or value, masked ones, and telecoms that are no
// longer used. What is no Patient has nothing but a Ref, and that is zero without an id.
func FromPatient(source concord.SourceID, r fhir.Resource) Demographics {
	var d Demographics
	if id := r.ID(); id != "" {
		d.Ref = concord.NewPatientRef(source, strings.Clone(id))
	}
	if r.Type() != "Patient" {
		return d
	}
	now := time.Now()
	for v := range first(r.Get("name"), maxNames) {
		n := Name{Use: text(v.Get("use")), Family: text(v.Get("family")), Given: texts(v.Get("given")), Suffix: texts(v.Get("suffix"))}
		n.Old = n.Use == "old" || n.Use == "maiden" || ended(v, now)
		if n.Family != "" || len(n.Given) > 0 {
			d.Names = append(d.Names, n)
		}
	}
	d.BirthDate = text(r.Get("birthDate"))
	d.Gender = text(r.Get("gender"))
	for v := range first(r.Get("telecom"), maxTelecoms) {
		value := text(v.Get("value"))
		if value == "" || v.Get("use").Is("old") || ended(v, now) {
			continue
		}
		switch text(v.Get("system")) {
		case "phone", "sms":
			d.Phones = append(d.Phones, value)
		case "email":
			d.Emails = append(d.Emails, value)
		}
	}
	for v := range first(r.Get("address"), maxAddresses) {
		a := Address{Lines: texts(v.Get("line")), City: text(v.Get("city")), State: text(v.Get("state")), PostalCode: text(v.Get("postalCode")),
			Old: v.Get("use").Is("old") || ended(v, now)}
		if len(a.Lines) > 0 || a.City != "" || a.PostalCode != "" {
			d.Addresses = append(d.Addresses, a)
		}
	}
	for v := range first(r.Get("identifier"), maxIdentifiers) {
		if i, ok := identifier(v, now); ok && !slices.Contains(d.Identifiers, i) {
			d.Identifiers = append(d.Identifiers, i)
		}
	}
	d.BirthOrder, d.Multiple = multipleBirth(r)
	for v := range first(r.Get("link"), maxIdentifiers) {
		if v.Get("type").Is("replaced-by") && d.ReplacedBy == "" {
			d.ReplacedBy = text(v.Path("other", "reference"))
		}
	}
	return d
}

func identifier(v fhir.Value, now time.Time) (Identifier, bool) {
	i := Identifier{System: text(v.Get("system")), Value: text(v.Get("value")), Old: v.Get("use").Is("old") || ended(v, now)}
	if i.System == "" || i.Value == "" || masked(i.Value) {
		return i, false
	}
	for x := range v.Path("_value", "extension").Items() { // what stands there is then not the value
		if x.Get("url").Is("http://hl7.org/fhir/StructureDefinition/data-absent-reason") {
			return i, false
		}
	}
	return i, true
}

// masked tells whether a source hid a part of an identifier, as in xxx-xx-7418.
func masked(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, "*") || strings.Contains(s, "xxx") || strings.Contains(s, "###")
}

// multipleBirth is multipleBirth[x]. Orders above 20 are nobody's.
func multipleBirth(r fhir.Resource) (order int, multiple bool) {
	if v := r.Get("multipleBirthInteger"); v.IsNumber() {
		if n, err := strconv.Atoi(v.Text()); err == nil && n > 0 && n <= 20 {
			return n, true
		}
	}
	v := r.Get("multipleBirthBoolean")
	return 0, !v.IsString() && v.Text() == "true"
}

// ended tells whether the element's period lies in the past. One whose end can't be read has ended.
func ended(v fhir.Value, now time.Time) bool {
	end := v.Path("period", "end")
	if !end.Exists() || !end.IsString() {
		return false
	}
	s := strings.TrimSpace(end.Text())
	for _, layout := range []string{"2006", "2006-01", time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Format(layout) < now.UTC().Format(layout) // the last year, month or day still counts
		}
	}
	t, err := time.Parse(time.RFC3339Nano, s)
	return err != nil || t.Before(now)
}

// first is the first n items of v.
func first(v fhir.Value, n int) iter.Seq[fhir.Value] {
	return func(yield func(fhir.Value) bool) {
		left := n
		for item := range v.Items() {
			if left == 0 || !yield(item) {
				return
			}
			left--
		}
	}
}

// text is a string without space around it, apart from the document; "" for what is no string or too long.
func text(v fhir.Value) string {
	if !v.IsString() || len(v.Raw()) > 6*maxText {
		return ""
	}
	s := strings.TrimSpace(v.Text())
	if len(s) > maxText {
		return ""
	}
	return strings.Clone(s)
}

func texts(v fhir.Value) []string {
	var out []string
	for item := range first(v, maxParts) {
		if s := text(item); s != "" {
			out = append(out, s)
		}
	}
	return out
}
