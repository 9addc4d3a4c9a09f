// Package compare says in what the copies of one person's record differ between sources: what is missing where, and where
// copies of one event disagree. It asks nobody: the merged record and what became of each source go in, a Report comes out.
//
// It asserts absence, so it is careful with it: an event is missing from a source only when that source answered in full
// for the type, and holds nothing that may be the event. Everything else is unknown. What a copy merely lacks is no
// disagreement.
package compare
