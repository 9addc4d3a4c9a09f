package graphql

import "github.com/graph-gophers/graphql-go/ast"

// types is the schema as planning and shaping need it.
type types map[string]*objectType

type objectType struct {
	fields map[string]*fieldType
	union  []string // the members of a union
}

type fieldType struct {
	typ  string // of the field, without list and non-null
	many bool
	leaf bool
	args map[string]string // named types of the arguments
}

func newTypes(s *ast.Schema) types {
	out := types{}
	for name, t := range s.Types {
		switch t := t.(type) {
		case *ast.ObjectTypeDefinition:
			o := &objectType{fields: map[string]*fieldType{}}
			for _, f := range t.Fields {
				x := &fieldType{args: map[string]string{}}
				x.typ, x.many, x.leaf = named(f.Type)
				for _, a := range f.Arguments {
					x.args[a.Name.Name], _, _ = named(a.Type)
				}
				o.fields[f.Name] = x
			}
			out[name] = o
		case *ast.Union:
			o := &objectType{}
			for _, m := range t.UnionMemberTypes {
				o.union = append(o.union, m.Name)
			}
			out[name] = o
		}
	}
	return out
}

// named is the name of a type without what is around it, whether that makes it a list, and whether it has no fields.
func named(t ast.Type) (name string, many, leaf bool) {
	for {
		switch x := t.(type) {
		case *ast.NonNull:
			t = x.OfType
		case *ast.List:
			t, many = x.OfType, true
		case *ast.ObjectTypeDefinition:
			return x.Name, many, false
		case *ast.Union:
			return x.Name, many, false
		case *ast.ScalarTypeDefinition:
			return x.Name, many, true
		default:
			return t.String(), many, true
		}
	}
}

// field is the field of a type; nil when there is none.
func (t types) field(typ, name string) *fieldType {
	o := t[typ]
	if o == nil {
		return nil
	}
	return o.fields[name]
}
