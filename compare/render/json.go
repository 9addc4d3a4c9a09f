package render

import (
	_ "embed"
	"encoding/json"
	"io"

	"concord/compare"
)

//go:embed report.schema.json
var schema []byte

// Schema is the JSON Schema (draft 2020-12) of what JSON writes.
func Schema() []byte { return append([]byte(nil), schema...) }

// JSON writes a report as one object, indented, as Schema describes it. The error is the writer's.
func JSON(w io.Writer, r compare.Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
