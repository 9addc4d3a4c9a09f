package graphql

import (
	"context"
	"errors"
	"slices"
	"strings"

	"concord/federation"
	"concord/fhir"
	"concord/mpi"
)

// followed are the arguments of Reference.resource.
type followed struct {
	Optional *bool
	Type     *string
}

// follow is Reference.resource (FHIR GraphQL, resource references).
func follow(ctx context.Context, x *node, a followed) (*tResource, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	n, err := r.target(ctx, x, a.Type)
	var f *failure
	if errors.As(err, &f) && a.Optional != nil && *a.Optional {
		switch f.code {
		case codeForbidden, codeNotFound, codeUnsupported:
			return nil, nil //nolint:nilnil // what can't be resolved is null then, without an error
		}
	}
	return (*tResource)(n), err
}

// target is what a reference leads to; nil for one of another type than is asked for.
func (r *run) target(ctx context.Context, x *node, want *string) (*node, error) {
	unresolved := fail(codeNotFound, "this reference can't be resolved")
	v := x.v.Get("reference")
	if !v.IsString() {
		return nil, unresolved
	}
	ref := fhir.ParseReference(v.Text(), "")
	if ref.Kind == fhir.ContainedReference {
		return r.inside(x.in, ref.ID, want)
	}
	if want != nil && ref.Type != "" && string(ref.Type) != *want {
		return nil, nil //nolint:nilnil // the argument leaves it out
	}
	if ref.Kind != fhir.LocalReference || ref.Version != "" {
		return nil, unresolved // what is elsewhere is never fetched
	}
	if !offered(string(ref.Type)) {
		return nil, fail(codeUnsupported, "a resource of this type can't be shown here")
	}
	n := Name{ref.Type, ref.ID}
	if res, ok := r.knownResource(n); ok {
		nodes, err := r.admit(n.Type, fhir.Read, []fhir.Resource{res})
		if err != nil {
			return nil, err
		}
		return &nodes[0], nil
	}
	return r.readOne(ctx, Link{Type: n.Type, ID: n.ID, From: x.in.name()})
}

// inside finds what a reference within a resource means: one that is contained, or with an empty id the resource itself.
func (r *run) inside(in *instance, id string, want *string) (*node, error) {
	holder := in
	if in.outer != nil {
		holder = in.outer
	}
	found := holder.res.Value
	if id != "" {
		found = fhir.Value{}
		for c := range holder.res.Get("contained").Items() {
			if c.Get("id").Is(id) {
				found = c
				break
			}
		}
	}
	if !found.IsObject() {
		return nil, fail(codeNotFound, "this reference can't be resolved")
	}
	if want != nil && !found.Get("resourceType").Is(*want) {
		return nil, nil //nolint:nilnil // the argument leaves it out
	}
	if id == "" {
		if err := r.covers(right{typ: holder.res.Type(), how: fhir.Read}); err != nil {
			return nil, err
		}
		return &node{found, holder}, nil
	}
	n, err := r.admitContained(holder, found)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// contained is a list of resources within one. If one of them may not be shown, none is: a list is whole or an error.
func contained(ctx context.Context, x *node, name string) (*[]*tResource, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	v := x.v.Get(name)
	if !v.IsArray() {
		return nil, nil //nolint:nilnil // there are none
	}
	if err := r.promises(v.Len(), name); err != nil {
		return nil, err
	}
	out := []*tResource{}
	for c := range v.Items() {
		n, err := r.admitContained(x.in, c)
		if err != nil {
			return nil, err
		}
		out = append(out, (*tResource)(&n))
	}
	return &out, nil
}

// referring is {Type}List within a resource: those that refer to it (FHIR GraphQL, reverse references).
func referring(ctx context.Context, x *node, typ, reference string, all []federation.Param, w window) ([]node, error) {
	r, err := runOf(ctx)
	if err != nil {
		return nil, err
	}
	t := fhir.ResourceType(typ)
	var who mpi.PersonID
	if x.in.outer == nil && x.in.res.Type() == fhir.TypePatient {
		who = person(x.in.res.ID())
	}
	if err := r.covers(right{t, fhir.SearchType, who}); err != nil {
		return nil, err
	}
	if x.in.outer != nil || !x.whole() || x.in.res.ID() == "" {
		return nil, fail(codeInput, "nothing refers to a contained resource")
	}
	more, err := reversed(Name{x.in.res.Type(), x.in.res.ID()}, x.in.res.Path("subject", "reference").Text(), t, reference, all)
	if err != nil {
		return nil, err
	}
	return r.list(ctx, t, more, w, who)
}

// reversed is the parameters of a list of resources that refer to focus, whose subject is given for an Encounter. A search
// needs a patient: an Encounter has one, and a Patient is one. Its error is a *failure.
func reversed(focus Name, subject string, t fhir.ResourceType, reference string, all []federation.Param) ([]federation.Param, error) {
	name := strings.ReplaceAll(reference, "_", "-")
	targets, ok := fhir.IncludeParam(t, name)
	if !ok || len(targets) > 0 && !slices.Contains(targets, focus.Type) {
		return nil, fail(codeInput, "_reference names no parameter by which these refer to this")
	}
	out := append(slices.Clone(all), federation.Param{Key: name, Value: string(focus.Type) + "/" + focus.ID})
	patients := fhir.PatientParam(t)
	named := slices.ContainsFunc(all, func(p federation.Param) bool { return slices.Contains(patients, p.Key) })
	if focus.Type == fhir.TypeEncounter && len(patients) > 0 && subject != "" && !named {
		out = append(out, federation.Param{Key: patients[0], Value: subject})
	}
	return out, nil
}
