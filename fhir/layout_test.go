package fhir_test

import (
	"testing"

	"pgregory.net/rapid"

	"concord/fhir"
)

// A value's place in its document, however the document is kept: what stands in it, in what, and in which order.
func TestPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawValue(t, 5)
		root, err := fhir.ParseValue([]byte(text), fhir.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		var order []fhir.Value
		var refs []fhir.Value
		above := map[fhir.Value]fhir.Value{}
		var visit func(v fhir.Value)
		visit = func(v fhir.Value) {
			order = append(order, v)
			if v.Name() == "reference" && v.IsString() {
				refs = append(refs, v)
			}
			next := v.Members()
			if v.IsArray() {
				next = v.Items()
			}
			for x := range next {
				above[x] = v
				visit(x)
			}
		}
		visit(root)
		if p := root.Parent(); p.Exists() {
			t.Fatal("the root stands in something")
		}
		i := 0
		for v := range root.Within() {
			if i >= len(order) || v != order[i] {
				t.Fatalf("%s: the %dth value within is not the %dth", text, i, i)
			}
			if i > 0 && v.Parent() != above[v] {
				t.Fatalf("%s: %s stands in %s, not in %s", text, v.Raw(), above[v].Raw(), v.Parent().Raw())
			}
			i++
		}
		if i != len(order) {
			t.Fatalf("%s: %d of %d values", text, i, len(order))
		}
		for _, v := range order {
			for _, w := range order {
				within := false
				for p := above[w]; p.Exists() && !within; p = above[p] {
					within = p == v
				}
				if v.Contains(w) != within {
					t.Fatalf("%s: %s within %s: %v", text, w.Raw(), v.Raw(), !within)
				}
			}
			var got, want []fhir.Value
			for r := range (fhir.Resource{Value: v}).References() {
				got = append(got, r)
			}
			for _, r := range refs {
				if v.Contains(r) {
					want = append(want, r)
				}
			}
			if len(got) != len(want) {
				t.Fatalf("%s: %d references within %s, want %d", text, len(got), v.Raw(), len(want))
			}
			for k := range got {
				if got[k] != want[k] {
					t.Fatalf("%s: the %dth reference within %s is another", text, k, v.Raw())
				}
			}
		}
	})
}

// drawValue draws a JSON text.
func drawValue(t *rapid.T, depth int) string {
	space := rapid.SampledFrom([]string{"", "", " ", "\n\t"})
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 {
		kind %= 2
	}
	switch kind {
	case 0:
		return rapid.SampledFrom([]string{`"a"`, `""`, `"a \"quoted\": text"`, `"longer than eight bytes"`}).Draw(t, "string")
	case 1:
		return rapid.SampledFrom([]string{"1.50", "true", "null", "{}", "[]", "[ ]"}).Draw(t, "scalar")
	case 2:
		text := "["
		for i := range rapid.IntRange(0, 4).Draw(t, "items") {
			if i > 0 {
				text += ","
			}
			text += space.Draw(t, "space") + drawValue(t, depth-1) + space.Draw(t, "space")
		}
		return text + "]"
	}
	text := "{"
	names := rapid.Permutation([]string{"reference", "identifier", "a", "", "ab", "referencd", "value"}).Draw(t, "names")
	for i := range rapid.IntRange(0, 5).Draw(t, "members") {
		if i > 0 {
			text += ","
		}
		text += space.Draw(t, "space") + `"` + names[i] + `"` + space.Draw(t, "space") + ":" + space.Draw(t, "space") + drawValue(t, depth-1) + space.Draw(t, "space")
	}
	return text + "}"
}
