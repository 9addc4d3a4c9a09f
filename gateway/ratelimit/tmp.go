// Package ratelimit tmp.
package ratelimit

type Decision struct{}
type Limiter interface{}
type BreakGlass struct{}
