package app

import (
	"context"
	"sync"

	"concord/audit"
	"concord/gateway"
	"concord/mpi"
)

// LinkTrail has the audit trail tell of each change of who is who. It is safe for concurrent use.
type LinkTrail struct {
	trail *audit.Trail

	mu   sync.Mutex
	owed []audit.Event // made, and not recorded yet
}

// NewLinkTrail tells a trail.
func NewLinkTrail(t *audit.Trail) *LinkTrail { return &LinkTrail{trail: t} }

// Told records a change, for mpi.Index.WithTold. What can't be recorded is an error, and is recorded before anything else once
// that is possible. Errors are the trail's.
func (l *LinkTrail) Told(ctx context.Context, events []mpi.Event) error {
	records := linkRecords(ctx, events)
	l.mu.Lock()
	if len(l.owed) == 0 { // as always: nobody waits for anybody
		l.mu.Unlock()
		for i, e := range records {
			if err := l.trail.Record(ctx, e); err != nil {
				l.mu.Lock()
				l.owed = append(l.owed, records[i:]...)
				l.mu.Unlock()
				return err
			}
		}
		return nil
	}
	defer l.mu.Unlock()
	l.owed = append(l.owed, records...)
	return l.pay(ctx)
}

// Settle records what is owed. Nothing may be answered before. Errors are the trail's.
func (l *LinkTrail) Settle(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pay(ctx)
}

// pay records what is owed; l.mu is held.
func (l *LinkTrail) pay(ctx context.Context) error {
	for len(l.owed) > 0 {
		if err := l.trail.Record(ctx, l.owed[0]); err != nil {
			return err
		}
		l.owed = l.owed[1:]
	}
	l.owed = nil
	return nil
}

// linkRecords are the trail's records of a change: one for each patient whose links it concerns. The patient is named by its
// stand-in, since there are EHRs whose ids hold a record number.
func linkRecords(ctx context.Context, events []mpi.Event) (out []audit.Event) {
	caller := audit.CallerOf(ctx)
	for _, e := range events {
		action, refs := audit.UnknownAction, e.Refs
		switch e.Kind {
		case mpi.EventLinked, mpi.EventJoined:
			action = audit.Linked
			if e.By != mpi.Automatic {
				action = audit.Confirmed
			}
		case mpi.EventThawed:
			action = audit.Confirmed
		case mpi.EventUnlinked, mpi.EventFrozen:
			action = audit.Unlinked
		case mpi.EventRejected:
			action = audit.Rejected
		case mpi.EventReplaced:
			action, refs = audit.Linked, e.Refs[1:]
			out = append(out, linkRecord(caller, e, audit.Unlinked, gateway.StandIn(e.Refs[0])))
		case mpi.EventCreated, mpi.EventSplit, mpi.EventQueued: // of nobody's links, or with an event that says why
			continue
		}
		for _, r := range refs {
			out = append(out, linkRecord(caller, e, action, gateway.StandIn(r)))
		}
	}
	return out
}

func linkRecord(c audit.Caller, e mpi.Event, action audit.LinkAction, patient string) audit.Event {
	r := audit.Event{
		Type: audit.EventLinkChanged, Time: e.At, RequestID: c.RequestID, PrincipalID: c.PrincipalID, PrincipalRole: c.PrincipalRole,
		TenantID: c.TenantID, ClientID: c.ClientID,
		Link: &audit.LinkChange{Action: action, Person: string(e.Person), Patient: patient, Grade: mpi.Certain.String()},
	}
	if e.By != mpi.Automatic {
		r.PrincipalID = e.By
	}
	return r
}
