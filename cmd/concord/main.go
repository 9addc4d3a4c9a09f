// Command concord is a FHIR gateway that makes one record of what several EHRs hold of a patient. It starts what the
// packages behind it do, and does nothing itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"concord/internal/app"
)

// exit is an error that has said what it has to say, with the program's exit code.
type exit int

// Error says nothing more.
func (e exit) Error() string { return fmt.Sprintf("exit %d", int(e)) }

type program struct {
	Demo   demoCommand   `cmd:"" help:"Three sandbox EHRs with synthetic patients, an authorization server and the gateway, on loopback."`
	Serve  serveCommand  `cmd:"" help:"The gateway."`
	Config configCommand `cmd:"" help:"Look at a configuration."`
	Diff   diffCommand   `cmd:"" help:"Compare one patient's record across EHRs, asked of a running gateway."`
	MPI    mpiCommand    `cmd:"" name:"mpi" help:"Work on the master patient index: import, links, review."`
	Audit  auditCommand  `cmd:"" help:"Look at the audit trail."`

	Health healthCommand `cmd:"" help:"Ask whether the gateway on this machine is ready."`
	SBOM   sbomCommand   `cmd:"" name:"sbom" help:"Print what the program is built of, as CycloneDX."`

	Completion completionCommand `cmd:"" help:"Print a script that completes commands and flags in a shell."`

	Version kong.VersionFlag `help:"Print the version and exit."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run is the program: 0 on success, 1 and 2 as each command says, 2 on misuse.
func run(ctx context.Context, args []string) int {
	var p program
	parser, err := kong.New(&p, kong.Name("concord"), kong.Description("One FHIR record out of several EHRs."), kong.UsageOnError(),
		kong.Vars{"version": app.Version}, kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "concord:", err)
		return 2
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "concord:", err)
		return 2
	}
	err = k.Run()
	var code exit
	switch {
	case err == nil:
		return 0
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintln(os.Stderr, "concord:", err)
	return 2
}
