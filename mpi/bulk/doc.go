// Package bulk brings files of patients into the index and links all that is kept, in steps that a later run takes up where
// this one ended, and lists the links that there are. It compares no two records itself, and reads no file.
package bulk
