package match_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

func pick(values ...string) *rapid.Generator[string] { return rapid.SampledFrom(values) }

func several(g *rapid.Generator[string], most int) *rapid.Generator[[]string] {
	return rapid.SliceOfN(g, 0, most)
}

// people draws patients that resemble one another, and now and then anything at all.
func people() *rapid.Generator[mpi.Demographics] {
	odd := func(g *rapid.Generator[string]) *rapid.Generator[string] {
		return rapid.Custom(func(t *rapid.T) string {
			if rapid.IntRange(0, 15).Draw(t, "odd") == 0 {
				return rapid.String().Draw(t, "any")
			}
			return g.Draw(t, "usual")
		})
	}
	names := rapid.Custom(func(t *rapid.T) mpi.Name {
		return mpi.Name{
			Use:    pick("", "official", "usual", "maiden", "nickname", "anonymous").Draw(t, "use"),
			Family: odd(pick("Smith", "smith", "Smith-Jones", "Jones Smith", "Smyth", "De La Cruz", "Delacruz", "Doe", "Test", "Smith Jr", "")).Draw(t, "family"),
			Given:  several(odd(pick("John", "JOHN", "Jon", "J", "Jane", "John Q", "Quincy", "Baby Girl", "Jack", "II", "Maria")), 3).Draw(t, "given"),
			Suffix: several(odd(pick("Jr", "Sr.", "MD")), 1).Draw(t, "suffix"),
			Old:    rapid.IntRange(0, 3).Draw(t, "old") == 0,
		}
	})
	addresses := rapid.Custom(func(t *rapid.T) mpi.Address {
		return mpi.Address{
			Lines:      several(odd(pick("12 Main St", "12 Main Street Apt 4", "Apt 5", "PO Box 3", "Homeless")), 2).Draw(t, "lines"),
			PostalCode: odd(pick("02118", "02118-1234", "01605", "")).Draw(t, "zip"),
		}
	})
	identifiers := rapid.Custom(func(t *rapid.T) mpi.Identifier {
		return mpi.Identifier{
			System: odd(pick("http://hl7.org/fhir/sid/us-ssn", "urn:oid:2.16.840.1.113883.4.1", "urn:oid:1.2.840.114350.1.13.861.1.7.5.737384.14", "MRN")).Draw(t, "system"),
			Value:  odd(pick("412-33-9078", "412339078", "412339079", "551821346", "Z6130")).Draw(t, "value"),
			Old:    rapid.IntRange(0, 3).Draw(t, "old") == 0,
		}
	})
	return rapid.Custom(func(t *rapid.T) mpi.Demographics {
		d := mpi.Demographics{
			Ref:         concord.NewPatientRef("epic", pick("1", "2", "3", "4", "5", "6").Draw(t, "id")),
			Names:       rapid.SliceOfN(names, 0, 3).Draw(t, "names"),
			BirthDate:   odd(pick("1961-04-07", "1961-07-04", "1961-04-08", "1961", "1900-01-01", "")).Draw(t, "born"),
			Gender:      odd(pick("male", "female", "unknown", "M")).Draw(t, "gender"),
			Phones:      several(odd(pick("617-555-2368", "+16175552368", "000", "212-555-7777")), 2).Draw(t, "phones"),
			Emails:      several(odd(pick("a@mail.example.org", "A@mail.example.org", "none@none.com")), 2).Draw(t, "emails"),
			Addresses:   rapid.SliceOfN(addresses, 0, 2).Draw(t, "addresses"),
			Identifiers: rapid.SliceOfN(identifiers, 0, 3).Draw(t, "identifiers"),
			BirthOrder:  rapid.SampledFrom([]int{0, 0, 0, 0, 1, 2}).Draw(t, "order"),
		}
		d.Multiple = d.BirthOrder > 0 || rapid.IntRange(0, 7).Draw(t, "multiple") == 0
		return d
	})
}

// stir is d with everything that repeats in another order, but for the parts of one name or address.
func stir(t *rapid.T, d mpi.Demographics) mpi.Demographics {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	d.Names, d.Phones, d.Emails = slices.Clone(d.Names), slices.Clone(d.Phones), slices.Clone(d.Emails)
	d.Addresses, d.Identifiers = slices.Clone(d.Addresses), slices.Clone(d.Identifiers)
	r.Shuffle(len(d.Names), func(i, j int) { d.Names[i], d.Names[j] = d.Names[j], d.Names[i] })
	r.Shuffle(len(d.Phones), func(i, j int) { d.Phones[i], d.Phones[j] = d.Phones[j], d.Phones[i] })
	r.Shuffle(len(d.Emails), func(i, j int) { d.Emails[i], d.Emails[j] = d.Emails[j], d.Emails[i] })
	r.Shuffle(len(d.Addresses), func(i, j int) { d.Addresses[i], d.Addresses[j] = d.Addresses[j], d.Addresses[i] })
	r.Shuffle(len(d.Identifiers), func(i, j int) { d.Identifiers[i], d.Identifiers[j] = d.Identifiers[j], d.Identifiers[i] })
	return d
}

func level(d mpi.Decision, f mpi.Field) mpi.Level {
	for _, l := range d.Fields {
		if l.Field == f {
			return l.Level
		}
	}
	return ""
}

func TestCompareProperties(t *testing.T) {
	certain := 0
	rapid.Check(t, func(t *rapid.T) {
		a, b := people().Draw(t, "a"), people().Draw(t, "b")
		d := match.Compare(a, b)
		if diff := cmp.Diff(d, match.Compare(b, a)); diff != "" {
			t.Fatalf("not symmetric:\n%s", diff)
		}
		if diff := cmp.Diff(d, match.Compare(stir(t, a), stir(t, b))); diff != "" {
			t.Fatalf("the order within matters:\n%s", diff)
		}
		bands := map[mpi.Grade][2]float64{0: {0, 0.39}, mpi.Possible: {0.40, 0.64}, mpi.Probable: {0.65, 0.89}, mpi.Certain: {0.90, 0.99}}
		if band := bands[d.Grade]; d.Score < band[0] || d.Score > band[1] {
			t.Fatalf("score %v of grade %v", d.Score, d.Grade)
		}
		if d.Rule == "" || len(d.Fields) != 11 {
			t.Fatalf("rule %q, %d fields", d.Rule, len(d.Fields))
		}
		if d.Grade != mpi.Certain {
			return
		}
		certain++
		family, given := level(d, mpi.FieldFamily), level(d, mpi.FieldGiven)
		agree := slices.ContainsFunc([]mpi.Field{mpi.FieldSSN, mpi.FieldIdentifier, mpi.FieldEmail, mpi.FieldPhone, mpi.FieldAddress},
			func(f mpi.Field) bool { return level(d, f) == mpi.Equal })
		if family != mpi.Equal && family != mpi.Former || given != mpi.Equal && given != mpi.First && given != mpi.MiddleDiffers ||
			level(d, mpi.FieldBirthDate) != mpi.Equal || !agree || d.Contradicts {
			t.Fatalf("certain by %s with %v", d.Rule, d.Fields)
		}
	})
	t.Logf("%d certain", certain)
}

// What is said of a patient besides can't make a certain link of one that name and birth date don't carry.
func TestNameAndBirthDateCarry(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := people().Draw(t, "a")
		b := a
		switch rapid.IntRange(0, 2).Draw(t, "without") {
		case 0:
			b.Names = []mpi.Name{{Family: "Zuleger", Given: []string{"Bartholomea"}}}
		case 1:
			b.BirthDate = "1999-12-31"
		default:
			b.Phones, b.Emails, b.Addresses, b.Identifiers = nil, nil, nil, nil
		}
		if d := match.Compare(a, b); d.Grade == mpi.Certain {
			t.Fatalf("certain by %s with %v", d.Rule, d.Fields)
		}
	})
}

func FuzzCompare(f *testing.F) {
	f.Add("O'Hare, Jr.", "John Quincy", "1961-04-07", "+1 617 555 2368 x9", "a@b.example.org", "12 Main St #4", "02118-1234", "http://hl7.org/fhir/sid/us-ssn", "412-33-9078")
	f.Add("\u0130ıß\u0301", "Zoe\u0308", "9999", "00", "@", "#", "-", "urn:oid:", "***")
	f.Add("", "II", "0001-01-01", "x", "mailto:", "P.O. Box", "00000", "http://[::1", "urn:uuid:")
	f.Fuzz(func(t *testing.T, family, given, date, phone, email, line, zip, system, value string) {
		d := mpi.Demographics{Ref: concord.NewPatientRef("epic", "1"), Names: []mpi.Name{{Family: family, Given: []string{given}}}, BirthDate: date, Phones: []string{phone}, Emails: []string{email},
			Addresses: []mpi.Address{{Lines: []string{line}, PostalCode: zip}}, Identifiers: []mpi.Identifier{{System: system, Value: value}}}
		same := match.Compare(d, d)
		if same.Contradicts || level(same, mpi.FieldFamily) == mpi.Differs || level(same, mpi.FieldGiven) == mpi.Differs || level(same, mpi.FieldBirthDate) == mpi.Differs {
			t.Errorf("somebody differs from themself: %v", same.Fields)
		}
		upper := d
		upper.Names = []mpi.Name{{Family: strings.ToUpper(family), Given: []string{given}}}
		if there, back := match.Compare(d, upper), match.Compare(upper, d); !cmp.Equal(there, back) {
			t.Errorf("not symmetric: %v and %v", there.Fields, back.Fields)
		}
		for _, form := range match.SearchForms(d) {
			for _, p := range form {
				if p.Key == "" || p.Value == "" {
					t.Errorf("an empty parameter in %d", len(form))
				}
			}
		}
	})
}
