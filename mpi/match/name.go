package match

import (
	"slices"
	"strings"
	"unicode/utf8"

	"concord/mpi"
)

// given is what stands before the family name.
type given struct {
	first, whole string // the first one; all of them without space
	rest         []string
}

// family is a surname.
type family struct {
	whole string // without space
	parts []string
}

// names are a patient's names, normalised. Those that stand for "unknown" are not in it.
type names struct {
	family, formerFamily       []family
	given, otherGiven          []given // otherGiven: of names that are old, temporary or nicknames
	suffix                     []string
	unknownFamily, unknownWord bool // the patient has a placeholder for a family or given name
}

// generations are the suffixes that tell people apart; others, such as MD, do not.
var generations = map[string]string{"jr": "jr", "junior": "jr", "sr": "sr", "senior": "sr", "i": "1", "ii": "2", "2nd": "2", "iii": "3", "3rd": "3",
	"iv": "4", "4th": "4", "v": "5", "5th": "5"}

// inText are those that are taken for one at the end of a family or given name; a lone i or v is rather an initial.
var inText = set("jr", "junior", "sr", "senior", "ii", "iii", "iv", "2nd", "3rd", "4th")

// particles are parts that many double names share.
var particles = set("de", "la", "las", "los", "del", "da", "do", "dos", "das", "di", "du", "le", "van", "von", "der", "den", "ter", "ten", "el", "al",
	"bin", "ibn", "abu", "san", "santa", "saint", "st", "mac", "mc", "and", "y", "e")

func namesOf(d mpi.Demographics) names {
	var n names
	mononym := !slices.ContainsFunc(d.Names, func(x mpi.Name) bool { return x.Family != "" })
	for _, x := range d.Names {
		n.add(x, mononym)
	}
	return n
}

// add takes in a name; that of a mononym, who has one name only, is the family name in whichever element it stands.
func (n *names) add(x mpi.Name, mononym bool) {
	if x.Use == "anonymous" {
		return
	}
	fam := words(x.Family, false)
	var giv []string
	for _, g := range x.Given {
		giv = append(giv, words(g, true)...)
	}
	for _, s := range x.Suffix {
		for _, w := range words(s, false) {
			n.addSuffix(w)
		}
	}
	fam, giv = n.cutSuffix(fam), n.cutSuffix(giv)
	if mononym && len(giv) == 1 {
		fam, giv = giv, nil
	}
	noFamily, noGiven := placeholderFamily(fam, giv), placeholderGiven(giv)
	noGiven = noGiven || noFamily && len(fam) == 1 && fam[0] == "doe"
	n.unknownFamily, n.unknownWord = n.unknownFamily || noFamily, n.unknownWord || noGiven
	if f := (family{strings.Join(fam, ""), fam}); len(fam) > 0 && !noFamily {
		if x.Old {
			n.formerFamily = append(n.formerFamily, f)
		} else {
			n.family = append(n.family, f)
		}
	}
	if len(giv) > 0 && !noGiven {
		g := given{giv[0], strings.Join(giv, ""), giv[1:]}
		if x.Old || x.Use == "nickname" || x.Use == "temp" {
			n.otherGiven = append(n.otherGiven, g)
		} else {
			n.given = append(n.given, g)
		}
	}
}

func (n *names) addSuffix(word string) {
	if g := generations[word]; g != "" && !slices.Contains(n.suffix, g) {
		n.suffix = append(n.suffix, g)
	}
}

// cutSuffix takes a generation off the end of a name that has more than that.
func (n *names) cutSuffix(name []string) []string {
	if last := len(name) - 1; last > 0 && inText[name[last]] {
		n.addSuffix(name[last])
		return name[:last]
	}
	return name
}

func compareFamily(a, b names) mpi.Level {
	best := func(x, y []family) mpi.Level {
		return closest(familyOrder, x, y, familyLevel)
	}
	now := best(a.family, b.family)
	if now == mpi.Equal {
		return now
	}
	before := closer(familyOrder, best(a.formerFamily, b.family), best(a.family, b.formerFamily), best(a.formerFamily, b.formerFamily))
	if before == mpi.Equal {
		return mpi.Former
	}
	return orPlaceholder(closer(familyOrder, now, before), a.unknownFamily || b.unknownFamily)
}

// familyOrder is from the closest level to the furthest.
var familyOrder = []mpi.Level{mpi.Equal, mpi.Part, mpi.Truncated, mpi.Near, mpi.Differs}

func familyLevel(a, b family) mpi.Level {
	switch {
	case a.whole == b.whole:
		return mpi.Equal
	case slices.ContainsFunc(a.parts, func(p string) bool { return len(p) > 2 && !particles[p] && slices.Contains(b.parts, p) }):
		return mpi.Part
	case truncated(a.whole, b.whole):
		return mpi.Truncated
	case long(a.whole, b.whole) && near(a.whole, b.whole):
		return mpi.Near
	}
	return mpi.Differs
}

func compareGiven(a, b names) mpi.Level {
	best := func(x, y []given) mpi.Level { return closest(givenOrder, x, y, givenLevel) }
	now := best(a.given, b.given)
	if now == mpi.Equal || now == mpi.First {
		return now
	}
	other := closer(givenOrder, best(a.otherGiven, b.given), best(a.given, b.otherGiven), best(a.otherGiven, b.otherGiven))
	if other == mpi.Equal || other == mpi.First {
		other = mpi.Former
	}
	return orPlaceholder(closer(givenOrder, now, other), a.unknownWord || b.unknownWord)
}

var givenOrder = []mpi.Level{mpi.Equal, mpi.First, mpi.Former, mpi.MiddleDiffers, mpi.Nickname, mpi.Truncated, mpi.Near, mpi.Initial, mpi.Swapped, mpi.Differs}

func givenLevel(a, b given) mpi.Level {
	one := func(s string) bool { return utf8.RuneCountInString(s) == 1 }
	switch {
	case one(a.first) || one(b.first):
		if strings.HasPrefix(a.first, b.first) || strings.HasPrefix(b.first, a.first) {
			return mpi.Initial
		}
	case a.whole == b.whole:
		return mpi.Equal
	case a.first == b.first:
		if middlesAgree(a.rest, b.rest) {
			return mpi.First
		}
		return mpi.MiddleDiffers
	case nick(a.first, b.first):
		return mpi.Nickname
	case truncated(a.whole, b.whole):
		return mpi.Truncated
	case long(a.first, b.first) && near(a.first, b.first):
		return mpi.Near
	}
	if slices.Contains(a.rest, b.first) || slices.Contains(b.rest, a.first) {
		return mpi.Swapped
	}
	return mpi.Differs
}

// middlesAgree tells whether nothing in the middle names speaks against one person: one has none, or each is the other or
// its initial.
func middlesAgree(a, b []string) bool {
	for i := range min(len(a), len(b)) {
		x, y := a[i], b[i]
		initial := utf8.RuneCountInString(x) == 1 || utf8.RuneCountInString(y) == 1
		if x != y && !(initial && (strings.HasPrefix(x, y) || strings.HasPrefix(y, x))) {
			return false
		}
	}
	return true
}

func compareSuffix(a, b names) mpi.Level {
	switch {
	case len(a.suffix) == 0 || len(b.suffix) == 0:
		return mpi.Missing
	case slices.ContainsFunc(a.suffix, func(s string) bool { return slices.Contains(b.suffix, s) }):
		return mpi.Equal
	}
	return mpi.Differs
}

// cuts are the lengths, with and without the space that normalising takes out, at which systems are known to cut names.
const shortestCut, longestCut = 18, 30

func truncated(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	return len(a) >= shortestCut && len(a) <= longestCut && len(a) < len(b) && strings.HasPrefix(b, a)
}

// long tells whether one letter more or less leaves enough to go by.
func long(a, b string) bool { return len(a) > 3 && len(b) > 3 }

// closest is the closest level of any pair; Missing without one.
func closest[T any](order []mpi.Level, a, b []T, level func(a, b T) mpi.Level) mpi.Level {
	best := mpi.Missing
	for _, x := range a {
		for _, y := range b {
			best = closer(order, best, level(x, y))
		}
	}
	return best
}

// closer is the level that stands first in order; those that are not in it come last.
func closer(order []mpi.Level, levels ...mpi.Level) mpi.Level {
	for _, o := range order {
		if slices.Contains(levels, o) {
			return o
		}
	}
	return mpi.Missing
}

func orPlaceholder(l mpi.Level, unknown bool) mpi.Level {
	if l == mpi.Missing && unknown {
		return mpi.Placeholder
	}
	return l
}
