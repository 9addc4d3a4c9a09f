package connectors

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"concord"
	"concord/federation"
)

// ask is one search to send: its parameters, and whether we only guess that the source takes its category.
type ask struct {
	params  url.Values
	guessed bool
}

// step is a set of asks that together answer the query. A plan's steps are tried in turn, the next one only when the
// source refused the one before as a question (400), since each is a wider or more patient way to ask the same.
type step struct {
	asks []ask
	open bool // lacks a category, which the source may demand
}

// planPatient is how a search with a patient is asked.
func (c *Client) planPatient(q federation.Query, rule TypeRule) []step {
	base := url.Values{paramPatient: {q.Patient.Reveal()}}
	for name, value := range rule.Always {
		base.Set(name, value)
	}
	if n := c.count(rule.MaxCount); n > 0 {
		base.Set(paramCount, strconv.Itoa(n))
	}
	if q.Provenance && rule.Provenance {
		base.Set("_revinclude", "Provenance:target")
	}
	c.addPractice(base)

	narrow := clone(base)
	narrowed := c.narrow(narrow, q.Params, rule)
	var steps []step
	add := func(params url.Values) {
		own := c.cfg.Categories[q.Type]
		if len(rule.Split) == 0 && len(own) == 0 || params.Has(paramCategory) {
			steps = append(steps, step{asks: c.perValue(params)})
			return
		}
		guesses := own
		if len(own) == 0 {
			guesses = rule.Split
			steps = append(steps, step{asks: []ask{{params: params}}, open: true})
		}
		split := step{}
		for _, value := range guesses {
			p := clone(params)
			p.Set(paramCategory, value)
			split.asks = append(split.asks, ask{params: p, guessed: true})
		}
		steps = append(steps, split)
	}
	add(narrow)
	if narrowed {
		add(base)
	}
	return steps
}

// narrow adds to p what of the client's parameters the source applies as FHIR does, and tells whether it added any that
// can be left out again.
func (c *Client) narrow(p url.Values, params []federation.Param, rule TypeRule) bool {
	narrowed := false
	seen := map[string]bool{}
	for _, x := range params {
		if slices.Contains(rule.Narrow, x.Key) && !seen[x.Key] && codes(x.Value) {
			seen[x.Key] = true // of several, which must all hold, one will do
			if p.Get(x.Key) != x.Value {
				p.Set(x.Key, x.Value)
				narrowed = true
			}
		}
	}
	for _, name := range rule.Dates {
		var values []string
		for _, x := range params {
			if x.Key == name {
				values = append(values, x.Value)
			}
		}
		if iv, ok := intervalOf(values); ok {
			p[name] = iv.format(c.rules.ClosedDates)
			narrowed = true
		}
	}
	return narrowed
}

// codes tells whether every alternative of a token has a code, with or without a system.
func codes(value string) bool {
	for v := range strings.SplitSeq(value, ",") {
		system, code, piped := strings.Cut(v, "|")
		if !piped {
			code = system
		} else if system == "" {
			return false // "|code": no system at all, which sources read as any
		}
		if code == "" || strings.Contains(v, `\`) {
			return false
		}
	}
	return true
}

// perValue is one ask, or one for each alternative of category where the source takes one value.
func (c *Client) perValue(params url.Values) []ask {
	values := strings.Split(params.Get(paramCategory), ",")
	if !c.rules.Single || len(values) < 2 {
		return []ask{{params: params}}
	}
	var asks []ask
	for _, v := range values {
		p := clone(params)
		p.Set(paramCategory, v)
		asks = append(asks, ask{params: p, guessed: true}) // the source may lack one of them
	}
	return asks
}

// maxAlternatives bounds the searches that alternatives of a Patient search become.
const maxAlternatives = 20

// planPatients is how Patients are searched for by demographics or identifier. Its fault is Unsupported when what is left
// of the parameters is not such that the source answers.
func (c *Client) planPatients(q federation.Query) ([]step, *concord.Fault) {
	rule := c.rules.Patients
	asks := []url.Values{{}}
	for _, x := range q.Params {
		name, value, ok := rule.take(x)
		if !ok || name == "birthdate" && len(asks[0][name]) > 1 || name != "birthdate" && asks[0].Has(name) {
			continue
		}
		values := []string{value}
		if c.rules.Single {
			values = unescapedSplit(value)
		}
		if len(asks)*len(values) > maxAlternatives {
			continue // the rest selects enough, or the source is not asked
		}
		var next []url.Values
		for _, p := range asks {
			for _, v := range values {
				n := clone(p)
				n.Add(name, v)
				next = append(next, n)
			}
		}
		asks = next
	}
	if !rule.Enough(asks[0].Has) {
		return nil, unsupported(opSearch, c.cfg.Source)
	}
	one := step{}
	for _, p := range asks {
		if n := rule.MaxCount; n > 0 {
			p.Set(paramCount, strconv.Itoa(n))
		}
		c.addPractice(p)
		one.asks = append(one.asks, ask{params: p})
	}
	return []step{one}, nil
}

// take is what a client's parameter goes as, if it can go.
func (r PatientRule) take(x federation.Param) (name, value string, ok bool) {
	key, modifier, _ := strings.Cut(x.Key, ":")
	name, ok = r.Params[key]
	value = strings.TrimSpace(x.Value)
	if !ok || value == "" {
		return "", "", false
	}
	switch key {
	case "family", "given", "name", "address", "address-city", "address-state", "address-postalcode":
		// begins-with finds what :exact finds, and more; :contains finds what it does not
		ok = modifier == "" || modifier == "exact"
	case "birthdate":
		ok = modifier == ""
		if r.WholeDates {
			value = strings.TrimPrefix(value, "eq")
			ok = ok && len(value) == len("2006-01-02")
		}
	case "identifier":
		ok = modifier == ""
		for _, v := range unescapedSplit(value) {
			system, id, piped := strings.Cut(v, "|")
			ok = ok && (piped && id != "" && (system != "" || !r.Systems) || !piped && system != "" && !r.Systems)
		}
	default:
		ok = modifier == ""
	}
	return name, value, ok
}

// unescapedSplit splits alternatives at the commas that no backslash escapes.
func unescapedSplit(v string) []string {
	var out []string
	from := 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '\\':
			i++
		case ',':
			if i > from {
				out = append(out, v[from:i])
			}
			from = i + 1
		}
	}
	if from < len(v) {
		out = append(out, v[from:])
	}
	return out
}

// count is the _count for a type with the given bound; 0 to send none.
func (c *Client) count(bound int) int {
	n := c.rules.PageSize
	if c.cfg.PageSize > 0 {
		n = c.cfg.PageSize
	}
	switch {
	case bound < 0:
		return 0
	case bound > 0:
		n = min(n, bound)
	}
	return n
}

func (c *Client) addPractice(p url.Values) {
	if c.rules.Practice != "" && c.cfg.Practice != "" {
		p.Set(c.rules.Practice, "Organization/"+c.cfg.Practice)
	}
}

func clone(p url.Values) url.Values {
	out := maps.Clone(p)
	for k, v := range out {
		out[k] = slices.Clone(v)
	}
	return out
}
