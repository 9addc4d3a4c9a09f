package mpi

import (
	"context"

	"concord"
)

// StandIn maps a resource id of a source that can't be part of a FHIR id to one that can.
type StandIn struct {
	Source concord.SourceID
	Type   string // the resource type
	ID     string // as the source wrote it, of any length; PHI
	Alias  string // the FHIR id that stands for it at this gateway
}

// StandIns remembers stand-ins. The stores of this package implement it beside Store. Its errors are those of Store.
type StandIns interface {
	// Save remembers each, all or none; saving one again changes nothing. Conflict when a type and alias stand for
	// something else already.
	Save(ctx context.Context, all []StandIn) error
	// Find is the stand-in with that type and alias; NotFound.
	Find(ctx context.Context, resourceType, alias string) (StandIn, error)
}
