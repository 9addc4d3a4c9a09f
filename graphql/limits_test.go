package graphql_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"concord/graphql"
)

// tooCostly tells whether a request ended with nothing but that.
func tooCostly(r reply) bool {
	return r.Status == 400 && r.Data == nil && len(r.Errors) == 1 && r.Errors[0].Extensions.Code == "QUERY_TOO_COSTLY" && r.Disclosed == nil
}

func aliased(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d:%s ", i, field)
	}
	return b.String()
}

func TestLimits(t *testing.T) {
	all := chart(t, 500, 50)
	deep := strings.Repeat(`subject{resource{...on Patient{ConditionList(_reference:patient){`, 40) + "id" + strings.Repeat("}}}}", 40)
	for _, x := range []struct {
		name, query string
		lim         graphql.Limits
		asked       bool // the sources may have been
	}{
		{name: "deep", query: `{ConditionList(patient:"p1"){` + deep + `}}`},
		{name: "deep within reason", query: `{ConditionList(patient:"p1"){` + strings.Repeat(`subject{resource{...on Patient{ConditionList(_reference:patient){`, 4) + "id" + strings.Repeat("}}}}", 4) + `}}`},
		{name: "very deep", query: strings.Repeat("{a", 20_000) + strings.Repeat("}", 20_000)},
		{name: "a deep value", query: `{Patient(id:` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `){id}}`},
		{name: "a deep type", query: `query($a:` + strings.Repeat("[", 20_000) + `){Patient(id:"p1"){id}}`},
		{name: "long", query: `{Patient(id:"p1"){id` + strings.Repeat(" ", 70_000) + `}}`},
		{name: "aliases", query: `{Patient(id:"p1"){` + aliased(31, "id") + `}}`},
		{name: "roots", query: `{` + aliased(11, `Patient(id:"p1"){id}`) + `}`},
		{name: "roots in fragments", query: `{...A ...A} fragment A on Query{` + aliased(6, `Patient(id:"p1"){id}`) + `}`},
		{name: "the same field again", query: `{Patient(id:"p1"){` + strings.Repeat("id ", 1001) + `}}`},
		{name: "500 aliases on 500 rows", query: `{Patient(id:"p1"){ObservationList(_reference:patient){` + aliased(500, "status") + `}}}`},
		{name: "500 aliases in sets of 30", query: `{Patient(id:"p1"){` + strings.Repeat(`ObservationList(_reference:patient){`+strings.Repeat(`code{`+aliased(29, "text")+`}`, 30)+`}`, 1) + `}}`, asked: true},
		{name: "a fragment bomb", query: `{Patient(id:"p1"){...F0}}` + bomb(20)},
		{name: "fragments", query: `{Patient(id:"p1"){id}}` + bomb(51)},
		{name: "directives", query: `{Patient(id:"p1"){id @skip(if:false)@skip(if:false)@skip(if:false)@include(if:true)@include(if:true)@include(if:true)}}`},
		{name: "a circle", query: `{Patient(id:"p1"){ObservationList(_reference:patient){subject{resource{...on Patient{ObservationList(_reference:patient){id status code{text}}}}}}}}`, asked: true},
		{name: "typenames in a circle", query: `{Patient(id:"p1"){ObservationList(_reference:patient){subject{resource{...on Patient{ObservationList(_reference:patient){__typename}}}}}}}`, asked: true},
		{name: "resources", query: `{Patient(id:"p1"){ObservationList(_reference:patient){id}}}`, lim: graphql.Limits{Resources: 100}, asked: true},
		{name: "fields of the answer", query: `{Patient(id:"p1"){ObservationList(_reference:patient){id category{coding{code system display}}}}}`, lim: graphql.Limits{Fields: 700}, asked: true},
		{name: "bytes of the answer", query: `{Patient(id:"p1"){ConditionList(_reference:patient){note{text}}}}`, lim: graphql.Limits{Body: 10_000}, asked: true},
		{name: "searches", query: `{Patient(id:"p1"){` + searches(6) + `}}`, lim: graphql.Limits{Searches: 5}, asked: true},
		{name: "references", query: `{Patient(id:"p1"){ObservationList(_reference:patient){performer{resource{...on Practitioner{id}}}}}}`, lim: graphql.Limits{References: 1}, asked: true},
		{name: "fields without fragments", query: `{ObservationList(patient:"p1"){subject{resource{` + aliased(30, "language") + `}}}}`},
		{name: "names", query: `{Patient(id:"p1"){` + strings.Repeat("a:a ", 15_000) + `}}`},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := &record{all: all, grant: grant("user/*.rs")}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			r := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: x.query}, b, b.grant, x.lim))
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if !tooCostly(r) {
				t.Errorf("%d %.400s", r.Status, r.Body)
			}
			if len(b.searches)+len(b.reads) > 0 != x.asked {
				t.Errorf("sources asked: %v %v", b.searches, b.reads)
			}
			t.Logf("%v, %.1f MB", took, float64(after.TotalAlloc-before.TotalAlloc)/(1<<20))
			if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 64 {
				t.Errorf("%d MB", mb)
			}
		})
	}
}

// bomb is n fragments on Patient, each twice within the one before it.
func bomb(n int) string {
	var b strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&b, " fragment F%d on Patient{...F%d ...F%d}", i, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on Patient{id}", n-1)
	return b.String()
}

func searches(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `a%d:ObservationList(_reference:patient,code:"%d-4"){id} `, i, i)
	}
	return b.String()
}

// What is asked for often is fetched once, all of it at once.
func TestOneFanOut(t *testing.T) {
	for _, x := range []struct {
		name, query      string
		vars             map[string]any
		fans, all, reads int
	}{
		{name: "lists in a patient", query: `{Patient(id:"p1"){ConditionList(_reference:patient){id} ObservationList(_reference:patient,category:laboratory,_sort:"-date"){id}}}`, fans: 1, all: 2, reads: 1},
		{name: "aliases", query: `{Patient(id:"p1"){` + aliased(20, `ConditionList(_reference:patient){id}`) + `}}`, fans: 1, all: 1, reads: 1},
		{name: "a slice of the same", query: `{Patient(id:"p1"){a:ConditionList(_reference:patient,_count:1){id} b:ConditionList(_reference:patient,_offset:1){id}}}`, fans: 1, all: 1, reads: 1},
		{name: "variables", query: `query($p:String!,$c:[String!],$d:String="final"){ObservationList(patient:[$p],category:$c,status:[$d]){id}}`, vars: map[string]any{"p": "p1", "c": []any{"laboratory", "vital-signs"}}, fans: 1, all: 1},
		{name: "fragments", query: `{...Q} fragment Q on Query{Patient(id:"p1"){...P}} fragment P on Patient{...on Patient{ConditionList(_reference:subject){id}}}`, fans: 1, all: 1, reads: 1},
		{name: "in a circle", query: `{Patient(id:"p1"){ConditionList(_reference:patient){subject{resource{...on Patient{id ObservationList(_reference:patient){id}}}}}}}`, fans: 1, all: 2, reads: 1},
		{name: "encounters of all observations", query: `{ObservationList(patient:"p1"){encounter{resource{...on Encounter{status}}}}}`, fans: 1, all: 2},
		{name: "practitioners of all observations", query: `{ObservationList(patient:"p1"){performer{resource{...on Practitioner{id}}}}}`, fans: 1, all: 1, reads: 1},
		{name: "skipped", query: `query($no:Boolean=false){Patient(id:"p1"){id ConditionList(_reference:patient)@include(if:$no){id} ObservationList(_reference:patient)@skip(if:true){id}}}`, reads: 1},
		{name: "two people", query: `{a:ConditionList(patient:"p1"){id} b:ConditionList(patient:"p2"){id}}`, fans: 1, all: 2},
		{name: "a connection", query: `{ObservationConnection(patient:"p1",_count:5){count next edges{resource{id encounter{resource{...on Encounter{id}}}}}}}`, fans: 1, all: 2},
		{name: "later", query: `{EncounterList(patient:"p1"){ObservationList(_reference:encounter){id}}}`, fans: 2, all: 2},
	} {
		t.Run(x.name, func(t *testing.T) {
			b := &record{all: chart(t, 20, 10), grant: grant("user/*.rs")}
			r := read(t, newEngine(t).Execute(t.Context(), graphql.Request{Query: x.query, Variables: x.vars}, b, b.grant, graphql.Limits{}))
			if r.Status != 200 || len(r.Errors) > 0 {
				t.Fatalf("%d %.400s", r.Status, r.Body)
			}
			if fans, all := b.calls(); fans != x.fans || all != x.all || len(b.reads) != x.reads {
				t.Errorf("%d searches in %d fan-outs, %d reads, want %d in %d and %d: %v", all, fans, len(b.reads), x.all, x.fans, x.reads, b.searches)
			}
		})
	}
}

func TestEndedEarly(t *testing.T) {
	query := graphql.Request{Query: `{ConditionList(patient:"p1"){id}}`}
	for _, x := range []struct {
		name   string
		lim    graphql.Limits
		before func(context.Context, context.CancelFunc)
		code   string
		status int
	}{
		{name: "time", lim: graphql.Limits{Time: time.Millisecond}, before: func(ctx context.Context, _ context.CancelFunc) { <-ctx.Done() }, code: "QUERY_TOO_COSTLY", status: 400},
		{name: "the caller goes", before: func(ctx context.Context, cancel context.CancelFunc) { cancel(); <-ctx.Done() }, code: "CANCELED", status: 503},
		{name: "the backend panics", before: func(context.Context, context.CancelFunc) { panic("Secretson") }, code: "INTERNAL", status: 500},
	} {
		t.Run(x.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			b := &record{all: chart(t, 1, 1), grant: grant("user/*.rs")}
			b.before = func(ctx context.Context) { x.before(ctx, cancel) }
			r := read(t, newEngine(t).Execute(ctx, query, b, b.grant, x.lim))
			if len(r.Errors) != 1 || r.Errors[0].Extensions.Code != x.code || r.Status != x.status || strings.Contains(string(r.Body), "Secretson") || dig(r.Data, "ConditionList") != nil || r.Broken != (x.code == "INTERNAL") {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		})
	}
}
