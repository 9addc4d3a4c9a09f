package population

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"concord/testharness/internal/ojson"
)

// patientBody is the person as he or she is; the sources add their record numbers.
func patientBody(p *Person) *object {
	race, ethnicity := races[p.race], ethnicities[p.ethnicity]
	omb := func(url string, c code) *object {
		return ojson.New("extension", ojson.List(ojson.New("url", "ombCategory", "valueCoding", coding(c)), ojson.New("url", "text", "valueString", c.display)), "url", url)
	}
	sex := "F"
	if p.Gender == "male" {
		sex = "M"
	}
	var given []any
	for _, g := range p.Given {
		given = append(given, g)
	}
	var suffix []any
	if p.Suffix != "" {
		suffix = ojson.List(p.Suffix)
	}
	names := ojson.List(ojson.New("use", "official", "family", p.Family, "given", given, "suffix", suffix))
	if p.Former != "" {
		names = append(names, ojson.New("use", "old", "family", p.Former, "given", ojson.Clone(given),
			"period", ojson.New("end", p.Birth.AddDate(25, 0, 0).Format(dateForm))))
	}
	addresses := ojson.List(addressBody(p.Address, "home"))
	if p.OldAddress != (Address{}) {
		old := addressBody(p.OldAddress, "old")
		old.Set("period", ojson.New("end", AsOf().AddDate(-2, 0, 0).Format(dateForm)))
		addresses = append(addresses, old)
	}
	var twin any
	if p.TwinOrder > 0 {
		twin = p.TwinOrder
	}
	marital := bare(hl7Code+"v3-MaritalStatus", "M", "Married")
	if p.Former == "" {
		marital = bare(hl7Code+"v3-MaritalStatus", "S", "Never Married")
	}
	return ojson.New("resourceType", "Patient",
		"extension", ojson.List(omb(usCore+"us-core-race", race), omb(usCore+"us-core-ethnicity", ethnicity),
			ojson.New("url", usCore+"us-core-birthsex", "valueCode", sex)),
		"identifier", ojson.List(ojson.New("use", "usual", "type", bare(hl7Code+"v2-0203", "SS", "Social Security number"), "system", usSSN, "value", p.SSN)),
		"active", true, "name", names,
		"telecom", ojson.List(ojson.New("system", "phone", "value", dashed(p.Phone), "use", "home"), ojson.New("system", "email", "value", p.Email)),
		"gender", p.Gender, "birthDate", p.Birth.Format(dateForm), "address", addresses, "maritalStatus", marital, "multipleBirthInteger", twin,
		"communication", ojson.List(ojson.New("language", bare("urn:ietf:bcp:47", "en", "English"), "preferred", true)))
}

func addressBody(a Address, use string) *object {
	return ojson.New("use", use, "line", ojson.List(a.Line), "city", a.City, "state", a.State, "postalCode", a.PostalCode, "country", "US")
}

func dashed(phone string) string { return phone[:3] + "-" + phone[3:6] + "-" + phone[6:] }

// writePatient files the source's record of the person, and remembers how it calls him or her.
func (w *writer) writePatient(e *event) {
	body := e.body.Clone()
	id := w.d.ids[w.si][e.key]
	w.shapeNames(e, body)
	w.shapeContacts(e, body)
	w.shapeIdentifiers(e, body, id)
	if w.noise.BirthDateTypos && w.d.seed.coin(0.02, "birth date", string(w.p.Key)) && w.p.sites[w.d.seed.pick(len(w.p.sites), "typo at", string(w.p.Key))] == w.si {
		body.Set("birthDate", mistyped(body.Text("birthDate")))
	}
	w.born = body.Text("birthDate")
	if w.noise.NoDisplay && w.src.Vendor == Epic {
		noDisplay(body)
	}
	if w.noise.VendorExtensions && w.src.Vendor == Athena {
		w.vendorExtensions(body)
	}
	if w.noise.Narrative && w.src.Vendor == Cerner {
		w.narrative(body)
	}
	body.Delete("id").Delete("meta")
	body.SetAfter("resourceType", "id", id)
	body.SetAfter("id", "meta", w.meta(e))
	w.file("Patient", id, body)
}

// mistyped swaps day and month where that is a date, or else misses by one year.
func mistyped(date string) string {
	t, ok := parseDay(date)
	if !ok {
		return date
	}
	if t.Day() <= 12 && t.Day() != int(t.Month()) {
		return fmt.Sprintf("%04d-%02d-%02d", t.Year(), t.Day(), int(t.Month()))
	}
	return time.Date(t.Year()-1, t.Month(), min(t.Day(), 28), 0, 0, 0, 0, time.UTC).Format(dateForm)
}

func (w *writer) shapeNames(e *event, body *object) {
	n := w.noise
	names := body.List("name")
	if len(names) == 0 {
		return
	}
	first, ok := names[0].(*object)
	if !ok {
		return
	}
	if len(names) > 1 && n.FormerNames && w.coin(0.3, "former name", e) {
		if old, ok := names[1].(*object); ok {
			first.Set("family", old.Text("family"))
			body.Set("name", names[:1])
		}
	}
	var given []string
	for _, g := range first.List("given") {
		if s, ok := g.(string); ok {
			given = append(given, s)
		}
	}
	family := first.Text("family")
	if len(given) > 0 && n.Nicknames && w.coin(0.15, "nickname", e) {
		if w.p.Nickname != "" {
			given[0] = w.p.Nickname
		} else if nick := nicknames[given[0]]; len(nick) > 0 {
			given[0] = nick[0]
		}
	}
	if len(given) > 1 && n.MiddleInitials && w.coin(0.5, "initial", e) {
		if w.coin(0.4, "no middle name", e) {
			given = given[:1]
		} else {
			_, size := utf8.DecodeRuneInString(given[1])
			given[1] = given[1][:size]
		}
	}
	if n.NameHyphens && strings.Contains(family, "-") && w.coin(0.6, "hyphen", e) {
		if w.coin(0.5, "first part", e) {
			family, _, _ = strings.Cut(family, "-")
		} else {
			family = strings.ReplaceAll(family, "-", " ")
		}
	}
	if n.SuffixDropped && w.coin(0.4, "suffix", e) {
		first.Delete("suffix")
	}
	if n.NameTruncated && (w.src.Vendor == Athena || w.coin(0.1, "truncated", e)) {
		limit := 20
		if w.coin(0.2, "short field", e) {
			limit = 12
		}
		family = truncate(family, limit)
		for i := range given {
			given[i] = truncate(given[i], limit)
		}
	}
	if n.NameCase && w.coin(map[Vendor]float64{Cerner: 0.5, Epic: 0.1}[w.src.Vendor], "upper case", e) {
		family = strings.ToUpper(family)
		for i := range given {
			given[i] = strings.ToUpper(given[i])
		}
	}
	first.Set("family", family)
	var list []any
	for _, g := range given {
		list = append(list, g)
	}
	first.Set("given", list)
	w.name = strings.TrimSpace(strings.Join(given, " ") + " " + family)
	if first.Has("text") {
		first.Set("text", w.name)
	}
}

func truncate(s string, runes int) string {
	r := []rune(s)
	if len(r) > runes {
		return string(r[:runes])
	}
	return s
}

func (w *writer) shapeContacts(e *event, body *object) {
	if w.noise.PhoneFormats {
		for _, t := range body.List("telecom") {
			o, ok := t.(*object)
			if !ok || o.Text("system") != "phone" {
				continue
			}
			d := strings.Map(func(c rune) rune {
				if c < '0' || c > '9' {
					return -1
				}
				return c
			}, o.Text("value"))
			if len(d) != 10 {
				continue
			}
			switch w.d.seed.pick(4, "phone", string(w.src.ID), string(e.key)) {
			case 0:
				o.Set("value", "("+d[:3]+") "+d[3:6]+"-"+d[6:])
			case 1:
				o.Set("value", "+1"+d)
			case 2:
				o.Set("value", d)
			}
		}
	}
	list := body.List("address")
	if len(list) > 1 && w.noise.AddressMoved && w.coin(0.3, "not told of the move", e) {
		if old, ok := list[1].(*object); ok {
			old.Set("use", "home").Delete("period")
			list = list[1:]
			body.Set("address", list)
		}
	}
	if w.noise.StreetFormats && w.coin(0.5, "street", e) {
		for _, a := range list {
			o, ok := a.(*object)
			if !ok {
				continue
			}
			lines := o.List("line")
			for i, l := range lines {
				s, _ := l.(string)
				words := strings.Fields(s)
				for j, word := range words {
					if short := streetShort[word]; short != "" {
						words[j] = short
					}
				}
				s = strings.Join(words, " ")
				if w.src.Vendor == Cerner {
					s = strings.ToUpper(s)
				}
				lines[i] = s
			}
		}
	}
}
