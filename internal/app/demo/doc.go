// Package demo runs three sandbox EHRs, an authorization server and the gateway in one process on loopback, for people to
// try. Nothing of it belongs in production, and it leaves nothing behind.
package demo
