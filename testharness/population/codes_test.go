package population_test

import (
	"regexp"
	"strings"
	"testing"

	"concord/testharness/population"
)

// luhn tells whether the digits with their check digit sum to a multiple of ten.
func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		v := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// verhoeff is the check of SNOMED CT identifiers: the dihedral group D5 and its permutation.
func verhoeff(s string) bool {
	mul := func(a, b int) int {
		switch {
		case a < 5 && b < 5:
			return (a + b) % 5
		case a < 5:
			return 5 + (b-5+a)%5
		case b < 5:
			return 5 + (a-5-b+5)%5
		}
		return (a - b + 5) % 5
	}
	perm := func(i, v int) int {
		for range i % 8 {
			v = [10]int{1, 5, 7, 6, 2, 8, 3, 0, 9, 4}[v]
		}
		return v
	}
	c := 0
	for i := range len(s) {
		c = mul(c, perm(i, int(s[len(s)-1-i]-'0')))
	}
	return c == 0
}

func TestCodesAreWellFormed(t *testing.T) {
	p := population.Generate(population.Options{Seed: 91, Persons: 60, Registered: 1})
	icd := regexp.MustCompile(`^[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?$`)
	digits := regexp.MustCompile(`^[0-9]+$`)
	seen := map[string]int{}
	for _, s := range p.Sites {
		for _, r := range s.Resources {
			walk(decode(t, r.Body), func(o tree) {
				system, _ := o["system"].(string)
				code, _ := o["code"].(string)
				value, _ := o["value"].(string)
				var ok bool
				switch {
				case system == "http://loinc.org" && !strings.HasPrefix(code, "LA"):
					ok = luhn(strings.Replace(code, "-", "", 1)) && code[len(code)-2] == '-'
				case system == "http://snomed.info/sct":
					ok = digits.MatchString(code) && verhoeff(code)
				case system == "http://hl7.org/fhir/sid/icd-10-cm":
					ok = icd.MatchString(code)
				case system == "http://www.nlm.nih.gov/research/umls/rxnorm", system == "http://hl7.org/fhir/sid/cvx":
					ok = digits.MatchString(code)
				case system == "http://hl7.org/fhir/sid/us-npi":
					ok = len(value) == 10 && luhn("80840"+value)
				default:
					return
				}
				seen[system]++
				if !ok {
					t.Errorf("%s|%s%s is not well-formed", system, code, value)
				}
			})
		}
	}
	if len(seen) != 6 {
		t.Errorf("not every system is used: %v", seen)
	}
}
