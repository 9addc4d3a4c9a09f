package merge

import (
	"encoding/json"
	"strings"

	"concord"
	"concord/fhir"
)

// Explanation is why an entry is what it is, ready to be rendered: its JSON has a stable form, and Parameters is the same
// as a FHIR resource. It says what was compared and never what was read: no values. PHI as far as references are: they hold
// ids.
type Explanation struct {
	// Survivor is the reference of the copy whose bytes stand for the event, Copies those of all copies, by source and id.
	Survivor string   `json:"survivor"`
	Copies   []string `json:"copies"`
	// Rule names the rule that joined the copies; "" for a single copy, as the next three.
	Rule string `json:"rule,omitempty"`
	// Strength is "exactly", "nearly", "loosely", or for a person "index".
	Strength string `json:"strength,omitempty"`
	// Agreed is what every two copies say alike, Some what only some do, from the words of Evidence.
	Agreed []string `json:"agreed,omitempty"`
	Some   []string `json:"agreedBySome,omitempty"`
	// Pairs tell it of every two copies, where it is not the same for all.
	Pairs []ExplainedPair `json:"pairs,omitempty"`
	// Gained is what the survivor has from the other copies, in their order.
	Gained []ExplainedGain `json:"gained,omitempty"`
	// Conflicts are the entries that tell the event otherwise, PossibleDuplicates those that may be the same. Of more than
	// MostOthers the rest is left out, and More is true.
	Conflicts          []ExplainedOther `json:"conflicts,omitempty"`
	PossibleDuplicates []ExplainedOther `json:"possibleDuplicates,omitempty"`
	More               bool             `json:"more,omitempty"`
	// Disagreements are the codes of all conflicts, also of an entry that was put together out of sight of the others.
	Disagreements []ConflictCode `json:"disagreements,omitempty"`
}

// ExplainedPair is two copies that were compared.
type ExplainedPair struct {
	// Copies are the references of the two.
	Copies [2]string `json:"copies"`
	// Strength is that of these two; Agreed what both say alike, empty where the other copies stand for it.
	Strength string   `json:"strength"`
	Agreed   []string `json:"agreed,omitempty"`
}

// ExplainedGain is a copy and the elements that the survivor has from it, such as "code.coding".
type ExplainedGain struct {
	From     string   `json:"from"`
	Elements []string `json:"elements"`
}

// ExplainedOther is another entry of the record.
type ExplainedOther struct {
	// With is the reference of the entry's survivor.
	With string `json:"with"`
	// In are the codes of what the two disagree in, from the set of ConflictCode.
	In []ConflictCode `json:"in,omitempty"`
	// Reason is why they may be the same and were not joined, from the set of DuplicateCode.
	Reason DuplicateCode `json:"reason,omitempty"`
	// Strength is what they are, that apart; Agreed what both say alike.
	Strength string   `json:"strength,omitempty"`
	Agreed   []string `json:"agreed,omitempty"`
}

// Explain tells why e is what it is. refer names a source's resource as the reader knows it, such as
// "Observation/epic.123"; for a resource that the reader may not see it is "", and then nothing is told of it.
func (e Entry) Explain(refer func(s concord.SourceID, t fhir.ResourceType, id string) string) Explanation {
	t := e.Survivor.Type()
	ref := func(s concord.SourceID, id string) string { return refer(s, t, id) }
	x := Explanation{Survivor: ref(e.Survivor.Source, e.Survivor.ID()), Copies: []string{}, Rule: e.Rule, Strength: e.Why.Strength,
		Agreed: e.Why.Agreed.Names(), Some: e.Why.Some.Names(), Disagreements: e.Conflicts, More: len(e.Others) >= MostOthers}
	names := make([]string, len(e.Copies))
	for i, c := range e.Copies {
		if names[i] = ref(c.Source, c.ID()); names[i] != "" {
			x.Copies = append(x.Copies, names[i])
		}
	}
	for _, p := range e.Why.Pairs {
		if e.Why.of != len(e.Copies) { // some were taken away since, so that it is not known whose they are
			break
		}
		if a, b := names[p.A], names[p.B]; a != "" && b != "" {
			x.Pairs = append(x.Pairs, ExplainedPair{[2]string{a, b}, p.Relation.String(), p.Agreed.Names()})
		}
	}
	for _, a := range e.Add {
		x.gain(ref(a.From, a.ID), a)
	}
	for _, o := range e.Others {
		out := ExplainedOther{With: ref(o.Source, o.ID), In: o.Conflicts, Reason: o.Duplicate, Strength: o.Strength, Agreed: o.Agreed.Names()}
		switch {
		case out.With == "":
		case len(o.Conflicts) > 0:
			x.Conflicts = append(x.Conflicts, out)
		default:
			x.PossibleDuplicates = append(x.PossibleDuplicates, out)
		}
	}
	return x
}

// gain adds an addition, once for each element and copy.
func (x *Explanation) gain(from string, a Addition) {
	if from == "" {
		return
	}
	name := a.Name
	if name == "" {
		name = a.Value.Name()
	}
	name = strings.TrimPrefix(a.Into+"."+name, ".")
	for i := range x.Gained {
		if g := &x.Gained[i]; g.From == from {
			for _, n := range g.Elements {
				if n == name {
					return
				}
			}
			g.Elements = append(g.Elements, name)
			return
		}
	}
	x.Gained = append(x.Gained, ExplainedGain{from, []string{name}})
}

// parameter is a FHIR Parameters.parameter.
type parameter struct {
	Name      string      `json:"name"`
	Code      string      `json:"valueCode,omitempty"`
	String    string      `json:"valueString,omitempty"`
	Boolean   bool        `json:"valueBoolean,omitempty"`
	Reference *reference  `json:"valueReference,omitempty"`
	Part      []parameter `json:"part,omitempty"`
}

type reference struct {
	Reference string `json:"reference"`
}

// Parameters is the explanation as a FHIR Parameters resource in JSON, in which each word is a valueCode, an element's name
// a valueString, and each resource a valueReference.
func (x Explanation) Parameters() []byte {
	out := []parameter{refers("survivor", x.Survivor)}
	out = append(out, refersAll("copy", x.Copies)...)
	out = append(out, codes("rule", x.Rule)...)
	out = append(out, codes("strength", x.Strength)...)
	out = append(out, codes("agreed", x.Agreed...)...)
	out = append(out, codes("agreedBySome", x.Some...)...)
	for _, p := range x.Pairs {
		part := append(refersAll("copy", p.Copies[:]), codes("strength", p.Strength)...)
		out = append(out, parameter{Name: "pair", Part: append(part, codes("agreed", p.Agreed...)...)})
	}
	for _, g := range x.Gained {
		part := []parameter{refers("from", g.From)}
		for _, n := range g.Elements {
			part = append(part, parameter{Name: "element", String: n})
		}
		out = append(out, parameter{Name: "gained", Part: part})
	}
	for _, o := range x.Conflicts {
		out = append(out, o.parameter("conflict"))
	}
	for _, o := range x.PossibleDuplicates {
		out = append(out, o.parameter("possibleDuplicate"))
	}
	for _, c := range x.Disagreements {
		out = append(out, codes("disagreement", string(c))...)
	}
	if x.More {
		out = append(out, parameter{Name: "more", Boolean: true})
	}
	b, err := json.Marshal(struct {
		Type      string      `json:"resourceType"`
		Parameter []parameter `json:"parameter"`
	}{"Parameters", out})
	if err != nil {
		return nil // can't be: there is nothing in it that JSON has not
	}
	return b
}

func (o ExplainedOther) parameter(name string) parameter {
	part := []parameter{refers("with", o.With)}
	for _, c := range o.In {
		part = append(part, codes("in", string(c))...)
	}
	part = append(part, codes("reason", string(o.Reason))...)
	part = append(part, codes("strength", o.Strength)...)
	return parameter{Name: name, Part: append(part, codes("agreed", o.Agreed...)...)}
}

func refers(name, ref string) parameter {
	return parameter{Name: name, Reference: &reference{ref}}
}

func refersAll(name string, refs []string) (out []parameter) {
	for _, r := range refs {
		out = append(out, refers(name, r))
	}
	return out
}

// codes are parameters of one name; words that are empty are none.
func codes(name string, words ...string) (out []parameter) {
	for _, w := range words {
		if w != "" {
			out = append(out, parameter{Name: name, Code: w})
		}
	}
	return out
}
