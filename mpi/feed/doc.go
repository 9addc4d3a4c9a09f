// Package feed reads files of patients, as NDJSON or CSV, into demographics, and tells by its line what is wrong with a
// record and never what it says. It matches nobody and stores nothing.
package feed
