package match

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestWinkler(t *testing.T) {
	tests := []struct {
		a, b string
		want float64
	}{
		{"martha", "marhta", 0.9611}, {"dwayne", "duane", 0.84}, {"dixon", "dicksonx", 0.8133}, {"jones", "johnson", 0.8324}, {"abc", "abc", 1}, {"abc", "xyz", 0}, {"", "a", 0},
	}
	for _, tt := range tests {
		t.Run(tt.a+"/"+tt.b, func(t *testing.T) {
			for _, got := range []float64{winkler(tt.a, tt.b), winkler(tt.b, tt.a)} {
				if math.Abs(got-tt.want) > 1e-4 {
					t.Errorf("%.4f, want %.4f", got, tt.want)
				}
			}
		})
	}
}

// slowNear is the distance of Damerau and Levenshtein, of one, by trying everything.
func slowNear(a, b string) bool {
	x, y := []rune(a), []rune(b)
	if len(x) < len(y) {
		x, y = y, x
	}
	if len(x) == len(y) {
		for i := range x {
			z := append([]rune{}, x...)
			z[i] = y[i]
			if string(z) == string(y) {
				return a != b
			}
			if i > 0 {
				z = append([]rune{}, x...)
				z[i], z[i-1] = z[i-1], z[i]
				if string(z) == string(y) {
					return a != b
				}
			}
		}
		return false
	}
	for i := range x {
		if string(x[:i])+string(x[i+1:]) == string(y) {
			return true
		}
	}
	return false
}

func TestNearIsOneSlip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.SampledFrom([][]rune{[]rune("ab"), []rune("abcd1"), []rune("aéб")}).Draw(t, "letters")
		words := rapid.StringOfN(rapid.SampledFrom(letters), 0, 7, -1)
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		if got := near(a, b); got != slowNear(a, b) {
			t.Fatalf("near(%q, %q) = %v", a, b, got)
		}
		if near(a, b) && !mayBeNear(letterSet(a), letterSet(b)) && ascii(a) && ascii(b) {
			t.Fatalf("the letters of %q and %q rule out what is so", a, b)
		}
	})
}

func TestSound(t *testing.T) {
	for _, same := range [][]string{{"catherine", "katherine", "katharine"}, {"smith", "smyth"}, {"philip", "filip"}, {"macdonald", "mcdonald"},
		{"meyer", "meyers"}, {"robertson", "robertsen"}} {
		for _, name := range same[1:] {
			if sound(same[0]) != sound(name) {
				t.Errorf("%s and %s sound apart", same[0], name)
			}
		}
	}
	for _, apart := range [][2]string{{"smith", "jones"}, {"anna", "hanna"}, {"maria", "mark"}} {
		if sound(apart[0]) == sound(apart[1]) {
			t.Errorf("%s and %s sound alike", apart[0], apart[1])
		}
	}
	if sound("") != 0 || sound("иван") != 0 {
		t.Error("what has no Latin letters has a sound")
	}
}

// Every combination that makes a link certain is as unlikely to be met by chance as is demanded, and what many take for
// enough is not.
func TestCombinations(t *testing.T) {
	refused := 0
	for _, c := range combinations {
		if c.chance > limit {
			refused++
			if c.rule != "name+birthdate+postcode" {
				t.Errorf("%s has a chance of %.1g", c.rule, c.chance)
			}
		}
	}
	if refused != 1 {
		t.Errorf("%d combinations are refused", refused)
	}
	var l levels
	l.of[fFamily], l.of[fGiven], l.of[fBirth], l.of[fLocality] = equal, equal, equal, equal
	if rule := l.combination(); rule != "" {
		t.Errorf("certain by %s", rule)
	}
	l.of[fSSN] = lastFour
	if rule := l.combination(); rule != "name+birthdate+ssn4+postcode" {
		t.Errorf("by %q", rule)
	}
}

// Every table has a probability for each level of its field, and they add up to 1.
func TestTables(t *testing.T) {
	tables := usualTables()
	for h := range tables {
		for f := range tables[h] {
			sum := 0.0
			for at, p := range tables[h][f] {
				sum += p
				if (at < int(equal) || at >= len(levelNames[f])) && p != 0 || p < 0 {
					t.Errorf("hypothesis %d, %s: level %d has %v", h, fieldNames[f], at, p)
				}
			}
			if math.Abs(sum-1) > 1e-9 {
				t.Errorf("hypothesis %d, %s: %v in all", h, fieldNames[f], sum)
			}
		}
	}
}

func TestBirthOf(t *testing.T) {
	tests := []struct {
		text, want string
		unknown    bool
	}{
		{"1961-04-17", "1961-04-17", false}, {"1961-04-17T00:00:00Z", "1961-04-17", false}, {"1961-04", "1961-04", false}, {"1961", "1961", false}, {"19610417", "1961-04-17", false},
		{"04/17/1961", "1961-04-17", false}, {"4/7/1961", "1961-04-07", false}, {"4/7/61", "1961-04-07", false}, {"4/7/06", "2006-04-07", false}, {"2/29/00", "2000-02-29", false},
		{"1900-01-01", "", true}, {"1900", "", true}, {"01/01/1900", "", true}, {"0001-01-01", "", true}, {"9999-12-31", "", true}, {"1900-02-01", "1900-02-01", false},
		{"", "", false}, {"2000-13-01", "", false}, {"Missing, but age 23", "", false}, {"17.04.1961", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			if b := birthOf(tt.text); b.text() != tt.want || b.unknown != tt.unknown {
				t.Errorf("%q, unknown %v", b.text(), b.unknown)
			}
		})
	}
	if a, b := birthOf("2000-13-01"), birthOf("2000-12-01"); compareBirth(&a, &b) != birthNear {
		t.Error("a day that is none is not near the one that was meant")
	}
}
