package validate

import (
	"strconv"
	"strings"

	"concord/fhir"
)

// over tells whether a number is more than limit.
func over(v fhir.Value, limit float64) bool {
	n, err := strconv.ParseFloat(v.Text(), 64)
	return err == nil && n > limit
}

// computable tells whether a name can be one in a program: a capital and up to 254 letters, digits and underscores.
func computable(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		capital := c >= 'A' && c <= 'Z'
		if !capital && (i == 0 || (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= 255
}

// ofDefinitions evaluates the invariants of resources that define others, as far as they are about single elements.
func (x *run) ofDefinitions(key, _ string, v fhir.Value) verdict {
	if strings.HasSuffix(key, "-0") {
		return test(!v.Get("name").IsString() || computable(v.Get("name").Text()))
	}
	switch key {
	case "cmd-1":
		return test(has(v, "comment") || !is(v, "equivalence", "narrower", "inexact"))
	case "cmd-2":
		return test(!is(v, "mode", "fixed") || has(v, "code"))
	case "cmd-3":
		return test(!is(v, "mode", "other-map") || has(v, "url"))
	case "cpb-1":
		return test(has(v, "rest", "messaging", "document"))
	case "cpb-2", "tcp-2":
		return test(has(v, "description", "software", "implementation"))
	case "cpb-3":
		return test(is(v, "kind", "instance") || every(v, "messaging", func(m fhir.Value) bool { return !has(m, "endpoint") }))
	case "cpb-7":
		return test(distinct(v, "document", func(d fhir.Value) string { return d.Get("profile").Text() + "\n" + d.Get("mode").Text() }))
	case "cpb-9":
		return test(distinct(v, "resource", textOf("type")))
	case "cpb-12":
		return test(distinct(v, "searchParam", textOf("name")))
	case "cpb-14", "tcp-3":
		return test(!is(v, "kind", "instance") || has(v, "implementation"))
	case "cpb-15", "tcp-4":
		return test(!is(v, "kind", "capability") || !has(v, "implementation") && has(v, "software"))
	case "cpb-16", "tcp-5":
		return test(!is(v, "kind", "requirements") || !has(v, "implementation", "software"))
	case "nsd-1":
		return test(!is(v, "kind", "root") || every(v, "uniqueId", func(u fhir.Value) bool { return !is(u, "type", "uuid") }))
	case "nsd-2":
		return test(distinct(v, "uniqueId", func(u fhir.Value) string {
			if string(u.Get("preferred").Raw()) != "true" {
				return ""
			}
			return u.Get("type").Text()
		}))
	case "opd-1":
		return test(has(v, "type", "part"))
	case "opd-2":
		return test(!has(v, "searchType") || is(v, "type", "string"))
	case "opd-3":
		return test(!has(v, "targetProfile") || is(v, "type", "Reference", "canonical"))
	case "smp-1":
		return test(!has(v, "element") || has(v, "context"))
	case "smp-2":
		return test(!has(v, "context") || has(v, "contextType"))
	case "spd-1":
		return test(!has(v, "xpath") || has(v, "xpathUsage"))
	case "spd-2":
		return test(!has(v, "chain") || is(v, "type", "reference"))
	}
	if strings.HasPrefix(key, "que-") {
		return ofQuestions(key, v)
	}
	return ofValueSets(key, v)
}

// ofValueSets evaluates those of ValueSet.
func ofValueSets(key string, v fhir.Value) verdict {
	switch key {
	case "vsd-1":
		return test(has(v, "valueSet", "system"))
	case "vsd-2":
		return test(!has(v, "concept", "filter") || has(v, "system"))
	case "vsd-3":
		return test(!has(v, "concept") || !has(v, "filter"))
	case "vsd-6":
		return test(has(v, "code", "display"))
	case "vsd-9":
		return test(has(v, "code") || string(v.Get("abstract").Raw()) == "true")
	case "vsd-10":
		return test(!has(v, "code") || has(v, "system"))
	}
	return unknown
}

// ofQuestions evaluates those of Questionnaire, and of its items.
func ofQuestions(key string, v fhir.Value) verdict {
	display := is(v, "type", "display")
	switch key {
	case "que-1":
		return test((!is(v, "type", "group") || has(v, "item")) && (!display || !has(v, "item")))
	case "que-2":
		seen := map[string]bool{}
		for link := range v.Within() {
			if link.Name() == "linkId" && link.IsString() {
				if seen[link.Text()] {
					return broken
				}
				seen[link.Text()] = true
			}
		}
		return holds
	case "que-3":
		return test(!display || !has(v, "code"))
	case "que-4":
		return test(!has(v, "answerOption") || !has(v, "answerValueSet"))
	case "que-5":
		return test(!has(v, "answerOption", "answerValueSet") ||
			is(v, "type", "choice", "open-choice", "decimal", "integer", "date", "dateTime", "time", "string", "quantity"))
	case "que-6":
		return test(!display || !has(v, "required", "repeats"))
	case "que-7":
		return test(!is(v, "operator", "exists") || has(v, "answerBoolean"))
	case "que-8":
		return test(!is(v, "type", "group", "display") || !has(v, "initial"))
	case "que-9":
		return test(!display || !has(v, "readOnly"))
	case "que-10":
		return test(!has(v, "maxLength") || is(v, "type", "boolean", "decimal", "integer", "string", "text", "url", "open-choice"))
	case "que-11":
		return test(!has(v, "answerOption") || !has(v, "initial"))
	case "que-12":
		return test(count(v, "enableWhen") <= 2 || has(v, "enableBehavior"))
	case "que-13":
		return test(string(v.Get("repeats").Raw()) == "true" || count(v, "initial") <= 1)
	}
	return unknown
}
