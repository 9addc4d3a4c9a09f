package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a program under measurement.
type process struct {
	urls []string
	pids []int // itself, and those that it has started
	end  func() error
}

// start runs program, a build of this command, in a role, and waits for the URLs that it prints.
func start(ctx context.Context, program string, r role) (*process, error) {
	env, err := r.env()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, program)
	c.Env = append(os.Environ(), env)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := c.Start(); err != nil {
		return nil, err
	}
	end := func() error { return errors.Join(in.Close(), c.Wait()) } // it ends when its input does
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not come up", r.Play), end())
	}
	return &process{urls: strings.Split(strings.TrimSpace(line), ","), pids: []int{c.Process.Pid}, end: end}, nil
}

// cpu is the time that the processes have run so far. It comes from each thread's schedstat, in nanoseconds: the ticks of
// /proc/PID/stat are too coarse for one answer.
func (p *process) cpu() (time.Duration, error) {
	var sum time.Duration
	seen := false
	for _, pid := range p.pids {
		names, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, n := range names {
			raw, err := os.ReadFile(n)
			if err != nil {
				continue // a thread that has ended
			}
			field, _, _ := strings.Cut(string(raw), " ")
			ns, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, err
			}
			seen = true
			sum += time.Duration(ns)
		}
	}
	if !seen {
		return 0, errors.New("the CPU of another process is read from /proc of Linux, which is not here")
	}
	return sum, nil
}

// memory is a line of /proc/PID/status in bytes: VmRSS for what the process holds, VmHWM for the most that it has held.
func (p *process) memory(line string) (int, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pids[0]))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(raw)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kb, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")))
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in /proc", line)
}

// forgetPeak lets VmHWM begin anew at what is held now.
func (p *process) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.pids[0]), []byte("5"), 0o600)
}

// children are the processes that pid has started.
func children(pid int) []int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return nil
	}
	var out []int
	for f := range strings.FieldsSeq(string(raw)) {
		if n, err := strconv.Atoi(f); err == nil {
			out = append(out, n)
		}
	}
	return out
}

// untilTold waits until the parent closes this process's input.
func untilTold() { _, _ = io.Copy(io.Discard, os.Stdin) }
