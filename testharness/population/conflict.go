package population

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// plan is a planted conflict: what one source tells otherwise than the others.
type plan struct {
	kind    ConflictKind
	odd     int // index of that source
	holders []int
	change  func(*object)
}

func (p *plan) at(si int) func(*object) {
	if p == nil || p.odd != si {
		return nil
	}
	return p.change
}

// plant chooses events that two or more sources hold, kinds in turn.
func (d *dealer) plant(p *Person, events []*event, holders [][]int) map[EventKey]*plan {
	out := map[EventKey]*plan{}
	if d.o.Conflicts <= 0 {
		return out
	}
	r := d.seed.stream("conflicts", string(p.Key))
	perm := r.Perm(len(events))
	kinds := []ConflictKind{ConflictValue, ConflictDose, ConflictNegation, ConflictStatus}
	for turn := 0; len(out) < d.o.Conflicts; turn++ {
		if turn >= d.o.Conflicts+len(kinds) {
			break
		}
		kind := kinds[turn%len(kinds)]
		for _, i := range perm {
			e := events[i]
			if len(holders[i]) < 2 || out[e.key] != nil {
				continue
			}
			if f := contradiction(kind, e); f != nil {
				out[e.key] = &plan{kind, holders[i][len(holders[i])-1], holders[i], f}
				break
			}
		}
	}
	return out
}

// conclude writes the planted conflicts into the truth, in the order of their keys.
func (d *dealer) conclude(planted map[EventKey]*plan, events []*event) {
	for _, e := range events {
		p := planted[e.key]
		if p == nil {
			continue
		}
		var most, odd []Copy
		for _, si := range p.holders {
			c := Copy{d.sources[si].ID, e.typ, d.ids[si][e.key]}
			if si == p.odd {
				odd = append(odd, c)
			} else {
				most = append(most, c)
			}
		}
		slices.SortFunc(most, compareCopies)
		d.truth.Conflicts = append(d.truth.Conflicts, Conflict{e.key, p.kind, [][]Copy{most, odd}})
	}
}

// contradiction is how a body comes to disagree; nil where the kind does not fit.
func contradiction(kind ConflictKind, e *event) func(*object) {
	switch kind {
	case ConflictValue:
		if e.typ == "Observation" && hasCategory(e.body, "laboratory") && e.body.Has("valueQuantity") {
			return otherValue
		}
	case ConflictDose:
		if e.typ == "MedicationRequest" && doseOf(e.body) != nil {
			return otherDose
		}
	case ConflictStatus:
		if e.typ == "MedicationRequest" && e.body.Text("status") == "active" {
			return func(o *object) { o.Set("status", "stopped") }
		}
	case ConflictNegation:
		switch e.typ {
		case "Immunization":
			return func(o *object) {
				o.Set("status", "not-done")
				o.SetAfter("status", "statusReason", bare(hl7Code+"v3-ActReason", "PATOBJ", "patient objection"))
			}
		case "Procedure":
			return func(o *object) { o.Set("status", "not-done") }
		case "Condition":
			return refute(hl7Code + "condition-ver-status")
		case "AllergyIntolerance":
			return refute(hl7Code + "allergyintolerance-verification")
		}
	}
	return nil
}

func refute(system string) func(*object) {
	return func(o *object) {
		o.Set("verificationStatus", bare(system, "refuted", "Refuted"))
		if cs := o.Object("clinicalStatus"); cs != nil {
			for _, c := range cs.List("coding") {
				if x, ok := c.(*object); ok {
					x.Set("code", "inactive")
					x.Delete("display")
				}
			}
		}
	}
}

func otherValue(o *object) {
	q := o.Object("valueQuantity")
	v, _ := q.Get("value").(json.Number)
	q.Set("value", larger(v))
	o.Delete("interpretation")
}

// larger is a quarter and one more, with as many decimals.
func larger(v json.Number) json.Number {
	x, err := v.Float64()
	if err != nil {
		return "1"
	}
	_, frac, _ := strings.Cut(string(v), ".")
	return json.Number(strconv.FormatFloat(x*1.25+1, 'f', len(frac), 64))
}

func doseOf(o *object) *object {
	for _, d := range o.List("dosageInstruction") {
		di, _ := d.(*object)
		if di == nil {
			continue
		}
		for _, x := range di.List("doseAndRate") {
			if dr, ok := x.(*object); ok && dr.Object("doseQuantity") != nil {
				return dr.Object("doseQuantity")
			}
		}
	}
	return nil
}

func otherDose(o *object) {
	q := doseOf(o)
	v, _ := q.Get("value").(json.Number)
	n := larger(v)
	q.Set("value", n)
	for _, d := range o.List("dosageInstruction") {
		if di, ok := d.(*object); ok && di.Has("text") {
			text, _ := di.Get("text").(string)
			di.Set("text", strings.Replace(text, "Take "+string(v)+" ", "Take "+string(n)+" ", 1))
		}
	}
}
