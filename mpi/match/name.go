package match

import (
	"slices"
	"strings"
	"unicode/utf8"

	"concord/mpi"
)

// forename is what stands before the family name.
type forename struct {
	first, whole string   // the first one; all of them without space
	rest         []string // the others
	groups       []uint16 // what first may be short for
	sound        uint64
	letters      uint32
	initial      bool // first is a letter
}

// surname is a family name.
type surname struct {
	whole   string   // without space
	parts   []string // nil when there is one
	sound   uint64
	letters uint32
}

// names are a patient's names, normalised. Those that stand for "unknown" are not in it.
type names struct {
	family, formerFamily []surname
	given, otherGiven    []forename // otherGiven: of names that are old, temporary or nicknames
	suffix               uint8      // a bit for each generation
	unknownFamily        bool       // the patient has a placeholder for a family name
	unknownGiven         bool       // and for a given one
}

// generations are the suffixes that tell people apart; others, such as MD, do not.
var generations = map[string]uint8{"jr": 1, "junior": 1, "sr": 2, "senior": 2, "i": 4, "ii": 8, "2nd": 8, "iii": 16, "3rd": 16,
	"iv": 32, "4th": 32, "v": 64, "5th": 64}

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
	n.unknownFamily, n.unknownGiven = n.unknownFamily || noFamily, n.unknownGiven || noGiven
	if len(fam) > 0 && !noFamily {
		if x.Old {
			n.formerFamily = append(n.formerFamily, surnameOf(fam))
		} else {
			n.family = append(n.family, surnameOf(fam))
		}
	}
	if len(giv) > 0 && !noGiven {
		if x.Old || x.Use == "nickname" || x.Use == "temp" {
			n.otherGiven = append(n.otherGiven, forenameOf(giv))
		} else {
			n.given = append(n.given, forenameOf(giv))
		}
	}
}

func surnameOf(parts []string) surname {
	s := surname{whole: strings.Join(parts, "")}
	if len(parts) > 1 {
		s.parts = parts
	}
	s.sound, s.letters = sound(s.whole), letterSet(s.whole)
	return s
}

func forenameOf(parts []string) forename {
	f := forename{first: parts[0], whole: strings.Join(parts, ""), groups: groups[parts[0]], initial: utf8.RuneCountInString(parts[0]) == 1}
	if len(parts) > 1 {
		f.rest = parts[1:]
	}
	f.sound, f.letters = sound(f.first), letterSet(f.first)
	return f
}

func (n *names) addSuffix(word string) { n.suffix |= generations[word] }

// cutSuffix takes a generation off the end of a name that has more than that.
func (n *names) cutSuffix(name []string) []string {
	if last := len(name) - 1; last > 0 && inText[name[last]] {
		n.addSuffix(name[last])
		return name[:last]
	}
	return name
}

func compareFamily(a, b *names) level {
	now := closestFamily(a.family, b.family)
	if now == equal {
		return now
	}
	before := closer(closestFamily(a.formerFamily, b.family), closer(closestFamily(a.family, b.formerFamily), closestFamily(a.formerFamily, b.formerFamily)))
	if before == equal {
		return famFormer
	}
	return orPlaceholder(closer(now, before), a.unknownFamily || b.unknownFamily)
}

func closestFamily(a, b []surname) level {
	best := missing
	for i := range a {
		for j := range b {
			best = closer(best, familyLevel(&a[i], &b[j]))
		}
	}
	return best
}

func familyLevel(a, b *surname) level {
	switch {
	case a.whole == b.whole:
		return equal
	case (a.parts != nil || b.parts != nil) && sharePart(a, b):
		return famPart
	case truncated(a.whole, b.whole):
		return famTruncated
	case mayBeNear(a.letters, b.letters) && long(a.whole, b.whole) && near(a.whole, b.whole):
		return famNear
	case alike(a.whole, b.whole, a.letters, b.letters, a.sound, b.sound):
		return famClose
	}
	return famDiffers
}

// sharePart tells whether two surnames have a part in common that few others have.
func sharePart(a, b *surname) bool {
	if a.parts == nil {
		return isPart(a.whole, b.parts)
	}
	if b.parts == nil {
		return isPart(b.whole, a.parts)
	}
	return slices.ContainsFunc(a.parts, func(p string) bool { return isPart(p, b.parts) })
}

func isPart(p string, of []string) bool { return len(p) > 2 && !particles[p] && slices.Contains(of, p) }

// alikeFrom is the similarity from which two names are alike to the eye.
const alikeFrom = 0.9

// alike tells whether two names are alike to the eye or the ear, by their spelling, letters and sound.
func alike(a, b string, lettersA, lettersB uint32, soundA, soundB uint64) bool {
	if len(a) < 3 || len(b) < 3 || hopeless(lettersA, lettersB) || len(a) > 2*len(b) || len(b) > 2*len(a) {
		return false
	}
	return soundA == soundB && soundA > 0xffff || winkler(a, b) >= alikeFrom
}

func compareGiven(a, b *names) level {
	now := closestGiven(a.given, b.given)
	if now == equal || now == givFirst {
		return now
	}
	other := closer(closestGiven(a.otherGiven, b.given), closer(closestGiven(a.given, b.otherGiven), closestGiven(a.otherGiven, b.otherGiven)))
	if other == equal || other == givFirst {
		other = givFormer
	}
	return orPlaceholder(closer(now, other), a.unknownGiven || b.unknownGiven)
}

func closestGiven(a, b []forename) level {
	best := missing
	for i := range a {
		for j := range b {
			best = closer(best, givenLevel(&a[i], &b[j]))
		}
	}
	return best
}

func givenLevel(a, b *forename) level {
	switch {
	case a.initial || b.initial:
		if strings.HasPrefix(a.first, b.first) || strings.HasPrefix(b.first, a.first) {
			return givInitial
		}
	case a.whole == b.whole:
		return equal
	case a.first == b.first:
		if middlesAgree(a.rest, b.rest) {
			return givFirst
		}
		return givMiddle
	case nick(a.groups, b.groups):
		return givNickname
	case truncated(a.whole, b.whole):
		return givTruncated
	case mayBeNear(a.letters, b.letters) && long(a.first, b.first) && near(a.first, b.first):
		return givNear
	}
	if slices.Contains(a.rest, b.first) || slices.Contains(b.rest, a.first) {
		return givSwapped
	}
	if !a.initial && !b.initial && alike(a.first, b.first, a.letters, b.letters, a.sound, b.sound) {
		return givClose
	}
	return givDiffers
}

// exchanged tells whether one patient's family name is the other's given name and the other way round, with a slip in one
// of them at most.
func exchanged(a, b *names) bool {
	for i := range a.family {
		for j := range b.given {
			l := crossed(&a.family[i], &b.given[j])
			if l == slipDiffers {
				continue
			}
			for k := range b.family {
				for n := range a.given {
					if m := crossed(&b.family[k], &a.given[n]); m == equal || m == slip && l == equal {
						return true
					}
				}
			}
		}
	}
	return false
}

// crossed compares a family name with a given one: equal, slip or slipDiffers.
func crossed(f *surname, g *forename) level {
	switch {
	case f.letters == g.letters && f.whole == g.first:
		return equal
	case mayBeNear(f.letters, g.letters) && near(f.whole, g.first):
		return slip
	}
	return slipDiffers
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

func compareSuffix(a, b *names) level {
	switch {
	case a.suffix == 0 || b.suffix == 0:
		return missing
	case a.suffix&b.suffix != 0:
		return equal
	}
	return differs
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
