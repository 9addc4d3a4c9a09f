package merge

import (
	"strings"

	"concord/fhir"
)

// cvxGroups are CVX codes of "unspecified formulation", each followed by those of the formulations that it may stand for
// (https://www2a.cdc.gov/vaccines/iis/iisstandards/vaccines.asp?rpt=vg). What one record calls a flu shot another calls by
// its formulation.
func cvxGroups() [16][]string {
	return [...][]string{
		{"107", "20", "106"},                             // DTaP
		{"139", "9", "113", "138", "196"},                // Td
		{"45", "8", "42", "43", "44", "189", "220"},      // hepatitis B
		{"85", "31", "52", "83", "84"},                   // hepatitis A
		{"17", "46", "47", "48", "49"},                   // Hib
		{"89", "2", "10"},                                // polio
		{"122", "116", "119"},                            // rotavirus
		{"109", "33", "100", "133", "152", "215", "216"}, // pneumococcal
		{"137", "62", "118", "165"},                      // HPV
		{"108", "32", "114", "136", "147", "203"},        // meningococcal
		{"188", "121", "187"},                            // zoster
		{"90", "18", "40", "175", "176"},                 // rabies
		{"91", "25", "41", "53", "101"},                  // typhoid
		{"129", "39", "134"},                             // Japanese encephalitis
		{"88", "15", "16", "111", "135", "140", "141", "144", "149", "150", "151", "153", "155", "158", "161", "166", "168", "171", "185", "186", "197", "205"},    // influenza
		{"213", "207", "208", "210", "211", "212", "217", "218", "219", "221", "228", "229", "230", "300", "301", "302", "308", "309", "310", "311", "312", "313"}, // COVID-19
	}
}

// The flags of an immunization: the group of its vaccine, and whether the code says no more than that.
const (
	vaccineGroup       uint32 = 0xff
	vaccineUnspecified uint32 = 0x100
)

// cvxGroup is the flags of a CVX code without zeros before it; 0 for none.
func cvxGroup(code string) uint32 {
	for i, g := range cvxGroups() {
		for j, c := range g {
			switch {
			case c != code:
			case j == 0:
				return uint32(i+1) | vaccineUnspecified
			default:
				return uint32(i + 1)
			}
		}
	}
	return 0
}

// noteVaccine flags f by the group of its vaccine, and finds it by that.
func noteVaccine(w *World, f *Facts, r *clinical) {
	for c := range w.top.el(elVaccineCode).Get("coding").Items() {
		if fhir.CanonicalSystem(c.Get("system").Text()) != fhir.SystemCVX {
			continue
		}
		if g := cvxGroup(strings.TrimLeft(strings.TrimSpace(c.Get("code").Text()), "0")); g != 0 {
			f.flags = g
			r.find(f, w, digest("vaccine group").withInt(int64(g&vaccineGroup)))
		}
	}
}

// sameVaccineGroup tells whether one of two says the group only to which the other belongs.
func sameVaccineGroup(a, b *Facts) bool {
	return a.flags&vaccineGroup != 0 && a.flags&vaccineGroup == b.flags&vaccineGroup && (a.flags^b.flags)&vaccineUnspecified != 0
}
