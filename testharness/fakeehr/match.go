package fakeehr

import (
	"strings"
	"time"
)

// criterion is one parameter of a search with its alternatives.
type criterion struct {
	name, modifier string
	param          param
	values         []string // any of them
}

// holds tells whether a resource fits.
func (k criterion) holds(doc map[string]any) bool {
	var found []any
	for _, path := range k.param.paths {
		found = collect(found, doc, strings.Split(path, "."))
	}
	if k.modifier == "missing" {
		return (len(found) == 0) == (k.values[0] == "true")
	}
	hit := false
	for _, want := range k.values {
		for _, v := range found {
			if k.one(v, want) {
				hit = true
			}
		}
	}
	if k.modifier == "not" {
		return !hit
	}
	return hit
}

func (k criterion) one(v any, want string) bool {
	switch k.param.kind {
	case 't':
		switch k.name {
		case "phone", "email":
			m, _ := v.(map[string]any)
			return m != nil && m["system"] == k.name && sameTelecom(m["value"], want)
		case "telecom":
			m, _ := v.(map[string]any)
			_, value, piped := strings.Cut(want, "|")
			if !piped {
				value = want
			}
			return m != nil && sameTelecom(m["value"], value)
		}
		return tokenHolds(v, want)
	case 'r':
		return referenceHolds(v, want)
	case 'd':
		return dateHolds(v, want)
	}
	s, _ := v.(string)
	switch k.modifier {
	case "exact":
		return s == want
	case "contains":
		return strings.Contains(strings.ToLower(s), strings.ToLower(want))
	}
	return strings.HasPrefix(strings.ToLower(s), strings.ToLower(want))
}

// sameTelecom compares the digits of numbers, without a leading 1, and other addresses without case.
func sameTelecom(v any, want string) bool {
	s, _ := v.(string)
	if strings.EqualFold(s, want) {
		return true
	}
	a, b := onlyDigits(s), onlyDigits(want)
	return len(a) >= 10 && strings.TrimPrefix(a, "1") == strings.TrimPrefix(b, "1") && !strings.Contains(s, "@")
}

func onlyDigits(s string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, s)
}

// collect appends the values at a path, through arrays.
func collect(dst []any, v any, path []string) []any {
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			dst = collect(dst, e, path)
		}
		return dst
	case map[string]any:
		if len(path) > 0 {
			if c, ok := x[path[0]]; ok {
				return collect(dst, c, path[1:])
			}
			return dst
		}
	}
	if len(path) == 0 && v != nil {
		dst = append(dst, v)
	}
	return dst
}

// tokenHolds compares a code, Coding, CodeableConcept, Identifier or boolean with code, system|code, |code or system|.
func tokenHolds(v any, want string) bool {
	system, code, piped := strings.Cut(want, "|")
	if !piped {
		system, code = "", want
	}
	switch x := v.(type) {
	case string:
		return x == code
	case bool:
		return (code == "true") == x
	case map[string]any:
		if list, ok := x["coding"].([]any); ok {
			for _, c := range list {
				if tokenHolds(c, want) {
					return true
				}
			}
			return false
		}
		got, _ := x["code"].(string)
		if got == "" {
			got, _ = x["value"].(string)
		}
		gotSystem, _ := x["system"].(string)
		return (code == "" || got == code) && (!piped || gotSystem == system)
	}
	return false
}

func referenceHolds(v any, want string) bool {
	m, _ := v.(map[string]any)
	ref, _ := m["reference"].(string)
	if ref == "" {
		return false
	}
	if strings.Contains(want, "/") {
		return tail(ref) == tail(want)
	}
	return strings.HasSuffix(ref, "/"+want)
}

var prefixes = map[string]bool{"eq": true, "ne": true, "gt": true, "lt": true, "ge": true, "le": true, "sa": true, "eb": true, "ap": true}

// splitPrefix takes a prefix such as ge off a date.
func splitPrefix(s string) (prefix, rest string) {
	if len(s) > 2 && prefixes[s[:2]] {
		return s[:2], s[2:]
	}
	return "eq", s
}

// span is the time that a date of whatever precision stands for, from inclusive to exclusive.
func span(s string) (from, to time.Time, ok bool) {
	s = strings.ReplaceAll(s, " ", "+") // a plus sign that nobody escaped
	for _, f := range []struct {
		layout     string
		y, mo, day int
		plus       time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {"2006-01-02", 0, 0, 1, 0},
		{"2006-01-02T15:04Z07:00", 0, 0, 0, time.Minute}, {"2006-01-02T15:04:05Z07:00", 0, 0, 0, time.Second},
		{"2006-01-02T15:04:05.999999999Z07:00", 0, 0, 0, time.Millisecond}, {"2006-01-02T15:04", 0, 0, 0, time.Minute}, {"2006-01-02T15:04:05", 0, 0, 0, time.Second},
	} {
		if t, err := time.Parse(f.layout, s); err == nil {
			return t, t.AddDate(f.y, f.mo, f.day).Add(f.plus), true
		}
	}
	return time.Time{}, time.Time{}, false
}

// farFuture is where a period without an end ends.
func farFuture() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// valueSpan is the time of a date or a Period.
func valueSpan(v any) (from, to time.Time, ok bool) {
	switch x := v.(type) {
	case string:
		return span(x)
	case map[string]any:
		to = farFuture()
		if s, _ := x["start"].(string); s != "" {
			if from, _, ok = span(s); !ok {
				return from, to, false
			}
		}
		if s, _ := x["end"].(string); s != "" {
			if _, to, ok = span(s); !ok {
				return from, to, false
			}
		}
		return from, to, true
	}
	return from, to, false
}

// dateHolds compares as R4 says: by the spans that the two dates stand for.
func dateHolds(v any, want string) bool {
	prefix, rest := splitPrefix(want)
	from, to, ok := valueSpan(v)
	wantFrom, wantTo, ok2 := span(rest)
	if !ok || !ok2 {
		return false
	}
	within := !from.Before(wantFrom) && !to.After(wantTo)
	switch prefix {
	case "ne":
		return !within
	case "gt":
		return to.After(wantTo)
	case "ge":
		return within || to.After(wantTo)
	case "lt":
		return from.Before(wantFrom)
	case "le":
		return within || from.Before(wantFrom)
	case "sa":
		return !from.Before(wantTo)
	case "eb":
		return !to.After(wantFrom)
	case "ap":
		return from.Before(wantTo.AddDate(0, 0, 1)) && to.After(wantFrom.AddDate(0, 0, -1))
	}
	return within
}
