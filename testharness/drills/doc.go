// Package drills breaks the way between the gateway and the sandbox EHRs: real sockets through a faulty network, names that are
// gone, certificates that have expired, clocks that are wrong. It says what is broken; whether the gateway bears it is for tests.
package drills
