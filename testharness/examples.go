package testharness

import (
	"encoding/json"
	"os"
	"strings"
)

// Example is a query of the documentation.
type Example struct {
	Name      string // the heading above it
	Query     string
	Variables map[string]any // those that the documentation gives; nil without any
}

// Examples are the queries in a Markdown file: the fenced blocks marked graphql, each with the variables in a block marked
// json that follows it before the next heading.
func Examples(file string) ([]Example, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var out []Example
	heading, fence, block := "", "", ""
	for line := range strings.Lines(string(b)) {
		language, isFence := strings.CutPrefix(line, "```")
		switch {
		case fence != "" && isFence:
			if fence == "graphql" {
				out = append(out, Example{Name: heading, Query: block})
			} else if fence == "json" && len(out) > 0 && out[len(out)-1].Name == heading {
				if err := json.Unmarshal([]byte(block), &out[len(out)-1].Variables); err != nil {
					return nil, err
				}
			}
			fence, block = "", ""
		case fence != "":
			block += line
		case isFence:
			if fence = strings.TrimSpace(language); fence == "" {
				fence = "text"
			}
		case strings.HasPrefix(line, "#"):
			heading = strings.TrimSpace(strings.TrimLeft(line, "#"))
		}
	}
	return out, nil
}
