package population

import (
	"time"

	"concord"
)

// Resource is one copy as its source sends it.
type Resource struct {
	Type, ID string
	// Patient is the id of the patient that it is about, at the same source; empty for what is nobody's. PHI.
	Patient string
	// Body is the JSON.
	Body []byte
}

// Site is one source with all that it holds.
type Site struct {
	Source    Source
	Resources []Resource
}

// Person is one human as he or she really is.
type Person struct {
	Key PersonKey
	// DecoyOf is who this person is easily taken for; empty for most.
	DecoyOf PersonKey
	// DecoyKind is "twin", "junior" or "namesake"; empty for others.
	DecoyKind string
	Given     []string
	Family    string
	// Former is an earlier family name.
	Former string
	// Nickname is what some sites call the person.
	Nickname string
	Suffix   string
	Gender   string // male or female
	Birth    time.Time
	SSN      string // nine digits
	Phone    string // ten digits
	Email    string
	Address  Address
	// OldAddress is where the person lived before; zero for most.
	OldAddress Address
	// TwinOrder is 1 or 2 for twins.
	TwinOrder int
	// Copies are the person's Patient records, in order of the sources.
	Copies []Copy

	race, ethnicity int
	sites           []int // indexes of the sources that know the person
	home            int   // index of the source where the person mostly goes
}

// Address is a postal address.
type Address struct{ Line, City, State, PostalCode string }

// Population is what the sources hold, and the truth about it.
type Population struct {
	Persons []Person
	Sites   []Site
	Truth   Truth
}

// Site is what one source holds; the zero Site for a source that is not there.
func (p *Population) Site(id concord.SourceID) Site {
	for _, s := range p.Sites {
		if s.Source.ID == id {
			return s
		}
	}
	return Site{}
}

// Person finds a person; nil if there is none.
func (p *Population) Person(key PersonKey) *Person {
	for i := range p.Persons {
		if p.Persons[i].Key == key {
			return &p.Persons[i]
		}
	}
	return nil
}

// Generate makes a population. The same Options give the same bytes.
func Generate(o Options) *Population {
	d := newDealer(seed(o.Seed), o)
	d.staff = newStaff(d)
	persons := people(seed(o.Seed), o, len(d.sources))
	for i := range persons {
		p := &persons[i]
		var events []*event
		if !o.NoHistory {
			events = history(d.seed, o, p, d.staff)
		}
		d.deal(p, patientBody(p), events)
	}
	return d.population(persons)
}
