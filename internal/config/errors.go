package config

import (
	"fmt"
	"strings"
)

// Error is one thing that is wrong in a configuration. It quotes no value of the file, since a value put under the wrong
// key may be a secret.
type Error struct {
	File string // as the caller named it
	Line int    // from 1; for a key that is missing, the line of the section that should have it
	Key  string // path of the key, such as sources[0].auth.type; "yaml" when the text has no keys to speak of
	Msg  string
}

// Error is file:line: key: what is wrong.
func (e Error) Error() string { return fmt.Sprintf("%s:%d: %s: %s", e.File, e.Line, e.Key, e.Msg) }

// Errors is everything that is wrong in a configuration, sorted by line. It is never empty when it is returned.
type Errors []Error

// Error is one line for each error, without a final newline.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, one := range e {
		lines[i] = one.Error()
	}
	return strings.Join(lines, "\n")
}
