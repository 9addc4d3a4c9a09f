package match

import (
	"slices"
	"strings"

	"concord/mpi"
)

// Param is one search parameter and its value, as a URL has it after decoding. The value is PHI.
type Param struct{ Key, Value string }

// Search is the parameters of one search for Patients. It is PHI.
type Search []Param

// maxForms bounds what one patient costs a source on first use.
const maxForms = 3

// SearchForms are the searches, at most three and the most promising first, that find at another source the patients who
// may be d: by name and birth date, also with a former family name; by an identifier that an authority assigns; by phone
// and birth date, for what is spelt in another way there. Each has the parameters that EHRs demand for a search by
// demographics. There is none when d says too little, or nothing that tells people apart.
func SearchForms(d mpi.Demographics) []Search {
	var forms []Search
	add := func(s ...Param) {
		if len(forms) < maxForms && !slices.ContainsFunc(forms, func(f Search) bool { return slices.Equal(f, s) }) {
			forms = append(forms, s)
		}
	}
	born := birthOf(d.BirthDate)
	day := Param{"birthdate", born.text()}
	if born.day() {
		first, families := searchNames(d)
		for _, f := range families[:min(len(families), 2)] {
			add(Param{"family", escape(f)}, Param{"given", escape(first)}, day)
		}
	}
	for _, i := range d.Identifiers {
		if authority(i) {
			add(Param{"identifier", escape(i.System) + "|" + escape(i.Value)})
		}
	}
	if phones := contacts(d.Phones, phone); born.day() && len(phones) > 0 {
		add(Param{"phone", phones[0]}, day)
	}
	return forms
}

// searchNames are the first given name and the family names to search for: the one in use first, then former ones. There
// are none without either.
func searchNames(d mpi.Demographics) (first string, families []string) {
	current := slices.Clone(d.Names)
	slices.SortStableFunc(current, func(a, b mpi.Name) int { return nameRank(a) - nameRank(b) })
	for _, n := range current {
		var own names
		own.add(n, false)
		if len(own.given) > 0 && first == "" {
			first, _, _ = strings.Cut(strings.TrimSpace(n.Given[0]), " ")
		}
		if n.Family == "" || len(own.family)+len(own.formerFamily) == 0 {
			continue
		}
		f := withoutSuffix(n.Family)
		if !slices.ContainsFunc(families, func(o string) bool { return sameWords(o, f) }) {
			families = append(families, f)
		}
	}
	if first == "" || len(families) == 0 {
		return "", nil
	}
	return first, families
}

func nameRank(n mpi.Name) int {
	switch {
	case n.Old:
		return 3
	case n.Use == "official":
		return 0
	case n.Use == "usual" || n.Use == "":
		return 1
	}
	return 2
}

// withoutSuffix is the family name less a generation written behind it.
func withoutSuffix(family string) string {
	f := strings.Fields(family)
	for len(f) > 1 && inText[strings.Join(words(f[len(f)-1], true), "")] {
		f = f[:len(f)-1]
	}
	return strings.TrimRight(strings.Join(f, " "), ",")
}

func sameWords(a, b string) bool {
	return strings.Join(words(a, false), "") == strings.Join(words(b, false), "")
}

// authority tells whether the identifier is one that people have with every provider: a social security number or a
// driver licence.
func authority(i mpi.Identifier) bool {
	name := systemName(i.System)
	if name == ssnSystem {
		return !i.Old && validSSN(i.Value) != ""
	}
	return !i.Old && strings.HasPrefix(name, licenceOID) && global(name, i.Value)
}

// escape keeps what separates values in a search parameter (http://hl7.org/fhir/R4/search.html#escaping) from doing so.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, ",", `\,`, "|", `\|`, "$", `\$`).Replace(strings.TrimSpace(s))
}
