// Package events publishes what changed in the index for whoever wants to follow it: which person's links, and how. It says
// nothing of patients, names no source's record, and no answer waits for it.
package events
