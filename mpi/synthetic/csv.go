package synthetic

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"

	"concord"
)

// WriteCSV writes n records of the population, with a header: the columns that package feed reads, and whose each record is as
// person_id. The id holds the source, so that all can be taken for one source's.
func WriteCSV(out io.Writer, p *Population, n int) error {
	w := csv.NewWriter(out)
	person := 0
	told := p.Truth
	p.Truth = func(ref concord.PatientRef, of int) {
		if person = of; told != nil {
			told(ref, of)
		}
	}
	defer func() { p.Truth = told }()
	if err := w.Write([]string{"id", "first_name", "last_name", "dob", "sex", "phone", "email", "address", "city", "state", "zip", "person_id"}); err != nil {
		return err
	}
	for d, err := range p.Records(n) {
		if err != nil {
			return err
		}
		row := []string{string(d.Ref.Source) + "-" + d.Ref.Reveal(), strings.Join(d.Names[0].Given, " "), d.Names[0].Family, d.BirthDate, d.Gender,
			strings.Join(d.Phones, " "), strings.Join(d.Emails, " "), "", "", "", "", strconv.Itoa(person)}
		if len(d.Addresses) > 0 {
			a := d.Addresses[0]
			row[7], row[8], row[9], row[10] = strings.Join(a.Lines, " "), a.City, a.State, a.PostalCode
		}
		if err := w.Write(row); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}
