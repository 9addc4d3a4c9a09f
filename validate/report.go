package validate

import "concord/fhir"

// Severity is how bad an issue is, as http://hl7.org/fhir/issue-severity has it.
type Severity string

// The severities that are used.
const (
	SeverityError       Severity = "error"       // the resource does not conform
	SeverityWarning     Severity = "warning"     // it may not, or does not follow good practice
	SeverityInformation Severity = "information" // what was not looked at, or that all is well
)

// Code is what kind of issue it is, from http://hl7.org/fhir/issue-type.
type Code string

// The codes that are used.
const (
	CodeStructure     Code = "structure"     // an element that is unknown, of the wrong JSON type, empty, or there too often
	CodeRequired      Code = "required"      // an element that must be there and is not
	CodeValue         Code = "value"         // a value that its type, or the profile, does not allow
	CodeInvariant     Code = "invariant"     // a rule over several elements that is broken
	CodeCodeInvalid   Code = "code-invalid"  // a code that is not of the required value set
	CodeNotFound      Code = "not-found"     // a profile that is not known here
	CodeTooCostly     Code = "too-costly"    // more issues than are told
	CodeInformational Code = "informational" // no fault
)

// Issue is one finding. It holds no PHI: every part of it is made of R4's and US Core's own words and of numbers.
type Issue struct {
	// Severity and Code say what it is.
	Severity Severity
	Code     Code
	// Expression is where: a FHIRPath of element names and indexes, such as "Patient.contact[0].telecom[2].system". A
	// choice has its element's name ("Observation.value"), and an element that is missing is named as if it were there.
	// An element that R4 does not define is not named: its parent is. Empty when it is about no element.
	Expression string
	// Text says it in words.
	Text string
}

// Report is what was found. The zero Report has no issues and is valid.
type Report struct {
	// Issues are in document order for each resource: R4's own rules, then each profile's; then what was not looked at.
	Issues []Issue
	// Truncated tells that there were more issues than Options.Issues, which the last issue says too.
	Truncated bool
}

// Valid tells whether the whole was looked at and no issue is an error.
func (r Report) Valid() bool {
	for _, i := range r.Issues {
		if i.Severity == SeverityError {
			return false
		}
	}
	return !r.Truncated
}

// AppendOutcome appends an OperationOutcome of the issues to dst. As R4 wants at least one issue, a report without any has
// one that says so.
func (r Report) AppendOutcome(dst []byte) []byte {
	issues := r.Issues
	if len(issues) == 0 {
		issues = []Issue{{Severity: SeverityInformation, Code: CodeInformational, Text: "no issues"}}
	}
	dst = append(dst, `{"resourceType":"OperationOutcome","issue":[`...)
	for i, x := range issues {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, `{"severity":"`+string(x.Severity)+`","code":"`+string(x.Code)+`","details":{"text":`...)
		dst = append(fhir.AppendString(dst, x.Text), '}')
		if x.Expression != "" {
			dst = append(dst, `,"expression":[`...)
			dst = append(fhir.AppendString(dst, x.Expression), ']')
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}
