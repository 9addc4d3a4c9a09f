package s3sink

import (
	"context"
	"io"
	"time"

	"concord/audit/chain"
)

// Report is what Verify found. It holds no PHI.
type Report struct {
	chain.Report
	Overlaid int // versions and delete markers that somebody put over objects; what was stored first was checked
	Unlocked int // objects that are not locked now: their time is over, or they never were
}

// Unchecked is chain.Report.Unchecked, and what the bucket's locks leave open.
func (r Report) Unchecked() []string {
	all := r.Report.Unchecked()
	if r.Unlocked > 0 {
		all = append(all, "whether objects that are not locked, or are no longer, were replaced by others with a chain of their own")
	}
	return all
}

// Verify checks the trail under c's prefix: of every object the version that was stored first. See chain.Verify for what its
// results mean; what can't be a configuration is Invalid. An object is whole or missing, so half a record at the end is no
// crash, and a break.
func Verify(ctx context.Context, c Config, o chain.VerifyOptions) (Report, error) {
	b, err := connect(c)
	if err != nil {
		return Report{}, err
	}
	var r Report
	r.Report, err = chain.Verify(ctx, func(yield func(chain.Segment, error) bool) {
		for e, err := range b.entries(ctx, 0, 0, &r.Overlaid) {
			r.Overlaid += e.newer
			s := chain.Segment{Name: chain.SegmentName(e.first), First: e.first, Open: func(ctx context.Context) (io.ReadCloser, error) {
				f, info, err := b.open(ctx, e)
				if err != nil {
					return nil, err
				}
				if until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date")); err != nil || until.Before(time.Now()) {
					r.Unlocked++
				}
				return f, nil
			}}
			if !yield(s, err) {
				return
			}
		}
	}, 0, o)
	if err == nil && r.Whole() && r.Torn > 0 {
		r.Break = &chain.Break{File: chain.SegmentName(r.Head.Seq + 1), Line: 1, Seq: r.Head.Seq + 1, Flaw: chain.FlawForm}
		r.Torn = 0
	}
	return r, err
}
