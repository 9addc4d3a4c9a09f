package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// onTerminal runs the program with output and errors on a terminal, and keeps what it showed: onterminal COLUMNS FILE ARGS…
func onTerminal(ts *testscript.TestScript, neg bool, args []string) {
	cols, err := strconv.Atoi(args[0])
	if neg || err != nil {
		ts.Fatalf("usage: onterminal COLUMNS FILE ARGS…")
	}
	master, slave, err := openTerminal(cols)
	if err != nil {
		ts.Fatalf("no terminal: %v", err)
	}
	program := ""
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), ":") {
		if p := filepath.Join(dir, "concord"); program == "" {
			if _, err := os.Stat(p); err == nil {
				program = p
			}
		}
	}
	cmd := exec.Command(program, args[2:]...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Stdout, cmd.Stderr = slave, slave
	for _, k := range []string{"PATH", "HOME", "NO_COLOR", "TERM", "TMPDIR"} {
		if v := ts.Getenv(k); v != "" {
			cmd.Env = append(cmd.Env, k+"="+v)
		}
	}
	if err := cmd.Start(); err != nil {
		ts.Fatalf("%v", err)
	}
	_ = slave.Close()
	var shown bytes.Buffer
	_, _ = io.Copy(&shown, master) // ends with an error when the program does
	_ = master.Close()
	var code *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &code) {
		ts.Fatalf("%v", err)
	}
	text := strings.ReplaceAll(shown.String(), "\r\n", "\n")
	if err := os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600); err != nil {
		ts.Fatalf("%v", err)
	}
}

// openTerminal is a new pseudo-terminal (pty(7)) of so many columns.
func openTerminal(cols int) (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	fd := int(master.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: uint16(cols)})
	}
	if err == nil {
		slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		return nil, nil, errors.Join(err, master.Close())
	}
	return master, slave, nil
}
