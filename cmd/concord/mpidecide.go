package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"

	"concord"
	"concord/audit"
	"concord/internal/app"
	"concord/mpi"
)

// decisionFlags are those of every command that changes who is who.
type decisionFlags struct {
	indexFlags

	As string `help:"Who decides, as the trail and the index's events name it; by default the system's user." placeholder:"NAME"`
}

// who decides.
func (f decisionFlags) who() (string, error) {
	if f.As != "" {
		return f.As, nil
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return "", errors.New("--as: who decides?")
	}
	return u.Username, nil
}

// decide makes a change on somebody's behalf, and has the trail tell of it. The trail has one writer: while a gateway has it,
// the index's own events are the record.
func (f decisionFlags) decide(ctx context.Context, change func(*mpi.Index) error) (err error) {
	who, err := f.who()
	if err != nil {
		return err
	}
	_, reg, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = closing(err, reg.Close) }()
	index := reg.Index.By(who)
	trail, closer, held, err := reg.Trail(ctx)
	switch {
	case held:
		fmt.Fprintln(os.Stderr, "concord: a gateway writes the trail: the index's own events are the record of this")
	case err != nil:
		return err // what can't be recorded is not done
	default:
		defer func() { err = closing(err, closer) }()
		links := app.NewLinkTrail(trail)
		index = index.WithTold(func(ctx context.Context, events []mpi.Event) error {
			if err := links.Told(audit.WithCaller(ctx, audit.Caller{PrincipalRole: "operator"}), events); err != nil {
				return fmt.Errorf("it is done, and the trail has no record of it: %w", err)
			}
			return nil
		})
	}
	return explained(change(index))
}

// explained is a fault in the words of who gave the command.
func explained(err error) error {
	switch {
	case errors.Is(err, concord.NotFound):
		var gone *mpi.Gone
		if errors.As(err, &gone) {
			return fmt.Errorf("that person was found to be several, or is gone; its patients are in %v", gone.Into)
		}
		return errors.New("there is none like that")
	case errors.Is(err, concord.Conflict):
		return errors.New("it is settled already, or the two can't be one: both have a patient of one source, or somebody has decided that others of them are apart")
	case errors.Is(err, concord.Invalid):
		return errors.New("that can't be: it is all that the person has, or is nobody's")
	}
	return err
}

type mpiLinkCommand struct {
	decisionFlags

	Person string `arg:"" help:"The person's id."`
	Ref    string `arg:"" help:"The source's patient, {source}.{id}."`
}

// Run links.
func (c *mpiLinkCommand) Run(ctx context.Context) error {
	ref, err := patientRef(c.Ref)
	if err != nil {
		return err
	}
	return c.decide(ctx, func(x *mpi.Index) error {
		p, err := x.Link(ctx, mpi.PersonID(c.Person), ref)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(os.Stdout, "%s has %d patients\n", p.ID, len(p.Refs()))
		return nil
	})
}

type mpiUnlinkCommand struct {
	decisionFlags

	Person string `arg:"" help:"The person's id."`
	Ref    string `arg:"" help:"The source's patient, {source}.{id}."`
}

// Run unlinks.
func (c *mpiUnlinkCommand) Run(ctx context.Context) error {
	ref, err := patientRef(c.Ref)
	if err != nil {
		return err
	}
	return c.decide(ctx, func(x *mpi.Index) error {
		kept, apart, err := x.Unlink(ctx, mpi.PersonID(c.Person), ref)
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintf(os.Stdout, "%s has the others, %s has it alone; %s is nobody any more\n", kept.ID, apart.ID, c.Person)
		return nil
	})
}
