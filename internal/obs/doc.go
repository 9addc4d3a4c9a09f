// Package obs is how the program speaks to its operator: a log that only writes attributes from a list, and metrics. It
// will not write an error's own text, a value of an unknown shape, or a label from outside its set.
package obs
