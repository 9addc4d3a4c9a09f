package graphql_test

import (
	"context"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"concord/fhir"
	"concord/graphql"
)

// chartQuery is 15 elements of one patient's chart.
const chartQuery = `{ Patient(id: "p1") { id gender birthDate name { family given }
 ObservationList(_reference: patient) { id status effectiveDateTime code { text coding { code } } valueQuantity { value unit } }
 ConditionList(_reference: patient) { id onsetDateTime code { text } } } }`

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// One patient, 500 observations, 100 conditions, scopes on: cpu-ms/op is the number that counts.
func BenchmarkChart(b *testing.B) {
	e := newEngine(b)
	r := &record{all: chart(b, 500, 100)}
	for _, scope := range []string{"user/*.rs", "patient/*.rs", "patient/Patient.rs patient/Condition.rs patient/Observation.rs?category=laboratory patient/Observation.rs?category=vital-signs"} {
		g := grant(scope)
		r.grant, r.leaky = g, true // what the backend does is not measured
		b.Run(fmt.Sprintf("%.20s", scope), func(b *testing.B) {
			fixed := fixedAnswers{r}
			b.ReportAllocs()
			from := cpu()
			for b.Loop() {
				out := e.Execute(context.Background(), graphql.Request{Query: chartQuery}, fixed, g, graphql.Limits{})
				if out.Status != 200 || out.Disclosed["Observation"] != 500 || out.Disclosed["Condition"] != 100 {
					b.Fatalf("%d %v %.300s", out.Status, out.Disclosed, out.Body)
				}
			}
			b.ReportMetric(float64((cpu()-from).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
}

// fixedAnswers is a record that looks for nothing, but parses what it gives, as whoever renders resources has to.
type fixedAnswers struct{ *record }

func (f fixedAnswers) Search(_ context.Context, queries []graphql.Query) []graphql.Answer {
	out := make([]graphql.Answer, len(queries))
	for i, q := range queries {
		for _, r := range f.all {
			if r.Type() != q.Type || strings.Contains(r.ID(), "other") {
				continue
			}
			if r, err := fhir.Parse(r.Raw(), fhir.Limits{}); err == nil {
				out[i].Resources = append(out[i].Resources, r)
			}
		}
	}
	return out
}
