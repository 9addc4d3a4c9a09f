// Package servers starts the real servers that tests need, each on loopback and gone with the test. It stands in for none of
// them: a server whose program is not installed is a reason to skip.
package servers
