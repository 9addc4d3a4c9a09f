package merge

import (
	"slices"
	"strings"

	"concord/fhir"
)

// Detached is e with its resources taken out of the documents that they came in, each of which they would otherwise keep
// in memory as a whole. The parts that the survivor gains are those of the detached copies.
func (e Entry) Detached() Entry {
	out := e
	out.Copies, out.Add = make([]Copy, len(e.Copies)), slices.Clone(e.Add)
	for i, c := range e.Copies {
		r, err := fhir.Parse(slices.Clone(c.Raw()), fhir.Limits{})
		if err != nil {
			r = c.Resource // can't be: it was parsed before
		}
		out.Copies[i] = Copy{Source: c.Source, Resource: r}
		if c == e.Survivor {
			out.Survivor = out.Copies[i]
		}
		for j, a := range e.Add {
			if a.From == c.Source && a.ID == c.ID() {
				out.Add[j].ID = r.ID() // of the copy's own bytes
				out.Add[j].Value = counterpart(c.Value, r.Value, a.Value)
			}
		}
	}
	out.Others = slices.Clone(e.Others)
	for i := range out.Others {
		out.Others[i].ID = strings.Clone(out.Others[i].ID)
	}
	return out
}

// counterpart is what stands in copied where part stands in v, of which copied is a copy; part itself when it stands
// elsewhere.
func counterpart(v, copied, part fhir.Value) fhir.Value {
	if !v.Contains(part) {
		return part
	}
	n := 0
	for x := range v.Within() {
		if x == part {
			break
		}
		n++
	}
	for x := range copied.Within() {
		if n == 0 {
			return x
		}
		n--
	}
	return part
}
