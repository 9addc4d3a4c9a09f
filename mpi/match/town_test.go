package match_test

import (
	"testing"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
)

// TestAddressWithoutAPostalCode: the town stands for it, and never against two codes that differ.
func TestAddressWithoutAPostalCode(t *testing.T) {
	at := func(source concord.SourceID, city, state, zip string) mpi.Demographics {
		return mpi.Demographics{Ref: concord.NewPatientRef(source, "1"), Names: []mpi.Name{{Family: "Feldmann", Given: []string{"Dagmar"}}}, BirthDate: "1971-06-02", Gender: "female",
			Addresses: []mpi.Address{{Lines: []string{"498 Hintz Road Apt 87"}, City: city, State: state, PostalCode: zip}}}
	}
	for _, c := range []struct {
		name string
		a, b mpi.Demographics
		want bool
	}{
		{"neither has a code", at("a", "Salem", "MA", ""), at("b", "SALEM", "ma", ""), true},
		{"one has none", at("a", "Salem", "MA", "01970"), at("b", "Salem", "MA", ""), true},
		{"another town", at("a", "Salem", "MA", ""), at("b", "Lynn", "MA", ""), false},
		{"a town without a state", at("a", "Salem", "", ""), at("b", "Salem", "", ""), false},
		{"two codes that differ", at("a", "Salem", "MA", "01970"), at("b", "Salem", "MA", "97301"), false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := match.Compare(c.a, c.b).Grade == mpi.Certain; got != c.want {
				t.Errorf("certain: %v", got)
			}
		})
	}
}
