package main

import (
	"context"
	"errors"

	"concord"
	"concord/internal/app"
	"concord/internal/config"
	"concord/mpi"
)

type mpiCommand struct {
	Import  mpiImportCommand  `cmd:"" help:"Load patients of one source into the index, and link all that it keeps."`
	Links   mpiLinksCommand   `cmd:"" help:"List every link."`
	Learn   mpiLearnCommand   `cmd:"" help:"Learn from the site's own data how surely its fields tell people apart, and keep that for imports and $match."`
	Review  mpiReviewCommand  `cmd:"" help:"Work the review queue: list, show, link, reject."`
	Link    mpiLinkCommand    `cmd:"" help:"Make a source's patient a person's, because you say so."`
	Unlink  mpiUnlinkCommand  `cmd:"" help:"Take a source's patient out of a person, for ever."`
	Explain mpiExplainCommand `cmd:"" help:"Say why two patients are one person, or not: fields, levels, weights and rule, no values."`
	Bench   mpiBenchCommand   `cmd:"" help:"Measure precision, recall and F1 on labelled files, or on people that are made up."`
}

// indexFlags are those of every command that works on an index.
type indexFlags struct {
	Config string `help:"The configuration." required:"" placeholder:"FILE"`
}

// open opens the index. Its errors say nothing of anybody.
func (f indexFlags) open(ctx context.Context) (*config.Config, *app.Registry, error) {
	cfg, err := load(f.Config)
	if err != nil {
		return nil, nil, err
	}
	r, err := app.OpenRegistry(ctx, cfg)
	if err != nil {
		return nil, nil, err
	}
	return cfg, r, nil
}

// errNoRecords is what keeps a command from working on what patients look like.
var errNoRecords = errors.New("the index keeps no demographics: it has no mpi.key_file")

// patientRef reads {source}.{id}, with or without Patient/ before it. Its error does not quote it.
func patientRef(s string) (concord.PatientRef, error) {
	source, id, ok := cutRef(s)
	ref := concord.NewPatientRef(concord.SourceID(source), id)
	if !ok || !mpi.IsPatient(ref) {
		return concord.PatientRef{}, errors.New("a source's patient is named {source}.{id}")
	}
	return ref, nil
}
