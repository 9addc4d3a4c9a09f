// Package smart decides what a caller may see: it verifies access tokens, reads SMART App Launch scopes (1.0 and 2.2) and
// narrows records to them. It never fetches data, never renders them, and never widens what a token says.
package smart
