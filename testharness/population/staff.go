package population

import (
	"fmt"

	"concord/testharness/internal/ojson"
)

// event is one thing with the resource that tells it, before it is dealt. References in the body are "event:" and a key.
type event struct {
	key    EventKey
	typ    string
	body   *object
	origin int    // index of the source that recorded it
	group  string // events of one group are held together, mostly
	alone  bool   // no other source gets a copy
	with   EventKey
}

const eventRef = "event:"

// ref refers to another event.
func ref(k EventKey, display string) *object {
	if k == "" {
		return nil
	}
	return ojson.New("reference", eventRef+string(k), "display", display)
}

type doctor struct {
	key  EventKey
	name string
}

type siteStaff struct {
	org     EventKey
	orgName string
	rooms   []EventKey
	doctors []doctor
}

// staff is who and what works at each source.
type staff []siteStaff

var orgNames = []string{"Lakeside Health", "Harborview Medical Group", "Northfield Community Practice", "Riverbend Hospital", "Summit Physicians"}
var roomNames = []string{"Primary Care", "Emergency Department", "Medical Ward 3"}

func newStaff(d *dealer) staff {
	out := make(staff, len(d.sources))
	for i, src := range d.sources {
		r := d.seed.stream("staff", string(src.ID))
		pl := places[i%len(places)]
		s := siteStaff{org: EventKey(shared + "/Organization/" + string(src.ID)), orgName: orgNames[i%len(orgNames)]}
		addr := ojson.New("line", ojson.List(itoa(100+r.IntN(900))+" Hospital Drive"), "city", pl.city, "state", pl.state, "postalCode", pl.zip, "country", "US")
		tel := ojson.List(ojson.New("system", "phone", "value", phone(r, pl), "use", "work"))
		d.share(&event{key: s.org, typ: "Organization", body: ojson.New("resourceType", "Organization",
			"identifier", ojson.List(ojson.New("system", npi, "value", npiNumber(digits(r, 8)))),
			"active", true, "type", ojson.List(bare(hl7Code+"organization-type", "prov", "Healthcare Provider")), "name", s.orgName,
			"telecom", tel, "address", ojson.List(addr.Clone()))})
		for n, room := range roomNames {
			key := EventKey(fmt.Sprintf("%s/Location/%s-%d", shared, src.ID, n))
			s.rooms = append(s.rooms, key)
			d.share(&event{key: key, typ: "Location", body: ojson.New("resourceType", "Location",
				"identifier", ojson.List(ojson.New("system", "urn:oid:2.16.840.1.113883.19.4."+itoa(i+1), "value", "LOC-"+itoa(100*i+n))),
				"status", "active", "name", s.orgName+" "+room, "mode", "instance", "telecom", ojson.Clone(tel), "address", addr.Clone(),
				"managingOrganization", ref(s.org, s.orgName))})
		}
		for n := range 6 {
			gender, table := "female", givenFemale
			if r.IntN(2) == 0 {
				gender, table = "male", givenMale
			}
			given, family := choose(r, table), choose(r, familyNames)
			key := EventKey(fmt.Sprintf("%s/Practitioner/%s-%d", shared, src.ID, n))
			s.doctors = append(s.doctors, doctor{key, given + " " + family + ", MD"})
			d.share(&event{key: key, typ: "Practitioner", body: ojson.New("resourceType", "Practitioner",
				"identifier", ojson.List(ojson.New("use", "official", "system", npi, "value", npiNumber(digits(r, 8)))),
				"active", true, "name", ojson.List(ojson.New("use", "official", "text", given+" "+family+", MD", "family", family, "given", ojson.List(given), "suffix", ojson.List("MD"))),
				"gender", gender)})
		}
		out[i] = s
	}
	return out
}

// npiNumber completes eight digits to a National Provider Identifier: a leading 1 and the Luhn digit over 80840 and it.
func npiNumber(eight string) string {
	nine := "1" + eight
	sum, double := 24, true // 24 is what the prefix 80840 adds
	for i := len(nine) - 1; i >= 0; i-- {
		v := int(nine[i] - '0')
		if double {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
		double = !double
	}
	return nine + itoa((10-sum%10)%10)
}
