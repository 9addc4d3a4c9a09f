package concord

import (
	"fmt"
	"io"
	"log/slog"
	"unique"
)

// SourceID names one configured EHR, such as "epic". It matches [a-z][a-z0-9]{0,15} and holds no PHI. The zero value
// names no source.
type SourceID string

// Valid tells whether s has the form that the configuration demands.
func (s SourceID) Valid() bool {
	if len(s) == 0 || len(s) > 16 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// PatientRef is one patient as one source knows it. The id is PHI (45 CFR 164.514(b)(2)), so the value prints redacted
// however it is printed; Reveal is the only way out. PatientRefs are comparable. The zero value refers to nobody.
type PatientRef struct {
	Source SourceID
	id     unique.Handle[string]
}

// NewPatientRef refers to the patient with the given logical id at source; the id is kept byte for byte.
func NewPatientRef(source SourceID, id string) PatientRef {
	return PatientRef{Source: source, id: unique.Make(id)}
}

// IsZero tells whether p refers to nobody.
func (p PatientRef) IsZero() bool { return p == PatientRef{} }

// Reveal returns the id as the source wrote it. What receives it must not log it.
func (p PatientRef) Reveal() string {
	if p.id == (unique.Handle[string]{}) { // a literal that names a source and nobody there
		return ""
	}
	return p.id.Value()
}

const redacted = "[redacted]"

// String is the source and a placeholder for the id.
func (p PatientRef) String() string { return string(p.Source) + "/" + redacted }

// GoString keeps %#v from showing the id.
func (p PatientRef) GoString() string { return p.String() }

// Format keeps every other verb from showing it.
func (p PatientRef) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue keeps slog from showing it.
func (p PatientRef) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText keeps encoders from showing it.
func (p PatientRef) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
