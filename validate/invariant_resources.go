package validate

import (
	"strings"

	"concord/fhir"
)

// ofResources evaluates the invariants of every resource, and of Bundle and the other containers.
func (x *run) ofResources(key, _ string, v fhir.Value) verdict {
	inner := func(ok func(fhir.Value) bool) verdict { return test(every(v, "contained", ok)) }
	switch key {
	case "dom-2":
		return inner(func(c fhir.Value) bool { return !has(c, "contained") })
	case "dom-3":
		return inner(func(c fhir.Value) bool {
			return x.pointedTo(c.Get("id").Text()) || refersOut(c)
		})
	case "dom-4":
		return inner(func(c fhir.Value) bool { return !has(c.Get("meta"), "versionId", "lastUpdated") })
	case "dom-5":
		return inner(func(c fhir.Value) bool { return !has(c.Get("meta"), "security") })
	case "dom-6":
		return test(has(v.Get("text"), "div") || v != x.in.v) // what is contained is told of by what contains it
	}
	if strings.HasPrefix(key, "bdl-") {
		return ofBundle(key, v)
	}
	return unknown
}

// pointedTo tells whether a string of the resource is "#" and id.
func (x *run) pointedTo(id string) bool {
	if x.in.local == nil {
		x.in.local = map[string]bool{}
		for s := range x.in.v.Within() {
			if s.IsString() {
				if local, ok := strings.CutPrefix(s.Text(), "#"); ok {
					x.in.local[local] = true
				}
			}
		}
	}
	return id != "" && x.in.local[id]
}

// refersOut tells whether a contained resource refers to the one that it is contained in.
func refersOut(v fhir.Value) bool {
	for s := range v.Within() {
		if s.Is("#") {
			return true
		}
	}
	return false
}

func ofBundle(key string, v fhir.Value) verdict {
	first := func(typ string) bool {
		for e := range v.Get("entry").Items() {
			return e.Path("resource", "resourceType").Is(typ)
		}
		return false
	}
	entries := func(ok func(fhir.Value) bool) verdict { return test(every(v, "entry", ok)) }
	switch key {
	case "bdl-1":
		return test(!has(v, "total") || is(v, "type", "searchset", "history"))
	case "bdl-2":
		return test(is(v, "type", "searchset") || every(v, "entry", func(e fhir.Value) bool { return !has(e, "search") }))
	case "bdl-3":
		want := is(v, "type", "batch", "transaction", "history")
		return entries(func(e fhir.Value) bool { return has(e, "request") == want })
	case "bdl-4":
		want := is(v, "type", "batch-response", "transaction-response", "history")
		return entries(func(e fhir.Value) bool { return has(e, "response") == want })
	case "bdl-5":
		return test(has(v, "resource", "request", "response"))
	case "bdl-7":
		return test(is(v, "type", "history") || distinct(v, "entry", func(e fhir.Value) string {
			if !has(e, "fullUrl") {
				return ""
			}
			return e.Get("fullUrl").Text() + "\n" + e.Path("resource", "meta", "versionId").Text()
		}))
	case "bdl-8":
		return test(!strings.Contains(v.Get("fullUrl").Text(), "/_history/"))
	case "bdl-9":
		return test(!is(v, "type", "document") || hasAll(v.Get("identifier"), "system", "value"))
	case "bdl-10":
		return test(!is(v, "type", "document") || v.Get("timestamp").IsString())
	case "bdl-11":
		return test(!is(v, "type", "document") || first("Composition"))
	case "bdl-12":
		return test(!is(v, "type", "message") || first("MessageHeader"))
	}
	return unknown
}
