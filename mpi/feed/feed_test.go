package feed_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"concord"
	"concord/mpi"
	"concord/mpi/feed"
)

var refs = cmpopts.EquateComparable(concord.PatientRef{})

func read(text string, f feed.Format) (out []feed.Item) {
	for i := range feed.Read(strings.NewReader(text), "epic", f) {
		out = append(out, i)
	}
	return out
}

// told is what became of each record: its line, and what is wrong or odd, or its id.
func told(all []feed.Item) (out []string) {
	for _, i := range all {
		what := i.Demographics.Ref.Reveal()
		switch {
		case i.Refused != "":
			what = "refused: " + string(i.Refused)
		case i.Note != "":
			what += ": " + string(i.Note)
		}
		out = append(out, fmt.Sprintf("%d %s", i.Line, what))
	}
	return out
}

const smith = `{"resourceType":"Patient","id":"%s","name":[{"family":"Smith","given":["Ann"]}],"birthDate":"1970-02-03"}`

func patient(id string) string { return fmt.Sprintf(smith, id) }

func TestBadInput(t *testing.T) {
	identifiers := func(n int) string {
		return `{"resourceType":"Patient","id":"many","name":[{"family":"A"}],"identifier":[` + strings.TrimSuffix(strings.Repeat(`{"system":"s","value":"v"},`, n), ",") + `]}`
	}
	const head = "id,first_name,last_name,dob\n"
	for _, tt := range []struct {
		name   string
		format feed.Format
		text   string
		want   []string
	}{
		{"good ones", feed.NDJSON, patient("1") + "\n\n" + patient("2") + "\r\n", []string{"1 1", "3 2"}},
		{"without a name", feed.NDJSON, `{"resourceType":"Patient","id":"1","birthDate":"1970"}` + "\n" + patient("2"), []string{"1 1: no name", "2 2"}},
		{"without anything", feed.NDJSON, `{"resourceType":"Patient","id":"1"}` + "\n" + patient("2"), []string{"1 refused: nothing that tells who it is", "2 2"}},
		{"the year 1", feed.NDJSON, strings.Replace(patient("1"), "1970", "0001", 1) + "\n" + patient("2"),
			[]string{"1 1: a birth date that is none, or stands for unknown; it counts for nothing", "2 2"}},
		{"ten identifiers", feed.NDJSON, identifiers(10) + "\n" + patient("2"), []string{"1 many", "2 2"}},
		{"a hundred identifiers", feed.NDJSON, identifiers(100) + "\n" + patient("2"), []string{"1 refused: more of one element than is kept", "2 2"}},
		{"a name of 100 kB", feed.NDJSON, strings.Replace(patient("1"), "Smith", strings.Repeat("x", 100_000), 1) + "\n" + patient("2"), []string{"1 refused: a text is too long", "2 2"}},
		{"a line of 3 MB", feed.NDJSON, strings.Replace(patient("1"), "Smith", strings.Repeat("x", 3_000_000), 1) + "\n" + patient("2"), []string{"1 refused: the line is too long", "2 2"}},
		{"cut in the middle", feed.NDJSON, patient("1") + "\n" + patient("2")[:40], []string{"1 1", "2 refused: not JSON, or cut off"}},
		{"not UTF-8", feed.NDJSON, strings.Replace(patient("1"), "Smith", "Sm\xffth", 1) + "\n" + patient("2"), []string{"1 refused: not UTF-8", "2 2"}},
		{"no id", feed.NDJSON, `{"resourceType":"Patient","name":[{"family":"A"}]}` + "\n" + patient("2"), []string{"1 refused: no id", "2 2"}},
		{"another resource", feed.NDJSON, `{"resourceType":"Practitioner","id":"1"}` + "\n" + patient("2"), []string{"1 refused: not a Patient", "2 2"}},
		{"no resource", feed.NDJSON, "[]\n7\n" + patient("2"), []string{"1 refused: not a Patient", "2 refused: not a Patient", "3 2"}},
		{"a Bundle", feed.NDJSON, `{"resourceType":"Bundle","entry":[{"resource":` + patient("1") + `},{"resource":{"resourceType":"Patient"}},{"resource":` + patient("2") + "}]}\n" + patient("3"),
			[]string{"1 1", "1 refused: no id", "1 2", "2 3"}},

		{"good rows", feed.CSV, head + "1,Ann,Smith,1970-02-03\n2,\"Bob \"\"B\"\"\",Smith,2/3/1970\n", []string{"2 1", "3 2"}},
		{"a row that is cut off", feed.CSV, head + "1,Ann,Smith,1970-02-03\n2,Bo", []string{"2 1", "3 refused: not as many fields as the header, or cut off"}},
		{"a field too many", feed.CSV, head + "1,Ann,Smith,1970-02-03,x\n2,Bob,Smith,1970\n", []string{"2 refused: not as many fields as the header, or cut off", "3 2"}},
		{"a quote that does not end", feed.CSV, head + "1,\"Ann,Smith,1970-02-03\n2,Bob,Smith,1970\n3,Eve,Smith,1971\n", []string{"2 refused: a quoted field that does not end", "3 2", "4 3"}},
		{"a field over two lines", feed.CSV, head + "1,\"Ann\nMary\",Smith,1970-02-03\n2,Bob,Smith,1970\n", []string{"2 1", "4 2"}},
		{"a row that is not UTF-8", feed.CSV, head + "1,Ann,Sm\xffth,1970-02-03\n2,Bob,Smith,1970\n", []string{"2 refused: not UTF-8", "3 2"}},
		{"a row without id", feed.CSV, head + ",Ann,Smith,1970-02-03\n2,Bob,Smith,1970\n", []string{"2 refused: no id", "3 2"}},
		{"a row with an id alone", feed.CSV, head + "1,,,\n2,Bob,Smith,1970\n", []string{"2 refused: nothing that tells who it is", "3 2"}},
		{"a long name", feed.CSV, head + "1," + strings.Repeat("x", 100_000) + ",Smith,1970\n2,Bob,Smith,1970\n", []string{"2 refused: a text is too long", "3 2"}},
		{"a long line", feed.CSV, head + "1," + strings.Repeat("x", 2_000_000) + ",Smith,1970\n2,Bob,Smith,1970\n", []string{"2 refused: the line is too long", "3 2"}},
		{"no header", feed.CSV, "1,Ann,Smith,1970-02-03\n", []string{"1 refused: no header that names an id and a name"}},
		{"a header with a name twice", feed.CSV, "id,dob,first,Dob\n1,1970,Ann,1970\n", []string{"1 refused: a header that names one column twice"}},
		{"nothing", feed.CSV, "", []string{"1 refused: an empty file"}},
		{"no lines", feed.NDJSON, "", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, told(read(tt.text, tt.format))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCSV(t *testing.T) {
	got := read("\xef\xbb\xbfREC_ID; Given Name;middle;SURNAME;maiden;suffix;Date-of-Birth;Sex;Home Phone;mobile;E-Mail;street_number;address_1;address_2;suburb;State;PostCode;soc_sec_id;colour;cluster\n"+
		"a-1; Ann ;B;Smith;Jones;Jr;19700203;F;617 5552368;617 5552369;a@x.org;12;Main St;Apt 3;Boston;MA;02118;536904399;red;7\n", feed.CSV)
	want := []feed.Item{{Line: 2, Label: "7", Demographics: mpi.Demographics{
		Ref:       concord.NewPatientRef("epic", "a-1"),
		Names:     []mpi.Name{{Family: "Smith", Given: []string{"Ann", "B"}, Suffix: []string{"Jr"}}, {Use: "maiden", Family: "Jones", Old: true}},
		BirthDate: "1970-02-03", Gender: "female", Phones: []string{"617 5552369", "617 5552368"}, Emails: []string{"a@x.org"},
		Addresses:   []mpi.Address{{Lines: []string{"12 Main St", "Apt 3"}, City: "Boston", State: "MA", PostalCode: "02118"}},
		Identifiers: []mpi.Identifier{{System: "http://hl7.org/fhir/sid/us-ssn", Value: "536904399"}},
	}}}
	if diff := cmp.Diff(want, got, refs); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDates(t *testing.T) {
	for in, want := range map[string]string{
		"1970-02-03": "1970-02-03", "1970/2/3": "1970-02-03", "19700203": "1970-02-03", "2/3/1970": "1970-02-03", "02-03-1970": "1970-02-03", "23/3/1970": "1970-03-23",
		"3.2.1970": "1970-02-03", "1970-02-03T00:00:00": "1970-02-03", "1970": "1970", "1970-02": "1970-02", "19701340": "1970-13-40", "1970-02-31": "1970-02-31", "2/31/1970": "2/31/1970",
		"2/3/70": "2/3/70", "x": "x",
	} {
		got := read("id,last,dob\n1,Smith,"+in+"\n", feed.CSV)
		if len(got) != 1 || got[0].Demographics.BirthDate != want {
			t.Errorf("%q: %v", in, got)
		}
	}
}

// Every name that is documented is understood, and no two columns have one name.
func TestColumnNames(t *testing.T) {
	seen := map[string]bool{}
	for _, names := range feed.ColumnNames() {
		for _, n := range names {
			if seen[n] {
				t.Errorf("%s names two columns", n)
			}
			seen[n] = true
		}
	}
	for _, header := range []string{"unique_id,first_name,surname,dob,city,email,cluster", "rec_id, given_name, surname, street_number, address_1, address_2, suburb, postcode, state, date_of_birth, soc_sec_id",
		"Match Id,ID,BIRTHDATE,FIRST,LAST,SUFFIX,MAIDEN,RACE,ETHNICITY,GENDER,ADDRESS,CITY,STATE,COUNTY,ZIP,SSN"} {
		row := strings.Repeat("x,", strings.Count(header, ",")) + "x"
		if got := read(header+"\n"+row+"\n", feed.CSV); len(got) != 1 || got[0].Refused != "" || len(got[0].Demographics.Names) == 0 {
			t.Errorf("%q: %v", header, told(got))
		}
	}
}

func TestGzip(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for i := range 5000 {
		_, _ = fmt.Fprintln(z, patient(fmt.Sprint(i)))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if got := read(b.String(), feed.NDJSON); len(got) != 5000 || got[4999].Refused != "" {
		t.Errorf("%d records", len(got))
	}
	got := read(b.String()[:b.Len()/2], feed.NDJSON)
	last := got[len(got)-1]
	if len(got) < 2 || last.Refused != feed.Unreadable || last.Line != len(got) {
		t.Errorf("%d records of a file that is cut off, the last: %s", len(got), last.Refused)
	}
	for _, i := range got[:len(got)-1] {
		if i.Refused != "" {
			t.Errorf("line %d: %s", i.Line, i.Refused)
		}
	}
	if got := read("\x1f\x8b", feed.CSV); len(got) != 1 || got[0].Refused != feed.Unreadable {
		t.Errorf("%v", told(got))
	}
}

func TestGuess(t *testing.T) {
	for text, want := range map[string]feed.Format{patient("1"): feed.NDJSON, " \n" + patient("1"): feed.NDJSON, "id,last\n": feed.CSV, "": feed.CSV} {
		if got := feed.Guess(bufio.NewReader(strings.NewReader(text))); got != want {
			t.Errorf("%.10q: %s", text, got)
		}
	}
}

// Whatever a file holds, each record is either whole or refused, lines only rise, and no text is longer than is kept.
func fuzz(f *testing.F, format feed.Format) {
	f.Fuzz(func(t *testing.T, text string) {
		line := 0
		for i := range feed.Read(strings.NewReader(text), "epic", format) {
			if i.Line < line || i.Line > strings.Count(text, "\n")+2 {
				t.Fatalf("line %d after %d", i.Line, line)
			}
			line = i.Line
			d := i.Demographics
			if i.Refused != "" {
				if !d.Ref.IsZero() || len(d.Names) > 0 {
					t.Fatal("a record that is refused is there in part")
				}
				continue
			}
			if !mpi.IsPatient(d.Ref) || !utf8.ValidString(d.Ref.Reveal()) || len(d.Names) == 0 && d.BirthDate == "" && len(d.Identifiers) == 0 {
				t.Fatal("nobody's record")
			}
			for _, n := range d.Names {
				for _, s := range append([]string{n.Family}, n.Given...) {
					if len(s) > 256 || !utf8.ValidString(s) {
						t.Fatal("a text that is too long, or not UTF-8")
					}
				}
			}
		}
	})
}

func FuzzCSV(f *testing.F) {
	f.Add("id,first,last,dob\n1,\"A\nB\",C,1/2/1970\n2,\"x\n")
	f.Add("\xef\xbb\xbfid\tlast\n1\tSm\xffth\n")
	f.Add("id,last\n\"a\"\"b\",\"\n\n\n\n\n\n\n\n\n\n\"")
	fuzz(f, feed.CSV)
}

func FuzzNDJSON(f *testing.F) {
	f.Add(patient("1") + "\n" + patient("2")[:20] + "\n{}\n")
	f.Add(`{"resourceType":"Bundle","entry":[{"resource":` + patient("1") + `}]}`)
	f.Add(`{"resourceType":"Patient","id":"\ud800","name":[{"family":7}],"birthDate":[]}`)
	fuzz(f, feed.NDJSON)
}
