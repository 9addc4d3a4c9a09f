//go:build !unix

package merge_test

import (
	"testing"
	"time"
)

// cpu is the time that has passed, where the processor's is not to be had.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	return time.Duration(time.Now().UnixNano())
}
