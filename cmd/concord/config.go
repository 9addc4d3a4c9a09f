package main

import (
	"fmt"
	"os"
)

type configCommand struct {
	Check configCheckCommand `cmd:"" help:"Validate a configuration; exit 0, or 2 with file:line: key: what is wrong."`
}

type configCheckCommand struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
}

// Run validates.
func (c *configCheckCommand) Run() error {
	cfg, err := load(c.Config)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stdout, "%s: good, %d sources\n", c.Config, len(cfg.Sources))
	return err
}
