// Package render writes comparison reports for people and programs: as text for a terminal, Markdown, one HTML file, or
// JSON. It compares nothing, and trusts no text of a report: all of it is escaped for where it goes.
package render
