//go:build unix

package gateway

import (
	"crypto/sha256"
	"fmt"
	"syscall"
	"testing"
	"time"

	"concord"
	"concord/fhir"
	"concord/gateway/shelf"
	"concord/merge"
	"concord/smart"
)

// BenchmarkSharedPage is what it costs to put an answer of 600 Observations from three sources on a shelf, and to read it at
// another gateway, and how large it is there.
func BenchmarkSharedPage(b *testing.B) {
	var batches []merge.Batch
	size := 0
	for s, source := range []concord.SourceID{"epic", "cerner", "athena"} {
		batch := merge.Batch{Source: source}
		for i := range 200 {
			minute := i
			if i%3 != 0 {
				minute += 100_000 * (s + 1)
			}
			at := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(minute) * 17 * time.Minute).Format(time.RFC3339)
			r := parsed(b, fmt.Sprintf(`{"resourceType":"Observation","id":"L-%d","meta":{"versionId":"1","lastUpdated":"2024-05-01T10:00:00.000Z"},"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}],"text":"Laboratory"}],"code":{"coding":[{"system":"urn:oid:1.2.3.%d","code":"%d","display":"Local name of the test","userSelected":true},{"system":"http://loinc.org","code":"%d-3","display":"A substance [Moles/volume] in Serum or Plasma"}],"text":"Local name of the test"},"subject":{"reference":"Patient/p1"},"effectiveDateTime":"%s","issued":"%s","identifier":[{"system":"urn:oid:1.2.3","value":"%x"}],"valueQuantity":{"value":4.%d,"unit":"mmol/L","system":"http://unitsofmeasure.org","code":"mmol/L"}}`, i, s, 1000+i%40, 1000+i%40, at, at, sha256.Sum256([]byte{byte(s), byte(i)}), i%90))
			batch.Resources = append(batch.Resources, r)
			size += len(r.Raw())
		}
		batches = append(batches, batch)
	}
	rec := merge.NewEngine(merge.Default()).Merge(batches)
	book := &book{caller: ann, route: route{interaction: fhir.SearchType, typ: "Observation"}, access: smart.Access{Type: "Observation", Interaction: fhir.SearchType}, q: &query{typ: "Observation", count: 100}, matches: rec.Entries}
	p := newPages(Shared{Shelf: shelf.NewMemory(64<<20, nil), Keys: keysOf(b, shelf.NewKeyLine())})
	sealed, ok := p.seal("0", book, time.Now().Add(time.Minute))
	if !ok {
		b.Fatal("it can't be sealed")
	}
	b.Run("seal", func(b *testing.B) {
		b.SetBytes(int64(size))
		began := cpu(b)
		for b.Loop() {
			p.seal("0", book, time.Now().Add(time.Minute))
		}
		b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-us/op")
		b.ReportMetric(float64(len(sealed)), "sealed-bytes")
	})
	b.Run("open", func(b *testing.B) {
		b.SetBytes(int64(size))
		began := cpu(b)
		for b.Loop() {
			if _, _, err := p.open("0", ann, sealed); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64((cpu(b)-began).Microseconds())/float64(b.N), "cpu-us/op")
		b.ReportMetric(float64(len(sealed)), "sealed-bytes")
	})
}

// cpu is what the process has used so far: on a machine that others use too it says more than the clock.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
