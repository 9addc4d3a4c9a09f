package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets the scripts of testdata run the program as it is built into the test.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"concord": main,
	})
}

// TestDiff runs the scripts of the diff and completion commands against a gateway that compares made-up records.
func TestDiff(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/diff",
		Setup: func(e *testscript.Env) error {
			s := httptest.NewServer(newFakeGateway(t))
			e.Defer(s.Close)
			e.Setenv("SERVER", s.URL)
			return os.WriteFile(e.Getenv("WORK")+"/token", []byte(goodToken+"\n"), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":      exits,
			"onterminal": onTerminal,
			"private":    private,
		},
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "" && os.Getenv("CI") == "",
	})
}

// exits runs a program and checks its exit code: exits CODE PROGRAM ARGS…
func exits(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: exits CODE PROGRAM ARGS…")
	}
	got := 0
	var code *exec.ExitError
	switch err := ts.Exec(args[1], args[2:]...); {
	case errors.As(err, &code):
		got = code.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// private checks that only the owner may read a file.
func private(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[0]))
	if err != nil {
		ts.Fatalf("%v", err)
	}
	if neg || info.Mode().Perm() != 0o600 {
		ts.Fatalf("mode %v", info.Mode())
	}
}
