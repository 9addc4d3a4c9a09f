package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

type healthCommand struct {
	Config string `help:"The configuration of the gateway." required:"" placeholder:"FILE"`
}

// Help says how it is used.
func (*healthCommand) Help() string {
	return `Asks the admin listener of a gateway on this machine whether it is ready, for supervisors that can only run a program.

Exit status: 0 ready, 1 not, 2 trouble.`
}

// Run asks.
func (c *healthCommand) Run(ctx context.Context) error {
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(cfg.AdminListen)
	if err != nil {
		return err
	}
	if a, err := netip.ParseAddr(cmp.Or(host, "0.0.0.0")); err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
		if a.Is6() {
			host = "::1"
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 4*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/readyz", nil)
	if err != nil {
		return err
	}
	a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(r)
	if err != nil {
		fmt.Fprintln(os.Stderr, "concord: not ready: the admin listener does not answer")
		return exit(1)
	}
	defer func() { _ = a.Body.Close() }() // only read from
	if a.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(a.Body, 256)) // half of it is better than nothing
		fmt.Fprintln(os.Stderr, "concord: not ready:", strings.TrimSpace(string(why)))
		return exit(1)
	}
	_, err = fmt.Fprintln(os.Stdout, "ready")
	return err
}
