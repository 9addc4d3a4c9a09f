package graphql

import (
	"strings"

	"concord/fhir"
	"concord/mpi"
	"concord/smart"
)

// This is the only file that makes instances: every way by which a resource comes into the answer ends here.

// right is one question to the grant.
type right struct {
	typ    fhir.ResourceType
	how    fhir.Interaction
	person mpi.PersonID // whose, as far as it is known
}

// allows asks the grant; nil is yes. It asks once for each right.
func (r *run) allows(k right) *failure {
	v, ok := r.rights.Load(k)
	if !ok {
		var f *failure
		if err := r.grant.Check(smart.Access{Type: k.typ, Interaction: k.how, Patient: k.person}); err != nil {
			f = ofGrant(err)
		}
		v, _ = r.rights.LoadOrStore(k, f)
	}
	f, ok := v.(*failure)
	if !ok {
		return ofGrant(nil)
	}
	return f
}

// covers is allows for a place of the answer: a refusal is counted. Its error is a *failure.
func (r *run) covers(k right) error {
	if f := r.allows(k); f != nil {
		return r.refused(f)
	}
	return nil
}

// plainly tells whether the grant lets all resources of a type be reached so, whatever stands in them but for whose they
// are.
func (r *run) plainly(t fhir.ResourceType, how fhir.Interaction) bool {
	for _, s := range r.grant.UsedScopes(smart.Access{Type: t, Interaction: how}) {
		if !strings.ContainsRune(s, '?') {
			return true
		}
	}
	return false
}

// looksInside tells whether the grant decides by a resource's content whether it may be read.
func (r *run) looksInside(t fhir.ResourceType) bool {
	return !r.plainly(t, fhir.Read) || r.grant.Confined(smart.Access{Type: t, Interaction: fhir.Read})
}

// person is the person that a public id of a Patient names; "" for that of a source's record.
func person(id string) mpi.PersonID {
	if strings.Contains(id, ".") {
		return ""
	}
	return mpi.PersonID(id)
}

// admit lets resources of one type into the answer, which were reached so and came from the backend, narrowed. Its error
// is a *failure.
func (r *run) admit(t fhir.ResourceType, how fhir.Interaction, all []fhir.Resource) ([]node, error) {
	if err := r.covers(right{typ: t, how: how}); err != nil {
		return nil, err
	}
	for _, res := range all {
		if !res.Get("resourceType").Is(string(t)) {
			return nil, r.end(internal())
		}
	}
	return r.nodes(all, nil)
}

// admitContained lets a resource in that is contained in one that is in. It is a part of what was narrowed, but of a type
// of its own: where the grant looks at the content of that type, nobody has looked at this, and it stays out.
func (r *run) admitContained(in *instance, v fhir.Value) (node, error) {
	res := fhir.Resource{Value: v}
	t := res.Type()
	if !offered(string(t)) {
		return node{}, fail(codeUnsupported, "a resource of this type can't be shown here")
	}
	if err := r.covers(right{typ: t, how: fhir.Read}); err != nil {
		return node{}, err
	}
	if !r.plainly(t, fhir.Read) {
		return node{}, r.refused(ofGrant(nil))
	}
	out, err := r.nodes([]fhir.Resource{res}, in)
	if err != nil {
		return node{}, err
	}
	return out[0], nil
}

// nodes makes the instances.
func (r *run) nodes(all []fhir.Resource, outer *instance) ([]node, error) {
	r.mu.Lock()
	r.resources += len(all)
	over := r.resources > r.lim.Resources
	if !over && outer == nil {
		for _, res := range all {
			r.disclosed[Name{res.Type(), res.ID()}] = struct{}{}
		}
	}
	r.mu.Unlock()
	if over {
		return nil, r.costly("the answer has too many resources")
	}
	instances := make([]instance, len(all))
	out := make([]node, len(all))
	for i, res := range all {
		instances[i] = instance{run: r, res: res, outer: outer}
		out[i] = node{res.Value, &instances[i]}
	}
	return out, nil
}
