//go:build !linux

package main

import "github.com/rogpeppe/go-internal/testscript"

// onTerminal needs Linux's way of opening terminals; the scripts ask for it only there.
func onTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("no terminal on this system")
}
