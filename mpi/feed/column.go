package feed

import "strings"

// column is what a column of a CSV file holds.
type column uint8

const (
	colID column = iota
	colGiven
	colMiddle
	colFamily
	colFormer
	colSuffix
	colBirth
	colGender
	colPhone
	colEmail
	colNumber
	colStreet
	colStreet2
	colCity
	colState
	colPostal
	colSSN
	colLabel
	columnsKnown
)

// columnNames are the names that each column is known by, the one that counts first. Case, spaces, hyphens and underscores
// make no difference.
var columnNames = [columnsKnown][]string{
	colID:      {"patient", "patient_id", "rec_id", "record_id", "unique_id", "id", "mrn", "medical_record_number"},
	colGiven:   {"given_name", "first_name", "given", "first", "forename", "fname"},
	colMiddle:  {"middle_name", "middle", "middle_initial", "mname"},
	colFamily:  {"family_name", "last_name", "surname", "family", "last", "lname"},
	colFormer:  {"maiden_name", "maiden", "former_name", "previous_name", "birth_name"},
	colSuffix:  {"suffix", "name_suffix", "generation"},
	colBirth:   {"birth_date", "date_of_birth", "dob", "birthday"},
	colGender:  {"gender", "sex", "administrative_gender"},
	colPhone:   {"phone", "phone_number", "telephone", "tel", "mobile", "cell", "home_phone", "mobile_phone", "cell_phone", "work_phone", "phone_1", "phone_2"},
	colEmail:   {"email", "email_address", "mail", "email_1", "email_2"},
	colNumber:  {"street_number", "house_number"},
	colStreet:  {"address", "address_1", "street", "street_address", "address_line_1", "line", "line_1"},
	colStreet2: {"address_2", "address_line_2", "line_2", "unit"},
	colCity:    {"city", "suburb", "town", "locality"},
	colState:   {"state", "province", "region"},
	colPostal:  {"postal_code", "post_code", "zip", "zip_code", "zip_5"},
	colSSN:     {"ssn", "soc_sec_id", "social_security_number", "social_security", "ssn_9"},
	colLabel:   {"cluster", "label", "person", "person_id", "entity_id", "true_id", "match_id"},
}

// ColumnNames are the columns of a CSV file: each with the names that it is known by.
func ColumnNames() [][]string {
	out := make([][]string, len(columnNames))
	for i, names := range columnNames {
		out[i] = append(out[i], names...)
	}
	return out
}

// header tells where a file has each column.
type header struct {
	columns int
	at      [columnsKnown][]int
}

// plain is a column's name without what makes no difference.
func plain(name string) string {
	var b strings.Builder
	for _, c := range strings.ToLower(strings.TrimSpace(name)) {
		if c != ' ' && c != '_' && c != '-' && c != '.' {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// headerOf reads a header. Of several columns that are one the names' order counts; what is not known is left out.
func headerOf(names []string) (header, Problem) {
	h := header{columns: len(names)}
	where := map[string]int{}
	for i, n := range names {
		if n = plain(n); n == "" {
			continue
		}
		if _, twice := where[n]; twice {
			return h, NamedTwice
		}
		where[n] = i
	}
	for c, known := range columnNames {
		for _, n := range known {
			if i, ok := where[plain(n)]; ok {
				h.at[c] = append(h.at[c], i)
			}
		}
	}
	if len(h.at[colID]) == 0 || len(h.at[colFamily])+len(h.at[colGiven]) == 0 {
		return h, NoHeader
	}
	return h, ""
}
