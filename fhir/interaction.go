package fhir

// Interaction is what a request does, from one closed set that decides route, scope, limit class and audit name. The
// names are those of http://hl7.org/fhir/restful-interaction, and operation names as the URL has them. The zero value
// is no interaction.
type Interaction string

// The interactions that the gateway knows.
const (
	Read         Interaction = "read"
	VRead        Interaction = "vread"
	SearchType   Interaction = "search-type"
	Create       Interaction = "create"
	Update       Interaction = "update"
	Patch        Interaction = "patch"
	Delete       Interaction = "delete"
	History      Interaction = "history-type"
	Capabilities Interaction = "capabilities"
	Everything   Interaction = "$everything"
	Compare      Interaction = "$compare"
	Explain      Interaction = "$explain"
	Sources      Interaction = "$sources"
	Match        Interaction = "$match"
	Pix          Interaction = "$ihe-pix"
	Review       Interaction = "$mpi-review" // the queue of who may be whom; not FHIR's
	Export       Interaction = "$export"
	Validate     Interaction = "$validate"
	GraphQL      Interaction = "$graphql"
	CDSHook      Interaction = "cds-hook"    // CDS Hooks: the list of services, or a call of one
	Page         Interaction = "search-page" // a page of an earlier search or $everything
)
