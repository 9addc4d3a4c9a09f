// Package chain makes the records of a trail a hash chain with checkpoints, and checks one, wherever its segments are kept.
// It will not keep a record itself.
package chain
