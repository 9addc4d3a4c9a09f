package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"concord/testharness/population"
)

// doubt has one EHR register somebody by no more than name, sex and birth date who may be a patient of another, and asks for
// that patient: the pair waits for somebody to decide.
func (d *Demo) doubt(ctx context.Context) error {
	for _, p := range d.World.Population.Persons {
		if len(p.Copies) == 0 || p.DecoyOf != "" {
			continue
		}
		for _, e := range d.World.EHRs {
			if slices.ContainsFunc(p.Copies, func(c population.Copy) bool { return c.Source == e.Source() }) {
				continue
			}
			record, err := json.Marshal(map[string]any{
				"resourceType": "Patient", "id": "90014420", "active": true, "gender": p.Gender, "birthDate": p.Birth.Format(time.DateOnly),
				"name": []any{map[string]any{"use": "official", "family": p.Family, "given": p.Given}},
			})
			if err != nil {
				return err
			}
			if err := e.Load(record); err != nil {
				return fmt.Errorf("%s: %w", e.Source(), err)
			}
			_, _, err = d.find(ctx, string(p.Copies[0].Source)+"."+p.Copies[0].ID)
			return err
		}
	}
	return nil
}
