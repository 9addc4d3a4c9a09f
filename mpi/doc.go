// Package mpi is the master patient index: which patients of which sources are one person. It links only what it is
// certain of, keeps no clinical data, and asks no source itself.
//
// # Life cycle
//
// Two patients that may be one human are a Review, open until somebody settles it. Matching links what is certain by
// itself (Index.Attach, Index.Gather); somebody links anything (Index.Link, Index.Resolve). What somebody decided beats
// matching for ever: a manual link is never undone, a rejected pair never linked, a settled review never opened again.
//
// Of two persons that become one the older keeps its id, and the other id leads to it. When a person turns out to be two,
// both get new ids, and the old one is Gone: whoever has it can't know which of the two is meant. Links are the only
// state, so that taking apart what was joined gives each side back exactly the patients that it had.
//
// A source that merges two of its patients is followed (Index.Replaced): the old id goes on meaning the person. A record
// whose name, birth date and sex all change at once may be another human's by now (Index.Observe): its link is frozen, so
// that it is shown as nobody's and linked to nobody, until somebody has looked.
//
// Each change is one step of the store, with an Event that says who did what, and to whom.
package mpi
