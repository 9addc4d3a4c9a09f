package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"concord/audit/filesink"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check the trail's chain; exit 0 whole, 1 broken with the first bad record named, 2 trouble."`
}

type auditVerifyCommand struct {
	Config string `help:"The configuration that names the trail." xor:"where" required:"" placeholder:"FILE"`
	Dir    string `help:"The trail's folder." xor:"where" required:"" placeholder:"DIR"`
}

// Run verifies.
func (c *auditVerifyCommand) Run(ctx context.Context) error {
	dir := c.Dir
	if dir == "" {
		cfg, err := load(c.Config)
		if err != nil {
			return err
		}
		dir = cfg.Audit.Dir
	}
	report, err := filesink.Verify(ctx, dir, filesink.VerifyOptions{})
	if err != nil {
		return err
	}
	if !report.Whole() {
		var b *filesink.Break
		if errors.As(report.Break, &b) {
			fmt.Fprintln(os.Stderr, "broken:", b)
		}
		return exit(1)
	}
	_, err = fmt.Fprintf(os.Stdout, "whole: %d records in %d segments, head %d %s\n", report.Records, report.Segments, report.Head.Seq, report.Head.Hash)
	return err
}
