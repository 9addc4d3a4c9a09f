// Package mpi is the master patient index: which patients of which sources are one person. It links only what it is
// certain of, keeps no clinical data, and asks no source itself.
package mpi
