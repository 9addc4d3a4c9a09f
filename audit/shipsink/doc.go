// Package shipsink hands the audit trail's records to something that carries them away: a stream of JSON lines, or a syslog
// server over TLS. It will not claim that they are safe there, so it stands beside a durable sink and never for one.
package shipsink
