package compare_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

// TestMain makes fewer checks of each property than rapid does by itself, since each is a whole chart; -rapid.checks asks
// for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "15"); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}
