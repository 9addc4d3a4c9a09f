package main

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// chosen tells whether lists of a type take arguments. On all of them they would make every selection a goroutine.
func chosen(t string) bool { return filters(t) != nil }

func writeSchema(b *bytes.Buffer, s *schema) {
	var g bytes.Buffer
	g.WriteString("schema{query:Query}\n")
	for _, d := range []string{"flatten", "first", "singleton"} {
		g.WriteString("directive@" + d + " on FIELD\n")
	}
	g.WriteString("directive@slice(path:String!)on FIELD\n")
	for _, n := range customScalars() {
		g.WriteString("scalar " + n + "\n")
	}
	g.WriteString("type Query{\n")
	for _, r := range s.resources {
		fmt.Fprintf(&g, "%s(id:ID!):%s\n", r, r)
		fmt.Fprintf(&g, "%sList(%s,_sort:[String!],_count:Int,_offset:Int):[%s]\n", r, argumentList(r), r)
		fmt.Fprintf(&g, "%sConnection(%s,_sort:[String!],_count:Int,_cursor:String):%sConnection\n", r, argumentList(r), r)
	}
	g.WriteString("}\nunion Resource=" + strings.Join(s.resources, "|") + "\n")
	for _, r := range s.resources {
		fmt.Fprintf(&g, "type %sConnection{count:Int offset:Int pagesize:Int pageSize:Int edges:[%sEdge]first:String previous:String next:String last:String}\n", r, r)
		fmt.Fprintf(&g, "type %sEdge{mode:code score:decimal resource:%s}\n", r, r)
	}
	for _, o := range s.objects {
		writeObject(&g, o)
	}
	fmt.Fprintf(b, "// schemaText is the schema that is offered.\nconst schemaText = %s\n", "`"+g.String()+"`")
	writeOwners(b, s)
}

func writeOwners(b *bytes.Buffer, s *schema) {
	b.WriteString("\n// ownerOf is the resource type whose content a GraphQL type is: \"\" for a data type. ok is false for a type that is not\n// known, whose content must not be shown.\nfunc ownerOf(name string) (owner string, ok bool) {\nswitch name {\ncase \"Query\", \"Resource\"")
	for _, o := range s.objects {
		if o.owner == "" {
			fmt.Fprintf(b, ",\n%q", o.name)
		}
	}
	b.WriteString(":\nreturn \"\", true\n")
	for _, r := range s.resources {
		fmt.Fprintf(b, "case %q, %q", r+"Connection", r+"Edge")
		for _, o := range s.objects {
			if o.owner == r {
				fmt.Fprintf(b, ",\n%q", o.name)
			}
		}
		fmt.Fprintf(b, ":\nreturn %q, true\n", r)
	}
	b.WriteString("}\nreturn \"\", false\n}\n")
}

func argumentList(t string) string {
	var out []string
	for _, a := range arguments(t) {
		out = append(out, a.name+":[String!]")
	}
	return strings.Join(out, ",")
}

func writeObject(g *bytes.Buffer, o object) {
	g.WriteString("type " + o.name + "{\n")
	if o.owner == o.name {
		g.WriteString("resourceType:code!\n")
	}
	for _, f := range o.fields {
		typ := f.typ
		if f.many {
			typ = "[" + typ + "]"
		}
		args := ""
		if f.many && chosen(f.typ) {
			for _, a := range filters(f.typ) {
				args += a + ":String,"
			}
			args = "(" + args + "_count:Int,_offset:Int)"
		}
		g.WriteString(f.name + args + ":" + typ + "\n")
		if f.suffix {
			element := "Element"
			if f.many {
				element = "[Element]"
			}
			g.WriteString("_" + f.name + ":" + element + "\n")
		}
	}
	if o.name == "Reference" {
		g.WriteString("resource(optional:Boolean,type:String):Resource\n")
	}
	for _, l := range o.lists {
		fmt.Fprintf(g, "%sList(_reference:String!,%s,_sort:[String!],_count:Int,_offset:Int):[%s]\n", l.typ, argumentList(l.typ), l.typ)
	}
	g.WriteString("}\n")
}

func writeTypes(b *bytes.Buffer, s *schema) {
	b.WriteString("import \"context\"\n\n")
	for _, o := range s.objects {
		writeType(b, o)
	}
	if slices.ContainsFunc(s.objects, func(o object) bool { return slices.ContainsFunc(o.fields, field.single) }) {
		b.WriteString(within)
	}
	for _, o := range s.objects {
		f := filters(o.name)
		if f == nil {
			continue
		}
		fmt.Fprintf(b, "// pick%s are the arguments of lists of %s.\ntype pick%s struct {\n", o.name, o.name, o.name)
		var names []string
		for _, n := range f {
			fmt.Fprintf(b, "%s *string\n", upper(n))
			names = append(names, fmt.Sprintf("{%q, a.%s}", n, upper(n)))
		}
		fmt.Fprintf(b, "page\n}\n\nfunc (a *pick%s) fields() []wanted {\nreturn []wanted{%s}\n}\n\n", o.name, strings.Join(names, ", "))
	}
}

// single tells whether a field is one resource, which no type of the core set has.
func (f field) single() bool { return f.kind == resource && !f.many }

const within = `
// within is a resource within one.
func within(ctx context.Context, x *node, name string) (*tResource, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	v := x.v.Get(name)
	if !v.IsObject() {
		return nil, nil //nolint:nilnil // there is none
	}
	n, err := r.admitContained(x.in, v)
	if err != nil {
		return nil, err
	}
	return (*tResource)(&n), nil
}

`

func writeType(b *bytes.Buffer, o object) {
	fmt.Fprintf(b, "type t%s node\n\n", o.name)
	method := func(name, args, result, body string) {
		fmt.Fprintf(b, "func (x *t%s) %s(%s) %s {\n%s\n}\n", o.name, name, args, result, body)
	}
	if o.owner == o.name {
		method("ResourceType", "", "prim", "return (*node)(x).resourceType()")
	}
	for _, f := range o.fields {
		n := fmt.Sprintf("%q", f.name)
		switch {
		case f.kind == resource && f.many:
			method(upper(f.name), "ctx context.Context", "(*[]*tResource, error)", "return contained(ctx, (*node)(x), "+n+")")
		case f.kind == resource:
			method(upper(f.name), "ctx context.Context", "(*tResource, error)", "return within(ctx, (*node)(x), "+n+")")
		case f.kind == primitive && f.many:
			method(upper(f.name), "", "*[]*prim", "return (*node)(x).prims("+n+")")
		case f.kind == primitive:
			method(upper(f.name), "", "*prim", "return (*node)(x).prim("+n+")")
		case f.many && chosen(f.typ):
			method(upper(f.name), "a pick"+f.typ, "*[]*t"+f.typ, "return picked[t"+f.typ+"]((*node)(x), "+n+", a.fields(), a.page)")
		case f.many:
			method(upper(f.name), "", "*[]*t"+f.typ, "return list[t"+f.typ+"]((*node)(x), "+n+")")
		default:
			method(upper(f.name), "", "*t"+f.typ, "return (*t"+f.typ+")((*node)(x).child("+n+"))")
		}
	}
	if o.name == "Reference" {
		method("Resource", "ctx context.Context, a followed", "(*tResource, error)", "return follow(ctx, (*node)(x), a)")
	}
	for _, l := range o.lists {
		method(l.typ+"List", "ctx context.Context, a reverse"+l.typ, "(*[]*t"+l.typ+", error)",
			fmt.Sprintf("return edges[t%s](referring(ctx, (*node)(x), %q, a.Reference, a.params(), a.window))", l.typ, l.typ))
	}
}

func writeQueries(b *bytes.Buffer, s *schema) {
	b.WriteString("import (\n\"context\"\n\n\"concord/federation\"\n)\n\n")
	b.WriteString("// tResource is any resource.\ntype tResource node\n\n")
	for _, r := range s.resources {
		fmt.Fprintf(b, "func (x *tResource) To%s() (*t%s, bool) { return (*t%s)(x), (*node)(x).is(%q) }\n", r, r, r, r)
	}
	b.WriteString("\n// offered tells whether a resource type is in the schema.\nfunc offered(t string) bool {\nswitch t {\ncase ")
	for i, r := range s.resources {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(b, "%q", r)
	}
	b.WriteString(":\nreturn true\n}\nreturn false\n}\n\n")
	for _, r := range s.resources {
		back := slices.ContainsFunc(s.objects, func(o object) bool { return slices.Contains(o.lists, reverse{r}) })
		writeSearch(b, r, back)
		writeRoots(b, r)
	}
}

// writeSearch writes the arguments of a type's lists.
func writeSearch(b *bytes.Buffer, r string, back bool) {
	fmt.Fprintf(b, "type search%s struct {\n", r)
	args := arguments(r)
	for _, a := range args {
		fmt.Fprintf(b, "%s *[]string\n", exported(a.name))
	}
	b.WriteString("window\n}\n\n")
	fmt.Fprintf(b, "func (a *search%s) params() []federation.Param {\nvar p params\n", r)
	for _, a := range args {
		fmt.Fprintf(b, "p.add(%q, a.%s)\n", a.param, exported(a.name))
	}
	b.WriteString("return p\n}\n\n")
	fmt.Fprintf(b, "type connect%s struct {\nsearch%s\nCursor *string\n}\n\n", r, r)
	if back {
		fmt.Fprintf(b, "type reverse%s struct {\nReference string\nsearch%s\n}\n\n", r, r)
	}
}

// writeRoots writes the fields of Query for a type, and its connection.
func writeRoots(b *bytes.Buffer, r string) {
	fmt.Fprintf(b, "func (*roots) %s(ctx context.Context, a identified) (*t%s, error) {\nn, err := rootRead(ctx, %q, string(a.ID))\nreturn (*t%s)(n), err\n}\n", r, r, r, r)
	fmt.Fprintf(b, "func (*roots) %sList(ctx context.Context, a search%s) (*[]*t%s, error) {\nreturn edges[t%s](rootList(ctx, %q, a.params(), a.window))\n}\n", r, r, r, r, r)
	fmt.Fprintf(b, "func (*roots) %sConnection(ctx context.Context, a connect%s) (*c%s, error) {\nc, err := rootPage(ctx, %q, a.params(), a.window, a.Cursor)\nreturn (*c%s)(c), err\n}\n\n", r, r, r, r, r)
	fmt.Fprintf(b, "type c%s connection\n\n", r)
	for _, f := range []string{"Count", "Offset", "Pagesize"} {
		fmt.Fprintf(b, "func (x *c%s) %s() *int32 { return &x.%s }\n", r, f, strings.ToLower(f))
	}
	for _, f := range []string{"First", "Previous", "Next", "Last"} {
		fmt.Fprintf(b, "func (x *c%s) %s() *string { return x.%s }\n", r, f, strings.ToLower(f))
	}
	fmt.Fprintf(b, "func (x *c%s) Edges() *[]*e%s {\nout, _ := edges[e%s](x.nodes, nil)\nreturn out\n}\n\n", r, r, r)
	fmt.Fprintf(b, "type e%s node\n\nfunc (x *e%s) Mode() *prim { return matched() }\nfunc (x *e%s) Score() *prim { return nil }\nfunc (x *e%s) Resource() *t%s { return (*t%s)(x) }\n\n", r, r, r, r, r, r)
}

// exported is an argument's name as a Go field.
func exported(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "_") {
		if part != "" {
			b.WriteString(upper(part))
		}
	}
	return b.String()
}
