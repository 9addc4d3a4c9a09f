// Package linkage links many records at once: it finds the pairs that may be one person without comparing all with all,
// learns a model from them, and makes clusters of which every link is certain and a queue of what somebody has to look at.
// It stores nothing, and leaves on-demand linking of single patients to package match and mpi.Index.
package linkage
