package match_test

import (
	"slices"
	"testing"

	"concord/mpi"
	"concord/mpi/match"
)

// The rows of known pitfalls in matching patients, each with pairs and the highest and lowest grade that is right, by rules
// and by the default model.
func TestEveryPitfall(t *testing.T) {
	type with = []func(*mpi.Demographics)
	const none = mpi.Grade(0)
	mrn := func(assigner, value string) mpi.Identifier {
		return id("urn:oid:1.2.840.114350.1.13."+assigner+".1.7.5.737384.14", value)
	}
	old := func(i mpi.Identifier) mpi.Identifier { i.Old = true; return i }
	lived := func(died, seen string) func(*mpi.Demographics) {
		return func(d *mpi.Demographics) { d.Deceased, d.Seen = died, seen }
	}
	tests := []struct {
		row         string
		a, b        with
		least, most mpi.Grade
	}{
		{"twins: SSN off by one", with{name("Abernathy", "Ella"), ids(ssn("412-33-9078"))}, with{name("Abernathy", "Emma"), ids(ssn("412-33-9079"))}, none, mpi.Possible},
		{"twins: similar names", with{name("Abernathy", "Anna")}, with{name("Abernathy", "Hanna")}, none, mpi.Probable},
		{"twins: unlike names", with{name("Abernathy", "Jacob")}, with{name("Abernathy", "Sophie")}, none, mpi.Probable},
		{"twins: known to be", with{name("Abernathy", "Jacob"), func(d *mpi.Demographics) { d.Multiple = true }}, with{name("Abernathy", "Jakob")}, none, mpi.Possible},
		{"twins: alike but for the sex", with{name("Abernathy", "Alexander")}, with{name("Abernathy", "Alexandra"), gender("female")}, none, mpi.Probable},
		{"twins: birth order", with{order(1)}, with{order(2)}, none, mpi.Possible},
		{"twins: one twin at two sources", with{order(1)}, with{order(1)}, mpi.Certain, mpi.Certain},
		{"Jr and Sr: born decades apart", with{suffix("Sr")}, with{suffix("Jr"), born("1985-09-02")}, none, mpi.Possible},
		{"Jr and Sr: one birth date", with{suffix("Sr")}, with{suffix("Jr")}, none, mpi.Possible},
		{"Jr and Sr: II and III", with{suffix("II")}, with{suffix("III")}, none, mpi.Possible},
		{"father and son of one name: birth date typed wrongly", with{bare, at("02118", "12 Main St")}, with{bare, at("02118", "12 Main St"), born("1991-04-17")}, mpi.Possible, mpi.Probable},
		{"father and son of one name: born decades apart", with{bare, at("02118", "12 Main St")}, with{bare, at("02118", "12 Main St"), born("1985-09-02")}, none, mpi.Probable},
		{"newborn: Baby Girl", with{name("Smith", "Baby Girl")}, with{name("Smith", "Baby Girl")}, none, mpi.Probable},
		{"newborn: BG and her name since", with{name("Smith", "BG")}, with{name("Smith", "Olivia")}, none, mpi.Probable},
		{"newborn: Twin A and Twin B", with{name("Smith", "Twin A")}, with{name("Smith", "Twin B")}, none, mpi.Probable},
		{"double surname: order swapped", with{name("Smith-Jones", "John")}, with{name("Jones Smith", "John")}, mpi.Probable, mpi.Certain},
		{"double surname: hyphen or space", with{name("Smith-Jones", "John")}, with{name("Smith Jones", "John")}, mpi.Certain, mpi.Certain},
		{"maiden name: known to one", with{name("Smith", "Mary"), former("Achterberg", "Mary")}, with{name("Achterberg", "Mary")}, mpi.Certain, mpi.Certain},
		{"married and moved: e-mail alone", with{name("Achterberg", "Mary"), bare, emails("m71@mail.example.org")}, with{name("Smith", "Mary"), bare, emails("m71@mail.example.org")}, mpi.Possible, mpi.Probable},
		{"married and moved: last four of the SSN", with{name("Achterberg", "Mary"), bare, ids(ssn("9078"))}, with{name("Smith", "Mary"), bare, ids(ssn("412-33-9078"))}, none, mpi.Probable},
		{"gender differs: never a block", nil, with{gender("female")}, mpi.Probable, mpi.Certain},
		{"date: day and month exchanged", with{born("1961-04-07")}, with{born("1961-07-04")}, mpi.Probable, mpi.Certain},
		{"date: a century off", with{born("1925-04-07")}, with{born("2025-04-07")}, mpi.Possible, mpi.Probable},
		{"date: 01/01/1900", with{born("1900-01-01")}, with{born("1900-01-01")}, none, mpi.Probable},
		{"date: 01/01/0001", with{born("0001-01-01")}, with{born("0001-01-01")}, none, mpi.Probable},
		{"date: 1800-01-01", with{born("1800-01-01")}, with{born("1800-01-01")}, none, mpi.Probable},
		{"date: 12/31/9999", with{born("9999-12-31")}, with{born("9999-12-31")}, none, mpi.Probable},
		{"SSN that was never issued", with{bare, ids(ssn("000-12-3456"), ssn("666-12-3456"), ssn("912-12-3456"), ssn("999-99-9999"), ssn("123-45-6789"), ssn("111-11-1111"), ssn("078-05-1120"), ssn("412-00-9078"), ssn("412-33-0000"))},
			with{bare, ids(ssn("000-12-3456"), ssn("666-12-3456"), ssn("912-12-3456"), ssn("999-99-9999"), ssn("123-45-6789"), ssn("111-11-1111"), ssn("078-05-1120"), ssn("412-00-9078"), ssn("412-33-0000"))}, none, mpi.Probable},
		{"phone that is nobody's", with{bare, phones("0000000000", "9999999999", "617-555-0100", "617-555-0199")}, with{bare, phones("0000000000", "9999999999", "617-555-0100", "617-555-0199")}, none, mpi.Probable},
		{"phone that a household shares", with{name("Abernathy", "Ruth"), born("1985-09-02"), bare, phones("617-555-2368")}, with{bare, phones("617-555-2368")}, none, none},
		{"e-mail: none@none.com", with{bare, emails("none@none.com")}, with{bare, emails("none@none.com")}, none, mpi.Probable},
		{"e-mail: the practice's", with{bare, emails("info@clinic.example.org")}, with{bare, emails("info@clinic.example.org")}, none, mpi.Probable},
		{"address: homeless", with{bare, at("02118", "homeless")}, with{bare, at("02118", "homeless")}, none, mpi.Probable},
		{"address: general delivery", with{bare, at("02118", "General Delivery")}, with{bare, at("02118", "General Delivery")}, none, mpi.Probable},
		{"address: shelter", with{bare, at("02118", "444 Harrison Ave Shelter")}, with{bare, at("02118", "444 Harrison Ave Shelter")}, none, mpi.Probable},
		{"address: prison", with{bare, at("02118", "State Prison", "1 Hill Rd")}, with{bare, at("02118", "State Prison", "1 Hill Rd")}, none, mpi.Probable},
		{"address: hospital", with{bare, at("02118", "General Hospital 5")}, with{bare, at("02118", "General Hospital 5")}, none, mpi.Probable},
		{"address: PO box", with{bare, at("02118", "PO Box 12")}, with{bare, at("02118", "P.O. Box 12")}, none, mpi.Probable},
		{"address: abbreviations", with{bare, at("02118", "12 North Main Street Apartment 4")}, with{bare, at("02118-1234", "12 N MAIN ST", "APT 4")}, mpi.Certain, mpi.Certain},
		{"test patient: Test", with{name("Test", "John")}, with{name("Test", "John")}, none, mpi.Probable},
		{"test patient: ZZZ", with{name("ZZZTest", "John")}, with{name("ZZZTest", "John")}, none, mpi.Probable},
		{"test patient: Doe, John", with{name("Doe", "John")}, with{name("Doe", "John")}, none, mpi.Probable},
		{"test patient: Unknown", with{name("Unknown", "Unknown")}, with{name("Unknown", "Unknown")}, none, mpi.Probable},
		{"diacritics", with{name("Núñez", "José")}, with{name("Nunez", "Jose")}, mpi.Certain, mpi.Certain},
		{"apostrophes", with{name("O'Hare", "John")}, with{name("O’Hare", "John")}, mpi.Certain, mpi.Certain},
		{"spaces", with{name("De La Cruz", "Ana")}, with{name("Delacruz", "Ana")}, mpi.Certain, mpi.Certain},
		{"transliteration", with{name("Haddad", "Mohammed")}, with{name("Haddad", "Muhammad")}, mpi.Probable, mpi.Certain},
		{"one name only", with{name("Suharto")}, with{name("", "Suharto")}, mpi.Probable, mpi.Probable},
		{"initials", with{name("Abernathy", "J")}, with{name("Abernathy", "John")}, mpi.Probable, mpi.Certain},
		{"middle name first", with{name("Abernathy", "John", "Quincy")}, with{name("Abernathy", "Quincy")}, mpi.Possible, mpi.Certain},
		{"nicknames", with{name("Abernathy", "Peggy")}, with{name("Abernathy", "Margaret")}, mpi.Probable, mpi.Certain},
		{"names exchanged", with{name("Abernathy", "Quincy")}, with{name("Quincy", "Abernathy")}, mpi.Possible, mpi.Certain},
		{"truncated at 20 characters", with{name("Wolfeschlegelsteinhausenberger", "John")}, with{name("Wolfeschlegelsteinha", "John")}, mpi.Probable, mpi.Certain},
		{"deceased: seen afterwards", with{lived("2020-03-01", "")}, with{lived("", "2021-05-06")}, mpi.Possible, mpi.Probable},
		{"deceased: on a day that is not said, and seen", with{lived("true", "")}, with{lived("", "2021-05-06")}, mpi.Possible, mpi.Probable},
		{"deceased: not seen afterwards", with{lived("2020-03-01", "")}, with{lived("", "2019-05-06")}, mpi.Certain, mpi.Certain},
		{"one MRN under two assigners", with{bare, ids(mrn("861", "65161"))}, with{bare, ids(mrn("862", "65161"))}, none, mpi.Probable},
		{"MRN that is used no longer", with{bare, ids(old(mrn("861", "65161")))}, with{bare, ids(mrn("861", "65161"))}, none, mpi.Probable},
		{"record that was merged away at its source", with{func(d *mpi.Demographics) { d.ReplacedBy = "Patient/2" }}, nil, mpi.Possible, mpi.Probable},
		{"member id of a family", with{name("Abernathy", "Ruth"), born("1964-02-03"), ids(id("https://payer.example.org/member", "M100"))}, with{ids(id("https://payer.example.org/member", "M100"))}, none, mpi.Possible},
		{"member id of father and son of one name", with{born("1988-02-03"), ids(id("https://payer.example.org/member", "M100"))}, with{ids(id("https://payer.example.org/member", "M100"))}, none, mpi.Probable},
		{"member id of twins", with{name("Abernathy", "Jacob"), ids(id("https://payer.example.org/member", "M100"))}, with{name("Abernathy", "Sophie"), ids(id("https://payer.example.org/member", "M100"))}, none, mpi.Probable},
		{"name, birth date and postal code are not enough", with{bare, at("02118")}, with{bare, at("02118")}, mpi.Possible, mpi.Probable},
	}
	model := match.Default()
	for _, tt := range tests {
		t.Run(tt.row, func(t *testing.T) {
			a, b := john(tt.a...), john(tt.b...)
			// Rules may be more careful than the model, and never less.
			if d := match.Compare(a, b); d.Grade > tt.most || tt.least == mpi.Certain && d.Grade < tt.least {
				t.Errorf("by rules %v (%s), want %v to %v: %v", d.Grade, d.Rule, tt.least, tt.most, d.Fields)
			}
			x, y := match.Prepare(a), match.Prepare(b)
			if d := model.Explain(&x, &y); d.Grade < tt.least || d.Grade > tt.most {
				t.Errorf("by the model %v (%s, %.1f bits), want %v to %v: %v", d.Grade, d.Rule, d.Weight, tt.least, tt.most, d.Fields)
			}
		})
	}
}

// The row of the overlay: a record whose name, birth date and gender change at once.
func TestOverlay(t *testing.T) {
	stranger := john(name("Oyelaran", "Tunde"), born("1990-12-01"), gender("female"))
	tests := []struct {
		name  string
		after mpi.Demographics
		want  bool
	}{
		{"nothing", john(), false},
		{"all three", stranger, true},
		{"all three, the address stays", john(name("Oyelaran", "Tunde"), born("1990-12-01"), gender("female")), true},
		{"a marriage", john(name("Smith", "John")), false},
		{"a birth date put right", john(born("1990-12-01")), false},
		{"another gender", john(gender("female")), false},
		{"a name and a birth date, but the same gender", john(name("Oyelaran", "Tunde"), born("1990-12-01")), false},
		{"a gender that is not said", john(name("Oyelaran", "Tunde"), born("1990-12-01"), gender("")), true},
		{"a former name is kept", john(name("Oyelaran", "Tunde"), former("Abernathy", "John"), born("1990-12-01"), gender("female")), false},
		{"nothing is said any more", mpi.Demographics{}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := match.Overlay(john(), tt.after); got != tt.want {
				t.Errorf("Overlay = %v", got)
			}
			if got := match.Overlay(tt.after, john()); got != tt.want {
				t.Errorf("the other way round: %v", got)
			}
		})
	}
}

// What a Decision says holds no value of either record.
func TestExplainHasNoValues(t *testing.T) {
	a, b := match.Prepare(john()), match.Prepare(john(name("Abernathy", "Jack")))
	d := match.Default().Explain(&a, &b)
	if d.Model != match.Default().Version() || len(d.Fields) != 14 || d.Weight == 0 || d.Rule == "" {
		t.Errorf("%+v", d)
	}
	levels := []mpi.Level{mpi.Missing, mpi.Placeholder, mpi.Differs, mpi.Equal, mpi.First, mpi.Former, mpi.MiddleDiffers, mpi.Nickname, mpi.Initial, mpi.Swapped,
		mpi.Truncated, mpi.Part, mpi.Near, mpi.Close}
	for _, f := range d.Fields {
		if !slices.Contains(levels, f.Level) {
			t.Errorf("%s has level %q", f.Field, f.Level)
		}
		if (f.Level == mpi.Missing) != (f.Weight == 0) && f.Field != mpi.FieldAddress {
			t.Errorf("%s %s weighs %.1f", f.Field, f.Level, f.Weight)
		}
	}
}
