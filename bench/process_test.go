package bench_test

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// start runs this test program again as one of the programs that TestMain knows, and waits for the URL that it prints.
func start(b *testing.B, env ...string) proc {
	b.Helper()
	c := exec.CommandContext(context.Background(), os.Args[0])
	c.Env = append(os.Environ(), env...)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = c.Wait() // it ends when its input does
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal("the program did not come up")
	}
	return proc{url: strings.TrimSpace(line), pid: c.Process.Pid}
}
