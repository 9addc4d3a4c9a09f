package smart_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"fmt"
	"testing"
	"time"

	"concord/fhir"
	"concord/merge"
	"concord/smart"
)

// BenchmarkVerify compares a token seen before with one that is not, and with the check of an RS384 signature by itself: the
// first must cost a twentieth at most.
func BenchmarkVerify(b *testing.B) {
	b.Run("known", func(b *testing.B) {
		v, iss := listening(b, newAuthServer(), nil)
		header := []string{"Bearer " + goodToken(iss, time.Now())}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := v.Verify(b.Context(), header); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("RS384", func(b *testing.B) {
		v, iss := listening(b, newAuthServer(), func(c *smart.Config) { c.CacheSize = 1 })
		both := [2][]string{{"Bearer " + goodToken(iss, time.Now())}, {"Bearer " + goodToken(iss, time.Now().Add(-time.Second))}}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := v.Verify(b.Context(), both[i%2]); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkSignature is the library's part of BenchmarkVerify/RS384.
func BenchmarkSignature(b *testing.B) {
	k := keys().rsa
	in := []byte(encode(goodHeader()) + "." + encode(goodClaims("https://idp.test", time.Now())))
	sig := signature("RS384", k, string(in))
	for b.Loop() {
		sum := sha512.Sum384(in)
		if err := rsa.VerifyPKCS1v15(&k.PublicKey, crypto.SHA384, sum[:], sig); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkView is Check and View of 1,000 resources.
func BenchmarkView(b *testing.B) {
	const n = 1000
	var rec merge.Record
	for i := range n {
		rec.Entries = append(rec.Entries, single(copyOf(b, "epic", fmt.Sprintf(
			`{"resourceType":"Observation","id":"o%d","status":"final",%s,"code":{"coding":[{"system":"http://loinc.org","code":"4548-4"}]},"subject":{"reference":"Patient/a"},"performer":[{"reference":"Practitioner/p"}]}`, i, labs))))
	}
	for name, scope := range map[string]string{"user": "user/*.rs", "patient": "patient/*.rs", "granular": "patient/Observation.rs?category=" + lab} {
		b.Run(name, func(b *testing.B) {
			g, a := granted(scope), search("Observation")
			b.ReportAllocs()
			for b.Loop() {
				if err := g.Check(a); err != nil {
					b.Fatal(err)
				}
				if v := g.View(rec, a); v.Len() != n {
					b.Fatal(v.Len())
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/resource")
		})
	}
}

func BenchmarkNewGrant(b *testing.B) {
	const scope = "openid fhirUser launch/patient patient/Patient.rs patient/Observation.rs?category=" + lab + " patient/Condition.rs patient/*.read"
	c := myContext()
	b.ReportAllocs()
	for b.Loop() {
		scopes, _ := smart.ParseScopes(scope)
		g := smart.NewGrant(smart.Token{Scope: scope}, scopes, c)
		if err := g.Check(smart.Access{Type: "Observation", Interaction: fhir.SearchType}); err != nil {
			b.Fatal(err)
		}
	}
}
