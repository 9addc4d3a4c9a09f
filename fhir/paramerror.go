package fhir

// ParamReason says why a search parameter was refused, from a closed set.
type ParamReason uint8

// The reasons. There is no zero reason.
const (
	ParamUnknown  ParamReason = iota + 1 // R4 and US Core have no such parameter, or it can't be evaluated here
	ParamModifier                        // the parameter is known, its modifier is not supported
	ParamValue                           // the value is not one of the parameter's kind
)

var paramReasons = [...]string{"", "not a supported search parameter", "not a supported modifier", "not a valid value"}

// String says the reason in words without PHI.
func (r ParamReason) String() string {
	if int(r) < len(paramReasons) {
		return paramReasons[r]
	}
	return ""
}

// ParamError tells which parameter of a search was refused, and why. It never holds a value.
type ParamError struct {
	// Param is the key as it was asked, when it is at most 64 letters, digits and "_:.-"; otherwise the parameter's
	// name when that is known, or "".
	Param string
	// Reason is why.
	Reason ParamReason
}

// Error is the key and the reason.
func (e *ParamError) Error() string {
	if e.Param == "" {
		return "fhir: search parameter: " + e.Reason.String()
	}
	return "fhir: search parameter " + e.Param + ": " + e.Reason.String()
}

// safeKey tells whether a key can be shown: nobody's data look like that by accident.
func safeKey(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c|0x20 < 'a' || c|0x20 > 'z') && (c < '0' || c > '9') && c != '_' && c != ':' && c != '.' && c != '-' {
			return false
		}
	}
	return true
}
