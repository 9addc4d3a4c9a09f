package graphql

import (
	"net/http"

	gql "github.com/graph-gophers/graphql-go"

	"concord/fhir"
)

// metadata answers queries of the schema from a document that is made once: executing them costs too much.
type metadata struct {
	schema fhir.Value
	byName map[string]fhir.Value
}

func newMetadata() (*metadata, error) {
	s, err := gql.ParseSchema(schemaText, nil)
	if err != nil {
		return nil, err
	}
	b, err := s.ToJSON()
	if err != nil {
		return nil, err
	}
	v, err := fhir.ParseValue(b, fhir.Limits{})
	if err != nil {
		return nil, err
	}
	x := &metadata{schema: v.Get("__schema"), byName: map[string]fhir.Value{}}
	for t := range x.schema.Get("types").Items() {
		x.byName[t.Get("name").Text()] = t
	}
	return x, nil
}

// introspect answers a query that asks for nothing but the schema.
func (e *Engine) introspect(op *operation, args arguments, lim Limits) Response {
	x, err := e.intro()
	if err != nil {
		return refusal(http.StatusInternalServerError, internal())
	}
	p := &projection{metadata: x, args: args, most: lim.Body}
	body := append(p.object([]byte(`{"data":`), fhir.Value{}, op.sels, "Query"), '}')
	if len(body) > lim.Body {
		return refusal(http.StatusBadRequest, fail(codeCostly, "the answer is too large"))
	}
	return Response{Status: http.StatusOK, Body: body}
}

// projection selects from the document.
type projection struct {
	*metadata
	args arguments
	most int
}

// metaOf is the type of what a field of the schema's own types gives.
func metaOf(name string) string {
	switch name {
	case "__schema":
		return "__Schema"
	case "fields":
		return "__Field"
	case "args", "inputFields":
		return "__InputValue"
	case "enumValues":
		return "__EnumValue"
	case "directives":
		return "__Directive"
	}
	return "__Type"
}

func (p *projection) value(dst []byte, v fhir.Value, f *field) []byte {
	switch {
	case len(dst) > p.most:
		return dst // it is thrown away
	case v.IsArray() && len(f.sels) > 0:
		dst = append(dst, '[')
		first := true
		for item := range v.Items() {
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = p.value(dst, item, f)
		}
		return append(dst, ']')
	case v.IsObject():
		return p.object(dst, v, f.sels, metaOf(f.name))
	case v.Exists():
		return append(dst, v.Raw()...)
	}
	return append(dst, "null"...)
}

func (p *projection) object(dst []byte, v fhir.Value, sels []*selection, meta string) []byte {
	if full, ok := p.byName[v.Get("name").Text()]; ok && meta == "__Type" {
		v = full // what refers to a type has only its name
	}
	dst = append(dst, '{')
	seen := map[string]bool{}
	return append(p.members(dst, v, sels, meta, seen), '}')
}

func (p *projection) members(dst []byte, v fhir.Value, sels []*selection, meta string, seen map[string]bool) []byte {
	for _, s := range sels {
		if p.args.left(s.dirs) {
			continue
		}
		switch {
		case s.spread != "":
			dst = p.members(dst, v, p.args.d.fragments[s.spread].sels, meta, seen)
		case s.field == nil:
			dst = p.members(dst, v, s.sels, meta, seen)
		case seen[s.field.alias]: // the same field again
		default:
			if len(seen) > 0 {
				dst = append(dst, ',')
			}
			seen[s.field.alias] = true
			f := &field{name: s.field.name, sels: under(p.args.d.collect(sels)[s.field.alias])}
			dst = append(fhir.AppendString(dst, s.field.alias), ':')
			switch f.name {
			case "__typename":
				dst = fhir.AppendString(dst, meta)
			case "__schema":
				dst = p.value(dst, p.schema, f)
			case "__type":
				name, _ := p.args.text(s.field, "name")
				dst = p.value(dst, p.byName[name], f)
			default:
				dst = p.value(dst, v.Get(f.name), f)
			}
		}
	}
	return dst
}
