// Package connectortest is the suite that every Connector passes: what it owes whoever asks, whatever the source does. It
// tests no vendor's quirk.
package connectortest
