package shelf

import (
	"context"
	"errors"
	"time"

	"concord"
)

// MaxValue is how many bytes one value may have.
const MaxValue = 32 << 20

// Shelf keeps values by name, each for a while. It is safe for concurrent use, passes shelftest.Run, and its errors are
// *concord.Fault: Unavailable when it can't be reached or has no room, Invalid for a value over MaxValue, and Canceled or
// Timeout when the caller did not wait. What it is given and gives is sealed (Keys.Seal) if anybody else may read it.
type Shelf interface {
	// Put keeps value under name for life, in place of whatever was there.
	Put(ctx context.Context, name string, value []byte, life time.Duration) error
	// Get is what is kept under name, not to be changed; NotFound when nothing is, or no longer.
	Get(ctx context.Context, name string) ([]byte, error)
	// Claim keeps value under name for life if nothing is kept there, and then gives nil; otherwise it changes nothing, and
	// gives what is there. Of several who claim a name at once one gets nil.
	Claim(ctx context.Context, name string, value []byte, life time.Duration) (had []byte, err error)
	// Drop forgets what is kept under name, if anything is.
	Drop(ctx context.Context, name string) error
}

// ContextFault is the Fault of a caller who did not wait.
func ContextFault(op string, err error) error {
	kind := concord.Canceled
	if errors.Is(err, context.DeadlineExceeded) {
		kind = concord.Timeout
	}
	return &concord.Fault{Op: op, Kind: kind, Err: err}
}
