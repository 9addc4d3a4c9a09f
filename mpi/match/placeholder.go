package match

import "strings"

// What registration clerks and interfaces write when they don't know, or to try something out. None of it tells people
// apart. Compared with words joined by a space.
var (
	noGiven = set("unknown", "unk", "none", "noname", "no name", "nfn", "fnu", "n a", "not given", "refused", "declined", "anonymous",
		"patient", "male", "female", "test", "testing", "testpatient", "test patient", "first", "firstname")
	noFamily = set("unknown", "unk", "none", "noname", "no name", "lnu", "nln", "n a", "not given", "refused", "declined", "anonymous",
		"patient", "test", "testing", "testpatient", "lastname")
	// A given name that begins with one of these is that of a newborn before it had one.
	newborn = set("baby", "babyboy", "babygirl", "newborn", "infant", "boy", "girl", "bb", "bg", "twin", "twina", "twinb", "triplet", "quad", "fetus")
	// Doe is a surname, but not with one of these.
	doe = set("john", "jon", "jane", "baby", "jimmy", "janie")
)

func set(all ...string) map[string]bool {
	m := make(map[string]bool, len(all))
	for _, s := range all {
		m[s] = true
	}
	return m
}

func placeholderGiven(given []string) bool {
	return len(given) > 0 && (noGiven[strings.Join(given, " ")] || newborn[given[0]] || noGiven[given[0]] || filler(given))
}

func placeholderFamily(family, given []string) bool {
	if len(family) == 0 {
		return false
	}
	return noFamily[strings.Join(family, " ")] || filler(family) || family[0] == "test" || family[len(family)-1] == "test" ||
		len(family) == 1 && family[0] == "doe" && len(given) > 0 && doe[given[0]]
}

// filler tells of test patients' names such as ZZZ, ZZTEST and xxxx.
func filler(name []string) bool {
	for _, w := range name {
		if strings.HasPrefix(w, "zz") || len(w) > 2 && repeated(w) {
			return true
		}
	}
	return false
}
