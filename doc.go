// Package concord holds the few words that every part of the gateway shares: a source, a patient at a source, and a
// fault. It does no I/O, imports nothing but the standard library, and decides nothing.
package concord
