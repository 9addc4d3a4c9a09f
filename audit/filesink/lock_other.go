//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filesink

import (
	"errors"
	"os"

	"concord"
)

// lock fails: without a lock that dies with its process, two writers could break the chain.
func lock(string) (*os.File, error) {
	return nil, fault(concord.Unsupported, errors.New("no advisory file locks on this system"))
}
