package population

import (
	"strconv"

	"concord"
)

// Vendor is whose manners a source has, in its data (here) and over HTTP (package fakeehr).
type Vendor string

// The vendors. Generic is a plain FHIR R4 server without quirks.
const (
	Epic    Vendor = "epic"
	Cerner  Vendor = "cerner"
	Athena  Vendor = "athena"
	Generic Vendor = "generic"
)

// Source is one EHR that patients are dealt to.
type Source struct {
	// ID is the source's name; it must be unique in a population.
	ID concord.SourceID
	// Vendor decides the form of ids and which noise falls on the copies.
	Vendor Vendor
	// Site tells customers of one vendor apart: Epic's number within OIDs, Cerner's tenant, athena's practice. Empty
	// means the default of the vendor.
	Site string
	// Base is the URL that absolute references and Epic's own links are written with. The EHR that serves the data
	// replaces it by its real one. Empty means https://{ID}.example.org/fhir.
	Base string
}

// DefaultSources are an Epic, a Cerner and an athena site named after their vendors.
func DefaultSources() []Source {
	return []Source{{ID: "epic", Vendor: Epic}, {ID: "cerner", Vendor: Cerner}, {ID: "athena", Vendor: Athena}}
}

// SiteCode is Site, or the default of the vendor.
func (s Source) SiteCode() string {
	if s.Site != "" {
		return s.Site
	}
	switch s.Vendor {
	case Epic:
		return "861"
	case Cerner:
		return "6c1f4c2e-9a3d-4c55-8d0e-1f6a2b7c9d10"
	case Athena:
		return "195900"
	}
	return "1"
}

// BaseURL is Base, or the default.
func (s Source) BaseURL() string {
	if s.Base != "" {
		return s.Base
	}
	return "https://" + string(s.ID) + ".example.org/fhir"
}

// MRNSystem is the system of the source's own patient identifiers.
func (s Source) MRNSystem() string {
	switch s.Vendor {
	case Epic:
		return "urn:oid:1.2.840.114350.1.13." + s.SiteCode() + ".1.7.5.737384.14"
	case Cerner:
		if s.Site != "" {
			return "urn:oid:2.16.840.1.113883.6.1000." + strconv.FormatUint(hash(0, "mrn", s.Site)%9000+1000, 10)
		}
		return "urn:oid:2.16.840.1.113883.6.1000"
	case Athena:
		return "https://fhir.athena.io/sid/ah-patient"
	}
	return "urn:oid:2.16.840.1.113883.19." + strconv.FormatUint(hash(0, "mrn", string(s.ID))%9000+1000, 10)
}

// Practice is athena's organization id of the practice, as the search parameter ah-practice wants it.
func (s Source) Practice() string { return "a-1.Practice-" + s.SiteCode() }

// localSystem is a code system of the source's own, for concepts of a kind such as "lab".
func (s Source) localSystem(kind string) string {
	switch s.Vendor {
	case Epic:
		item := map[string]string{"lab": "768282", "vital": "707679", "med": "698288", "problem": "696580", "visit": "808267", "procedure": "696580.1"}[kind]
		if item == "" {
			item = "727688"
		}
		return "urn:oid:1.2.840.114350.1.13." + s.SiteCode() + ".1.7.2." + item
	case Cerner:
		set := map[string]string{"lab": "72", "vital": "72", "med": "4641", "problem": "12033", "visit": "71", "procedure": "14003"}[kind]
		if set == "" {
			set = "93"
		}
		return "https://fhir.cerner.com/" + s.SiteCode() + "/codeSet/" + set
	case Athena:
		return "https://fhir.athena.io/sid/ah-" + kind
	}
	return "urn:concord:test:" + string(s.ID) + ":" + kind
}
