package graphql

import (
	"strings"
	"testing"
)

// FuzzDocument: whatever is read as a document, each of its fields stands where it is said to stand, and reads alike by
// itself; what is measured is bounded; and nothing takes more than one pass.
func FuzzDocument(f *testing.F) {
	for _, s := range []string{
		`{a}`, `query Q($a:[Int!]!=[1,-2.5e3],$b:S={x:{y:null}}@d){a:b(c:$a,d:"e\n\u00e9")@f(g:true)@h{...i@j ...on K{l}...{m}}} fragment i on K@n{o}`,
		"{a(b:\"c\") # d\r\n,e,,f{g}}", `{a(b:"""c""")}`, `{a(b:[[[[1]]]])}`, `{` + strings.Repeat(`a{`, 70), `fragment on on on{a}`, "\ufeff{a}", `{a(b:-)}`, `{...a}fragment a on B{...a}`, `subscription{a}mutation{b}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := parse(text)
		if err != nil {
			return
		}
		for _, op := range d.operations {
			if op.open < 1 || op.close < op.open || op.close >= len(text) || text[op.open-1] != '{' || text[op.close] != '}' {
				t.Fatalf("an operation from %d to %d", op.open, op.close)
			}
			stands(t, d, op.sels)
			m, err := d.measure(op.name, Limits{}.orDefault())
			if err == nil && m.op == nil {
				t.Fatal("measured, and of no operation")
			}
		}
		for _, x := range d.fragments {
			stands(t, d, x.sels)
		}
	})
}

// stands holds fields to where they are said to stand.
func stands(t *testing.T, d *document, sels []*selection) {
	t.Helper()
	for _, s := range sels {
		stands(t, d, s.sels)
		f := s.field
		if f == nil {
			continue
		}
		if f.at < 0 || f.end > len(d.text) || f.at >= f.end || !strings.HasPrefix(d.text[f.at:f.end], f.alias) {
			t.Fatalf("%s from %d to %d", f.alias, f.at, f.end)
		}
		if f.open > 0 && d.text[f.open-1] != '{' {
			t.Fatalf("%s opens at %d", f.alias, f.open)
		}
		alone, err := parse("{" + d.text[f.at:f.end] + "}")
		if strings.ContainsRune(d.text[f.at:f.end], '#') && err != nil { // the brace may be in a comment
			alone, err = parse("{" + d.text[f.at:f.end] + "\n}")
		}
		if err != nil || len(alone.operations) != 1 || len(alone.operations[0].sels) != 1 {
			t.Fatalf("%q is not read by itself: %v", d.text[f.at:f.end], err)
		}
		g := alone.operations[0].sels[0].field
		if g == nil || g.alias != f.alias || g.name != f.name || len(g.args) != len(f.args) || len(g.dirs) != len(f.dirs) || len(g.sels) != len(f.sels) {
			t.Fatalf("%q reads otherwise by itself", d.text[f.at:f.end])
		}
		stands(t, d, f.sels)
	}
}

// FuzzCursor: a cursor that is taken is the one that is made for its place, and one that is made is taken.
func FuzzCursor(f *testing.F) {
	f.Add("MC4yLmg", "h", 0, 2)
	f.Add("", "", -1, 0)
	f.Add("MC4yLg", "a.b", 5, 10_001)
	f.Fuzz(func(t *testing.T, cursor, handle string, offset, count int) {
		if p, ok := parsePlace(cursor); ok {
			if q, ok := parsePlace(*p.to(p.offset)); !ok || q != p {
				t.Fatalf("%+v, and then %+v", p, q)
			}
		}
		p := place{handle: handle, count: count}
		q, ok := parsePlace(*p.to(offset))
		if good := handle != "" && offset >= 0 && count >= 1 && count <= maxPage; ok != good || ok && q != (place{handle, offset, count}) {
			t.Fatalf("%+v at %d: %v, %+v", p, offset, ok, q)
		}
	})
}
