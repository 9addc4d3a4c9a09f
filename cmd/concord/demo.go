package main

import (
	"context"
	"io"
	"os"

	"concord/internal/app/demo"
)

type demoCommand struct {
	Listen string `help:"Where the gateway listens." default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	Data   string `help:"A folder of Synthea patient Bundles to serve instead of the generated people." placeholder:"DIR"`
	TLS    bool   `name:"tls" help:"Mutual TLS between client and gateway, and between gateway and EHRs, by a certification authority of the demo's own."`
	Log    bool   `help:"Show the gateway's log."`
}

// Run brings the demo up, says what to try, and waits for the end.
func (c *demoCommand) Run(ctx context.Context) error {
	log := io.Discard
	if c.Log {
		log = os.Stderr
	}
	d, err := demo.Start(ctx, demo.Options{Listen: c.Listen, Data: c.Data, TLS: c.TLS}, log)
	if err != nil {
		return err
	}
	if err := d.Describe(os.Stdout); err != nil {
		return err
	}
	err = d.Wait(ctx)
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
