package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"

	"concord/audit/chain"
	"concord/audit/filesink"
	"concord/audit/s3sink"
	"concord/internal/app"
)

type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check the trail's chain; exit 0 whole, 1 broken with the first bad record named, 2 trouble."`
}

type auditVerifyCommand struct {
	Config    string   `help:"The configuration that names the trail; its S3 bucket is checked too." xor:"where" required:"" placeholder:"FILE"`
	Dir       string   `help:"The trail's folder." xor:"where" required:"" placeholder:"DIR"`
	PublicKey []string `help:"Ed25519 public keys in PEM: checkpoints must be signed by one of them. With --config, the configured key's own public half counts too." placeholder:"FILE"`
	Anchors   string   `help:"Heads that were noted elsewhere, as anchor_file has them: the trail must agree with each." placeholder:"FILE"`
}

// Run verifies.
func (c *auditVerifyCommand) Run(ctx context.Context) error {
	o, err := c.options()
	if err != nil {
		return err
	}
	if c.Dir != "" {
		r, err := filesink.Verify(ctx, c.Dir, o)
		if err != nil {
			return err
		}
		return told("", r, r.Unchecked())
	}
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	if f := cfg.Audit.CheckpointKeyFile; f != "" {
		text, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		key, err := chain.ParsePrivateKey(text)
		if err != nil {
			return fmt.Errorf("%s: %w", f, err)
		}
		if public, ok := key.Public().(ed25519.PublicKey); ok {
			o.Keys = append(o.Keys, public)
		}
	}
	if f := cfg.Audit.AnchorFile; f != "" && c.Anchors == "" {
		if o.Anchors, err = chain.ReadAnchors(f); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	r, err := filesink.Verify(ctx, cfg.Audit.Dir, o)
	if err != nil {
		return err
	}
	verdict := told("", r, r.Unchecked())
	if cfg.Audit.S3.Bucket == "" {
		return verdict
	}
	o.Anchors = nil // those are the folder's
	s, err := s3sink.Verify(ctx, app.S3Config(cfg.Audit.S3), o)
	if err != nil {
		return err
	}
	return errors.Join(verdict, told("s3: ", s.Report, s.Unchecked()))
}

func (c *auditVerifyCommand) options() (o chain.VerifyOptions, err error) {
	for _, f := range c.PublicKey {
		text, err := os.ReadFile(f)
		if err != nil {
			return o, err
		}
		key, err := chain.ParsePublicKey(text)
		if err != nil {
			return o, fmt.Errorf("%s: %w", f, err)
		}
		o.Keys = append(o.Keys, key)
	}
	if c.Anchors != "" {
		o.Anchors, err = chain.ReadAnchors(c.Anchors)
	}
	return o, err
}

// told says what was found, and what could not be.
func told(where string, r chain.Report, unchecked []string) error {
	if !r.Whole() {
		fmt.Fprintln(os.Stderr, where+"broken:", r.Break)
		return exit(1)
	}
	_, _ = fmt.Fprintf(os.Stdout, "%swhole: %d records in %d segments, head %d %s\n", where, r.Records, r.Segments, r.Head.Seq, r.Head.Hash)
	if r.ClockBack > 0 {
		_, _ = fmt.Fprintf(os.Stdout, "%sclock: %d records are dated before one that stands earlier\n", where, r.ClockBack)
	}
	for _, s := range unchecked {
		_, _ = fmt.Fprintf(os.Stdout, "%snot checked: %s\n", where, s)
	}
	return nil
}
