package filesink

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"concord"
	"concord/audit/chain"
)

// Verify checks the trail in dir. See chain.Verify for what its results mean.
func Verify(ctx context.Context, dir string, o chain.VerifyOptions) (chain.Report, error) {
	names, err := segments(dir)
	if err != nil {
		kind := concord.Unavailable
		if errors.Is(err, fs.ErrNotExist) {
			kind = concord.NotFound
		}
		return chain.Report{}, &concord.Fault{Op: "audit verify", Kind: kind, Err: err}
	}
	var total int64
	for _, n := range names {
		if info, err := os.Stat(filepath.Join(dir, n)); err == nil {
			total += info.Size()
		}
	}
	return chain.Verify(ctx, func(yield func(chain.Segment, error) bool) {
		for _, n := range names {
			first, _ := chain.SegmentSeq(n)
			s := chain.Segment{Name: n, First: first, Open: func(context.Context) (io.ReadCloser, error) {
				return os.Open(filepath.Join(dir, n))
			}}
			if !yield(s, nil) {
				return
			}
		}
	}, total, o)
}
