package mpi

import (
	"context"
	"iter"
	"time"

	"concord"
)

// ReviewState is where a Review stands, from a closed set. The zero value is none.
type ReviewState string

// The states.
const (
	ReviewOpen     ReviewState = "open"     // somebody has to look
	ReviewLinked   ReviewState = "linked"   // somebody decided that the two are one human
	ReviewRejected ReviewState = "rejected" // somebody decided that they are not; matching never links them
)

// Reason is why somebody has to look, from a closed set.
type Reason string

// The reasons.
const (
	ReasonMatch   Reason = "match"   // A and B may be one human, and it is not certain
	ReasonOverlay Reason = "overlay" // A's record looks like another human's all at once; B is zero
	ReasonMerge   Reason = "merge"   // B's source merged into B what was linked to A; is A still the same human?
	ReasonManual  Reason = "manual"  // nobody had to look: somebody decided unasked
)

// Review is a pair of patients of which somebody has to say, or has said, whether they are one human. It holds PHI (ids),
// and none of their values. It is one for each pair, in whichever order, and for an overlay one for each Mark too.
type Review struct {
	Number   int64 // names the review, in the order of the queue; 0: not stored yet
	A, B     concord.PatientRef
	Reason   Reason
	Decision Decision // what the comparison came to
	Mark     string   // tells one overlay of a record from the next; "" otherwise. PHI; the store keeps a digest, so it comes back empty
	State    ReviewState
	Queued   time.Time
	Settled  time.Time // zero while it is open
	By       string    // who settled it; "" while it is open
}

// Canonical is r as every store keeps it: A before B, times in whole milliseconds. Invalid when A is nobody, or B is and
// the reason is no overlay, or when both are the same.
func (r Review) Canonical() (Review, error) {
	if !IsPatient(r.A) || r.A == r.B || IsPatient(r.B) == (r.Reason == ReasonOverlay) {
		return Review{}, &concord.Fault{Op: "mpi review", Kind: concord.Invalid}
	}
	if r.Reason != ReasonOverlay && CompareRefs(r.A, r.B) > 0 {
		r.A, r.B = r.B, r.A
	}
	r.Queued, r.Settled = millis(r.Queued), millis(r.Settled)
	if len(r.Decision.Fields) == 0 {
		r.Decision.Fields = nil
	}
	return r, nil
}

// Reviews is the queue, and what became of it. Its errors are those of Store.
type Reviews interface {
	// Review is that review; NotFound.
	Review(ctx context.Context, number int64) (Review, error)
	// Pair is what was queued or decided of two patients, in whichever order; NotFound. Overlays are no pairs.
	Pair(ctx context.Context, a, b concord.PatientRef) (Review, error)
	// Overlay is the overlay of ref with that Mark; NotFound.
	Overlay(ctx context.Context, ref concord.PatientRef, mark string) (Review, error)
	// Reviews are those in a state, or all for "", with numbers above after, in order. It ends with the first error.
	Reviews(ctx context.Context, state ReviewState, after int64) iter.Seq2[Review, error]
}
