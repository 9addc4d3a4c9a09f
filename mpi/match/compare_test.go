package match_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

var refs = cmpopts.EquateComparable(concord.PatientRef{})

// ssn is an identifier as EHRs send it; the numbers of these tests are of a shape that could be issued.
func ssn(n string) mpi.Identifier {
	return mpi.Identifier{System: "http://hl7.org/fhir/sid/us-ssn", Value: n}
}

// john is somebody with all that matching looks at, changed by each of with.
func john(with ...func(*mpi.Demographics)) mpi.Demographics {
	d := mpi.Demographics{
		Ref:       concord.NewPatientRef("epic", "1"),
		Names:     []mpi.Name{{Use: "official", Family: "Abernathy", Given: []string{"John", "Quincy"}}},
		BirthDate: "1961-04-17", Gender: "male",
		Phones:    []string{"(617) 555-2368"},
		Emails:    []string{"jq.abernathy@mail.example.org"},
		Addresses: []mpi.Address{{Lines: []string{"12 Main Street"}, City: "Boston", State: "MA", PostalCode: "02118"}},
	}
	for _, w := range with {
		w(&d)
	}
	return d
}

func name(family string, given ...string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Names = []mpi.Name{{Use: "official", Family: family, Given: given}} }
}

func suffix(s ...string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Names[0].Suffix = s }
}

func former(family string, given ...string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) {
		d.Names = append(d.Names, mpi.Name{Use: "maiden", Family: family, Given: given, Old: true})
	}
}

func born(date string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.BirthDate = date }
}
func gender(g string) func(*mpi.Demographics) { return func(d *mpi.Demographics) { d.Gender = g } }
func order(n int) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.BirthOrder, d.Multiple = n, true }
}

func phones(p ...string) func(*mpi.Demographics) { return func(d *mpi.Demographics) { d.Phones = p } }
func emails(e ...string) func(*mpi.Demographics) { return func(d *mpi.Demographics) { d.Emails = e } }
func ids(i ...mpi.Identifier) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Identifiers = i }
}

func at(zip string, lines ...string) func(*mpi.Demographics) {
	return func(d *mpi.Demographics) { d.Addresses = []mpi.Address{{Lines: lines, PostalCode: zip}} }
}

// bare takes away what could agree beside name, birth date and gender.
func bare(d *mpi.Demographics) { d.Phones, d.Emails, d.Addresses, d.Identifiers = nil, nil, nil, nil }

func id(system, value string) mpi.Identifier { return mpi.Identifier{System: system, Value: value} }

// What is known to go wrong in matching, as far as the demographics of two patients can tell.
func TestPitfalls(t *testing.T) {
	type with = []func(*mpi.Demographics)
	const epicMRN, cernerMRN = "urn:oid:1.2.840.114350.1.13.861.1.7.5.737384.14", "urn:oid:2.16.840.1.113883.6.1000"
	tests := []struct {
		name string
		a, b with
		want mpi.Grade
		rule string
	}{
		// one human
		{"the same", nil, nil, mpi.Certain, "name+birthdate+email"},
		{"the same, phone alone", with{bare, phones("617-555-2368")}, with{bare, phones("tel:+1 617 555 2368 ext. 9")}, mpi.Certain, "name+birthdate+phone"},
		{"the same, address alone", with{bare, at("02118-1234", "12 MAIN ST.", "Apt #4")}, with{bare, at("02118", "12 Main Street Apt 4")}, mpi.Certain, "name+birthdate+address"},
		{"the same, SSN alone, under URL and OID", with{bare, ids(ssn("412-33-9078"))}, with{bare, ids(id("urn:oid:2.16.840.1.113883.4.1", "412339078"))}, mpi.Certain, "name+birthdate+identifier"},
		{"the same, an assigner's number", with{bare, ids(id(epicMRN, "Z6130"))}, with{bare, ids(id(epicMRN, "Z6130"))}, mpi.Certain, "name+birthdate+identifier"},

		// twins
		{"twins: all of the household, SSN next to it", with{name("Abernathy", "Ella"), order(1), ids(ssn("412-33-9078"))}, with{name("Abernathy", "Emma"), order(2), ids(ssn("412-33-9079"))}, 0, match.RuleBirthOrder},
		{"twins without birth order", with{name("Abernathy", "Jayden")}, with{name("Abernathy", "Brayden")}, mpi.Possible, match.RulePartial},
		{"twins whose names are a letter apart", with{name("Abernathy", "Anna"), order(1)}, with{name("Abernathy", "Hanna")}, mpi.Possible, match.RuleMultiple},
		{"twins with one first name and different middle names", with{name("Abernathy", "Maria", "Fernanda")}, with{name("Abernathy", "Maria", "Guadalupe")}, mpi.Probable, match.RuleMiddle},
		{"twins, one of them without a middle name", with{name("Abernathy", "Maria", "Fernanda"), order(1)}, with{name("Abernathy", "Maria")}, mpi.Possible, match.RuleMultiple},
		{"twins with a hyphen in the name", with{name("Abernathy", "Jean-Paul")}, with{name("Abernathy", "Jean-Pierre")}, mpi.Possible, match.RulePartial},
		{"twins by mistake under one name", with{order(1)}, with{order(2)}, mpi.Possible, match.RuleBirthOrder},
		{"twins, one renamed after a mistake", with{name("Abernathy", "Jacob"), func(d *mpi.Demographics) {
			d.Names = append(d.Names, mpi.Name{Use: "official", Family: "Abernathy", Given: []string{"Joshua"}, Old: true})
		}}, with{name("Abernathy", "Joshua")}, mpi.Probable, match.RulePartial},
		{"one twin at two sources", with{order(2)}, with{order(2)}, mpi.Certain, "name+birthdate+email"},

		// fathers and sons
		{"Jr and Sr, born decades apart", with{suffix("Sr")}, with{suffix("JR."), born("1985-09-02"), emails()}, 0, match.RuleSuffix},
		{"Jr and Sr, the birth date of one typed for both", with{suffix("Sr.")}, with{name("Abernathy Jr", "John", "Quincy")}, mpi.Possible, match.RuleSuffix},
		{"II and III, written in the given name", with{name("Abernathy", "John", "II")}, with{name("Abernathy", "John III")}, mpi.Possible, match.RuleSuffix},
		{"one suffix in two forms", with{suffix("III", "PhD")}, with{name("Abernathy 3rd", "John Quincy")}, mpi.Certain, "name+birthdate+email"},
		{"father and son of one name, a digit of the birth date off", nil, with{born("1961-04-11")}, mpi.Probable, match.RulePartial},
		{"father and son of one name, born decades apart", nil, with{born("1985-09-02"), emails()}, 0, match.RulePartial},

		// newborns and placeholders
		{"Baby Girl", with{name("Smith", "Baby Girl")}, with{name("Smith", "Baby Girl")}, mpi.Probable, match.RuleNoName},
		{"BG, with an identifier", with{name("Smith", "BG"), ids(id(epicMRN, "778"))}, with{name("Smith", "Olivia"), ids(id(epicMRN, "778"))}, mpi.Probable, match.RuleNoName},
		{"Twin A", with{name("Smith", "Twin A")}, with{name("Smith", "Twin", "A")}, mpi.Probable, match.RuleNoName},
		{"a newborn that has a name since", with{name("Smith", "Olivia"), func(d *mpi.Demographics) {
			d.Names = append(d.Names, mpi.Name{Use: "temp", Family: "Smith", Given: []string{"Babygirl"}, Old: true})
		}}, with{name("Smith", "Olivia")}, mpi.Certain, "name+birthdate+email"},
		{"Test", with{name("Test", "John")}, with{name("Test", "John")}, mpi.Probable, match.RuleNoName},
		{"ZZZ", with{name("ZZZSmith", "John")}, with{name("ZZZSmith", "John")}, mpi.Probable, match.RuleNoName},
		{"Doe, Jane", with{name("DOE", "JANE")}, with{name("Doe", "Jane")}, mpi.Possible, match.RuleNoName},
		{"Doe is a name", with{name("Doe", "Marjorie")}, with{name("Doe", "Marjorie")}, mpi.Certain, "name+birthdate+email"},
		{"Unknown", with{name("Unknown", "Unknown")}, with{name("Unknown", "Unknown")}, mpi.Possible, match.RuleNoName},

		// surnames
		{"one half of a double name", with{name("Smith-Jones", "John")}, with{name("Jones", "John")}, mpi.Probable, match.RulePartial},
		{"a double name, the other way round", with{name("Smith-Jones", "John")}, with{name("Jones Smith", "John")}, mpi.Probable, match.RulePartial},
		{"a double name with and without hyphen", with{name("García-López", "John")}, with{name("Garcia Lopez", "John")}, mpi.Certain, "name+birthdate+email"},
		{"a maiden name that is known", with{name("Smith", "Mary"), former("Achterberg", "Mary")}, with{name("Achterberg", "Mary")}, mpi.Certain, "former-name+birthdate+email"},
		{"a maiden name that is not known, and moved", with{name("Smith", "Mary"), bare, emails("m@mail.example.org")}, with{name("Achterberg", "Mary"), bare, emails("m@mail.example.org")}, mpi.Possible, match.RulePartial},
		{"a maiden name that is not known, one SSN", with{name("Smith", "Mary"), bare, ids(ssn("412-33-9078"))}, with{name("Achterberg", "Mary"), bare, ids(ssn("412-33-9078"))}, mpi.Probable, match.RulePartial},
		{"a name cut off", with{name("Wolfeschlegelsteinhausenberger", "John")}, with{name("Wolfeschlegelsteinha", "John")}, mpi.Probable, match.RulePartial},

		// gender
		{"gender differs", nil, with{gender("female")}, mpi.Probable, match.RuleGender},
		{"gender differs, one SSN", with{ids(ssn("412-33-9078"))}, with{gender("female"), ids(ssn("412-33-9078"))}, mpi.Certain, "name+birthdate+identifier"},
		{"gender unknown", nil, with{gender("unknown")}, mpi.Certain, "name+birthdate+email"},

		// dates
		{"day and month exchanged", with{born("1961-04-07")}, with{born("1961-07-04")}, mpi.Probable, match.RulePartial},
		{"a century off", with{born("1925-04-07")}, with{born("2025-04-07")}, mpi.Probable, match.RulePartial},
		{"1900-01-01", with{born("1900-01-01")}, with{born("1900-01-01")}, mpi.Probable, match.RuleNoBirth},
		{"0001-01-01", with{born("0001-01-01")}, with{born("0001-01-01")}, mpi.Probable, match.RuleNoBirth},
		{"1800-01-01", with{born("1800-01-01")}, with{born("1800-01-01")}, mpi.Probable, match.RuleNoBirth},
		{"9999-12-31", with{born("9999-12-31")}, with{born("9999-12-31")}, mpi.Probable, match.RuleNoBirth},
		{"a year alone", with{born("1961")}, with{born("1961")}, mpi.Probable, match.RulePartial},
		{"no date", with{born("")}, with{born("")}, mpi.Probable, match.RulePartial},
		{"no such day", with{born("1961-02-30")}, with{born("1961-02-30")}, mpi.Probable, match.RulePartial},

		// identifiers
		{"SSNs differ", with{ids(ssn("412-33-9078"))}, with{ids(ssn("551-82-1346"))}, mpi.Possible, match.RuleSSN},
		{"SSNs are a digit apart", with{ids(ssn("412-33-9078"))}, with{ids(ssn("412-33-9076"))}, mpi.Probable, match.RuleSSNNear},
		{"SSNs with two digits exchanged", with{ids(ssn("412-33-9078"))}, with{ids(ssn("412-33-9708"))}, mpi.Probable, match.RuleSSNNear},
		{"SSNs that were never issued", with{bare, ids(ssn("000-12-3456"), ssn("666-12-3456"), ssn("912-12-3456"), ssn("999-99-9999"), ssn("123-45-6789"), ssn("111-11-1111"), ssn("078-05-1120"), ssn("412-00-9078"), ssn("412-33-0000"), ssn("9078"), ssn("41233907x"))},
			with{bare, ids(ssn("000-12-3456"), ssn("666-12-3456"), ssn("912-12-3456"), ssn("999-99-9999"), ssn("123-45-6789"), ssn("111-11-1111"), ssn("078-05-1120"), ssn("412-00-9078"), ssn("412-33-0000"), ssn("9078"), ssn("41233907x"))}, mpi.Probable, match.RuleNameAndDate},
		{"one MRN under two assigners", with{bare, ids(id(epicMRN, "65161"))}, with{bare, ids(id(cernerMRN, "65161"))}, mpi.Probable, match.RuleNameAndDate},
		{"an MRN under a vendor's root", with{bare, ids(id("urn:oid:1.2.840.114350", "248951"))}, with{bare, ids(id("urn:oid:1.2.840.114350", "248951"))}, mpi.Probable, match.RuleNameAndDate},
		{"an MRN under local systems", with{bare, ids(id("MRN", "65161"), id("http://localhost/mrn", "65161"), id("http://ehr/mrn", "65161"), id("http://10.0.0.1/mrn", "65161"), id("urn:mrn", "65161"))},
			with{bare, ids(id("MRN", "65161"), id("http://localhost/mrn", "65161"), id("http://ehr/mrn", "65161"), id("http://10.0.0.1/mrn", "65161"), id("urn:mrn", "65161"))}, mpi.Probable, match.RuleNameAndDate},
		{"an MRN that is no longer used", with{bare, ids(mpi.Identifier{System: epicMRN, Value: "65161", Old: true})}, with{bare, ids(id(epicMRN, "65161"))}, mpi.Probable, match.RuleNameAndDate},
		{"an MRN that is none", with{bare, ids(id(epicMRN, "0"), id(epicMRN, "99999"), id(epicMRN, "UNKNOWN"))}, with{bare, ids(id(epicMRN, "0"), id(epicMRN, "99999"), id(epicMRN, "UNKNOWN"))}, mpi.Probable, match.RuleNameAndDate},
		{"merged away at its source", with{func(d *mpi.Demographics) { d.ReplacedBy = "Patient/2" }}, nil, mpi.Probable, match.RuleReplaced},
		{"a member id that a family shares", with{name("Abernathy", "Ruth"), ids(id("https://payer.example.org/member", "M100"))}, with{ids(id("https://payer.example.org/member", "M100"))}, mpi.Probable, match.RulePartial},

		// phone, e-mail, address
		{"phones that are nobody's", with{bare, phones("000-000-0000", "999-999-9999", "617-555-0123", "555-2368", "123", "617-999-9999")}, with{bare, phones("0000000000", "9999999999", "(617) 555-0123", "5552368", "123", "6179999999")}, mpi.Probable, match.RuleNameAndDate},
		{"e-mails that are nobody's", with{bare, emails("none@none.com", "noemail@gmail.com", "info@clinic.example.org", "x@y", "n/a")}, with{bare, emails("NONE@none.com", "noemail@gmail.com", "info@clinic.example.org", "x@y", "n/a")}, mpi.Probable, match.RuleNameAndDate},
		{"homeless", with{bare, at("02118", "Homeless")}, with{bare, at("02118", "HOMELESS")}, mpi.Probable, match.RuleNameAndDate},
		{"general delivery", with{bare, at("02118", "General Delivery 1")}, with{bare, at("02118", "General Delivery 1")}, mpi.Probable, match.RuleNameAndDate},
		{"a PO box", with{bare, at("02118", "P.O. Box 12")}, with{bare, at("02118", "PO BOX 12")}, mpi.Probable, match.RuleNameAndDate},
		{"a shelter", with{bare, at("02118", "Pine Street Shelter", "444 Harrison Ave")}, with{bare, at("02118", "Pine Street Shelter", "444 Harrison Ave")}, mpi.Probable, match.RuleNameAndDate},
		{"one house, two flats", with{bare, at("02118", "12 Main St Apt 4")}, with{bare, at("02118", "12 Main St", "Unit 5")}, mpi.Probable, match.RuleNameAndDate},
		{"one street line in two towns", with{bare, at("02118", "12 Main St")}, with{bare, at("01605", "12 Main St")}, mpi.Probable, match.RuleNameAndDate},
		{"namesakes born on one day", nil, with{phones("212-555-7777"), emails("other@mail.example.org"), at("10001", "9 Elm St")}, mpi.Probable, match.RuleNameAndDate},

		// spelling
		{"diacritics", with{name("Núñez", "José")}, with{name("Nunez", "Jose")}, mpi.Certain, "name+birthdate+email"},
		{"letters that don't decompose", with{name("Łukasz Ørsted", "Þór")}, with{name("LUKASZ ORSTED", "Thor")}, mpi.Certain, "name+birthdate+email"},
		{"an apostrophe", with{name("O'Hare", "John")}, with{name("O’HARE", "John")}, mpi.Certain, "name+birthdate+email"},
		{"spaces", with{name("De La Cruz", "John")}, with{name("Delacruz", "John")}, mpi.Certain, "name+birthdate+email"},
		{"another spelling of a transliterated name", with{name("Haddad", "Mohammed")}, with{name("Haddad", "Muhmad")}, mpi.Possible, match.RulePartial},
		{"another known spelling of a transliterated name", with{name("Haddad", "Mohammed")}, with{name("Haddad", "Muhammad")}, mpi.Probable, match.RulePartial},
		{"one name only, in either element", with{name("Suharto")}, with{name("", "Suharto")}, mpi.Probable, match.RulePartial},
		{"digits, as made-up names have them", with{name("Abbott774", "John12")}, with{name("Abbott774", "John13")}, mpi.Probable, match.RulePartial},

		// given names
		{"an initial", with{name("Abernathy", "J")}, with{name("Abernathy", "John")}, mpi.Probable, match.RulePartial},
		{"two initials", with{name("Abernathy", "J.")}, with{name("Abernathy", "J")}, mpi.Probable, match.RulePartial},
		{"a nickname", with{name("Abernathy", "Bob")}, with{name("Abernathy", "Robert")}, mpi.Probable, match.RulePartial},
		{"a nickname that is said to be one", with{name("Abernathy", "Robert"), func(d *mpi.Demographics) {
			d.Names = append(d.Names, mpi.Name{Use: "nickname", Given: []string{"Bud"}})
		}}, with{name("Abernathy", "Bud")}, mpi.Probable, match.RulePartial},
		{"the middle name as the first", with{name("Abernathy", "John", "Quincy")}, with{name("Abernathy", "Quincy")}, mpi.Probable, match.RulePartial},
		{"a middle initial", with{name("Abernathy", "John", "Q.")}, with{name("Abernathy", "John Quincy")}, mpi.Certain, "name+birthdate+email"},
		{"no middle name", with{name("Abernathy", "John")}, with{name("Abernathy", "John", "Quincy")}, mpi.Certain, "name+birthdate+email"},
		{"no given name", with{name("Abernathy")}, with{name("Abernathy", "John")}, mpi.Probable, match.RulePartial},

		{"strangers", nil, with{name("Oyelaran", "Tunde"), born("1990-12-01"), bare}, 0, match.RulePartial},
		{"nothing of either", with{func(d *mpi.Demographics) { *d = mpi.Demographics{} }}, with{func(d *mpi.Demographics) { *d = mpi.Demographics{} }}, 0, match.RulePartial},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, b := john(tt.a...), john(tt.b...)
			b.Ref = concord.NewPatientRef("cerner", "2")
			got := match.Compare(a, b)
			if got.Grade != tt.want || got.Rule != tt.rule {
				t.Errorf("%v %.2f by %s, want %v by %s\n%v", got.Grade, got.Score, got.Rule, tt.want, tt.rule, got.Fields)
			}
			if diff := cmp.Diff(got, match.Compare(b, a)); diff != "" {
				t.Errorf("the other way round (-want +got):\n%s", diff)
			}
		})
	}
}

// A Decision says of every field how far it agrees.
func TestFields(t *testing.T) {
	a := john(suffix("Jr"), ids(ssn("412-33-9078"), id("urn:oid:2.16.840.1.113883.4.3.25", "S1234")), at("02118", "PO Box 1"))
	b := john(name("Abernathy", "Jack"), born("1961-04-18"), gender("female"), emails(), phones("212-555-7777"), order(2),
		ids(ssn("412-33-9079"), id("urn:oid:2.16.840.1.113883.4.3.25", "S1234")))
	want := mpi.Decision{Grade: mpi.Possible, Score: 0.56, Rule: match.RuleSSNNear, Fields: []mpi.FieldLevel{
		{Field: mpi.FieldFamily, Level: mpi.Equal},
		{Field: mpi.FieldGiven, Level: mpi.Nickname},
		{Field: mpi.FieldSuffix, Level: mpi.Missing},
		{Field: mpi.FieldBirthDate, Level: mpi.Near},
		{Field: mpi.FieldBirthOrder, Level: mpi.Missing},
		{Field: mpi.FieldGender, Level: mpi.Differs},
		{Field: mpi.FieldSSN, Level: mpi.Near},
		{Field: mpi.FieldIdentifier, Level: mpi.Equal},
		{Field: mpi.FieldEmail, Level: mpi.Missing},
		{Field: mpi.FieldPhone, Level: mpi.Differs},
		{Field: mpi.FieldAddress, Level: mpi.Placeholder},
	}}
	if diff := cmp.Diff(want, match.Compare(a, b)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestContradicts(t *testing.T) {
	tests := []struct {
		name string
		b    mpi.Demographics
		want bool
	}{
		{"nothing", john(ids(ssn("412-33-9078")), suffix("Jr"), order(1)), false},
		{"silence", john(), false},
		{"a slip in the SSN", john(ids(ssn("412-33-9076"))), false},
		{"SSN", john(ids(ssn("551-82-1346"))), true},
		{"suffix", john(suffix("Sr")), true},
		{"birth order", john(order(2)), true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := match.Compare(john(ids(ssn("412-33-9078")), suffix("Jr"), order(1)), tt.b)
			if d.Contradicts != tt.want {
				t.Errorf("Contradicts = %t, want %t", d.Contradicts, tt.want)
			}
			if d.Contradicts && d.Grade > mpi.Possible {
				t.Errorf("grade %v of what contradicts", d.Grade)
			}
		})
	}
}

func BenchmarkCompare(b *testing.B) {
	x := john(ids(ssn("412-33-9078"), id("urn:oid:1.2.840.114350.1.13.861.1.7.5.737384.14", "Z6130")))
	y := john(name("Abernathy", "John"), at("02118", "12 Main St"))
	b.ReportAllocs()
	for b.Loop() {
		match.Compare(x, y)
	}
}
