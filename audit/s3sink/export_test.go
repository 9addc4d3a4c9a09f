package s3sink

import "time"

// WithBudget bounds all attempts to store one object.
func WithBudget(o Options, d time.Duration) Options {
	o.budget = d
	return o
}
