package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"concord/internal/app"
	"concord/internal/config"
)

type serveCommand struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
}

// Run serves until the program is told to end. SIGHUP has it read the configuration again, and the files that it names.
func (c *serveCommand) Run(ctx context.Context) error {
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP) // before anything else: one that comes early must not end the program
	defer signal.Stop(again)
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	a, err := app.New(ctx, cfg, os.Stderr)
	if err != nil {
		return err
	}
	var reloads sync.WaitGroup
	ctx, end := context.WithCancel(ctx)
	reloads.Go(func() {
		for {
			select {
			case <-again:
				_ = a.ReloadFile(ctx, c.Config) // the log has what is wrong
			case <-ctx.Done():
				return
			}
		}
	})
	err = a.Serve(ctx)
	end()
	reloads.Wait()
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
