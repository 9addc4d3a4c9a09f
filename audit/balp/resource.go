package balp

// The elements of R4 AuditEvent that are written, in the order of the specification.

type auditEvent struct {
	ResourceType string   `json:"resourceType"`
	Meta         *meta    `json:"meta,omitempty"`
	Type         coding   `json:"type"`
	Subtype      []coding `json:"subtype,omitempty"`
	Action       string   `json:"action,omitempty"`
	Recorded     string   `json:"recorded"`
	Outcome      string   `json:"outcome"`
	OutcomeDesc  string   `json:"outcomeDesc,omitempty"`
	Agent        []agent  `json:"agent"`
	Source       source   `json:"source"`
	Entity       []entity `json:"entity,omitempty"`
}

type meta struct {
	Profile []string `json:"profile"`
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Coding []coding `json:"coding,omitempty"`
	Text   string   `json:"text,omitempty"`
}

type reference struct {
	Reference  string      `json:"reference,omitempty"`
	Type       string      `json:"type,omitempty"`
	Identifier *identifier `json:"identifier,omitempty"`
	Display    string      `json:"display,omitempty"`
}

type identifier struct {
	Value string `json:"value"`
}

type agent struct {
	Type      *concept   `json:"type,omitempty"`
	Role      []concept  `json:"role,omitempty"`
	Who       *reference `json:"who,omitempty"`
	Requestor bool       `json:"requestor"`
	Network   *network   `json:"network,omitempty"`
	Purpose   []concept  `json:"purposeOfUse,omitempty"`
}

type network struct {
	Address string `json:"address"`
	Type    string `json:"type"` // 2 an IP address, 5 a URI
}

type source struct {
	Site     string    `json:"site,omitempty"`
	Observer reference `json:"observer"`
	Type     []coding  `json:"type,omitempty"`
}

type entity struct {
	What        *reference `json:"what,omitempty"`
	Type        *coding    `json:"type,omitempty"`
	Role        *coding    `json:"role,omitempty"`
	Description string     `json:"description,omitempty"`
	Query       []byte     `json:"query,omitempty"` // base64, as encoding/json writes bytes
	Detail      []detail   `json:"detail,omitempty"`
}

type detail struct {
	Type  string `json:"type"`
	Value string `json:"valueString"`
}
