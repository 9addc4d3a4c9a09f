package population

// Options say what to generate. The zero value is no persons; Seed alone makes two populations differ.
type Options struct {
	// Seed decides everything that is drawn.
	Seed uint64
	// Persons is how many persons there are, decoys not counted.
	Persons int
	// Sources are the EHRs; nil means DefaultSources.
	Sources []Source
	// NoHistory leaves persons without events, for tests of matching with very many persons.
	NoHistory bool
	// Observations is the least number of Observations per person; 0 leaves what the history gives. Beyond that come
	// monitoring values of a hospital stay.
	Observations int
	// Registered is at how many sources each person is known: 0 draws 1 to all, weighted towards all.
	Registered int
	// Copies is by how many sources each event is held: 0 draws 1 to all of those that know the person.
	Copies int
	// Decoys is the share of persons, 0 to 1, that have a decoy: a twin, a junior, or a stranger of the same name. A
	// decoy is a person of its own, with a history.
	Decoys float64
	// Conflicts is how many planted conflicts each person has, as far as there are events that fit.
	Conflicts int
	// Noise is how copies differ from one another without meaning anything else.
	Noise Noise
}

// Noise lists the ways in which copies of one event, and of one person, differ between sites. The zero value is none: then
// copies differ in ids, meta and references, and patients in their record numbers besides. Whether one kind is on changes
// nothing about what the others do.
type Noise struct {
	// Spelling of persons.
	NameTruncated, NameHyphens, NameCase, Nicknames, MiddleInitials, FormerNames, SuffixDropped bool
	// Phone and street notation; an old address beside or instead of the present one.
	PhoneFormats, StreetFormats, AddressMoved bool
	// BirthDateTypos swaps day and month, or misses by a digit, at one source of one person in fifty.
	BirthDateTypos bool
	// ManyIdentifiers: Epic's dozen, Cerner's old record numbers with an end, identifiers without a system.
	ManyIdentifiers bool
	// SSNHidden: masked at Epic, not given at Cerner.
	SSNHidden bool

	// LongIDs: some of Epic's ids have 66 to 130 characters.
	LongIDs bool
	// LocalCodes: codes of the site beside the standard ones; at Cerner pairs with userSelected.
	LocalCodes bool
	// CodeOIDs: Epic writes code systems as urn:oid at times.
	CodeOIDs bool
	// EncounterClass: Epic writes a code of its own instead of that of ActCode.
	EncounterClass bool
	// BrokenLOINC: athena drops the hyphen and check digit at times.
	BrokenLOINC bool
	// TextOnly: athena gives a concept as text alone at times.
	TextOnly bool
	// NoDisplay: Epic leaves the display of codings out.
	NoDisplay bool

	// OtherZones: athena writes the offset of the place, Cerner milliseconds.
	OtherZones bool
	// DatePrecision: dates as local midnight at athena, instants as dates at Epic.
	DatePrecision bool
	// PartialDates: Cerner gives long-ago onsets as a year or a month.
	PartialDates bool

	// OtherUnits: Epic writes weight in pounds, height in inches and temperature in Fahrenheit at times.
	OtherUnits bool
	// FreeUnits: athena leaves unit system and code out.
	FreeUnits bool
	// Decimals: Cerner writes a further zero.
	Decimals bool

	// MedicationForms: a reference at Epic and athena, a contained Medication at Cerner at times.
	MedicationForms bool
	// Narrative: text.div with the patient's name and birth date at Cerner, and subject.display.
	Narrative bool
	// NoLastUpdated: meta.lastUpdated is absent at Epic.
	NoLastUpdated bool
	// DataAbsent: data-absent-reason extensions at Cerner.
	DataAbsent bool
	// MissingElements: athena leaves clinicalStatus, onset and issued out at times.
	MissingElements bool
	// OwnIdentifiers: each source adds an identifier of its own.
	OwnIdentifiers bool
	// InlineNotes: athena holds documents inline instead of in a Binary.
	InlineNotes bool
	// VendorExtensions: athena's ah-practice and the like.
	VendorExtensions bool
	// AbsoluteReferences: Epic writes some references with its base URL.
	AbsoluteReferences bool

	// EnteredInError: athena gives retracted records beside the good ones. Each is an event of its own.
	EnteredInError bool
	// Repeats: athena holds some observations twice. Each is an event of its own, alike to the other.
	Repeats bool
	// NotOnFile: Epic puts a placeholder where no allergy is known. It is an event of its own.
	NotOnFile bool
}

// AllNoise is every kind of noise.
func AllNoise() Noise {
	return Noise{
		NameTruncated: true, NameHyphens: true, NameCase: true, Nicknames: true, MiddleInitials: true, FormerNames: true, SuffixDropped: true,
		PhoneFormats: true, StreetFormats: true, AddressMoved: true, BirthDateTypos: true, ManyIdentifiers: true, SSNHidden: true,
		LongIDs: true, LocalCodes: true, CodeOIDs: true, EncounterClass: true, BrokenLOINC: true, TextOnly: true, NoDisplay: true,
		OtherZones: true, DatePrecision: true, PartialDates: true,
		OtherUnits: true, FreeUnits: true, Decimals: true,
		MedicationForms: true, Narrative: true, NoLastUpdated: true, DataAbsent: true, MissingElements: true, OwnIdentifiers: true,
		InlineNotes: true, VendorExtensions: true, AbsoluteReferences: true,
		EnteredInError: true, Repeats: true, NotOnFile: true,
	}
}
