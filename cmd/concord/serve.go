package main

import (
	"context"
	"fmt"
	"os"

	"concord/internal/app"
	"concord/internal/config"
)

type serveCommand struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
}

// Run serves until the program is told to end.
func (c *serveCommand) Run(ctx context.Context) error {
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, cfg, os.Stderr)
	if err != nil {
		return err
	}
	err = a.Serve(ctx)
	if closed := a.Close(); err == nil {
		err = closed
	}
	return err
}

// load reads a configuration and prints what is wrong with it, a line each.
func load(path string) (*config.Config, error) {
	cfg, err := config.Load(path)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return nil, exit(2)
	}
	return cfg, nil
}
