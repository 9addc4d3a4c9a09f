package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMPI runs the scripts of the mpi commands.
func TestMPI(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:           "testdata/mpi",
		Cmds:          map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "private": private, "keep": keep},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "" && os.Getenv("CI") == "",
	})
}

// keep puts what a pattern's group matches in a file into a variable: keep NAME FILE PATTERN.
func keep(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: keep NAME FILE PATTERN")
	}
	m := regexp.MustCompile("(?m)" + args[2]).FindStringSubmatch(ts.ReadFile(args[1]))
	if len(m) != 2 {
		ts.Fatalf("no match of %s", args[2])
	}
	ts.Setenv(args[0], m[1])
}
