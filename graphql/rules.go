package graphql

// ruleText says what a rule of validation asks for.
func ruleText(rule string) string {
	switch rule {
	case "FieldsOnCorrectTypeRule":
		return "the type has no such field; fields that differ among types stand in a fragment"
	case "KnownArgumentNamesRule":
		return "the field takes no such argument"
	case "ProvidedRequiredArgumentsRule":
		return "an argument is missing"
	case "ValuesOfCorrectTypeRule", "DefaultValuesOfCorrectType":
		return "an argument is not of its type"
	case "KnownDirectivesRule":
		return "there is no such directive here"
	case "KnownFragmentNamesRule":
		return "there is no such fragment"
	case "NoUnusedFragmentsRule":
		return "a fragment is not used"
	case "NoUnusedVariablesRule":
		return "a variable is not used"
	case "OverlapValidationLimitExceeded":
		return "the query is too involved"
	case "FragmentsOnCompositeTypesRule", "PossibleFragmentSpreadsRule":
		return "the fragment can't be of this type"
	case "LoneAnonymousOperationRule":
		return "an operation without a name stands alone"
	case "ScalarLeafsRule":
		return "an element needs a selection of its fields, and a primitive has none"
	case "VariablesAreInputTypesRule", "VariablesOfCorrectType":
		return "a variable is not of its type"
	}
	return "the query is not valid: a type, a variable, or fields of one name that differ"
}
