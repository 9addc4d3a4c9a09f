package main

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/charmbracelet/x/term"
)

// columns is how wide f is, if it is a terminal; otherwise COLUMNS, or 80.
func columns(f *os.File) int {
	if w, _, err := term.GetSize(f.Fd()); err == nil && w > 0 {
		return w
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 && n <= 1000 {
		return n
	}
	return 80
}

// colors tells whether f takes colours: a terminal that is not dumb, unless NO_COLOR is set (https://no-color.org).
func colors(f *os.File) bool {
	return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(f.Fd())
}

// progress says on a terminal that work is under way and for how long, until done is called, which leaves nothing of it.
// It says nothing where there is no terminal.
func progress(f *os.File, what string) (done func()) {
	if !term.IsTerminal(f.Fd()) || os.Getenv("TERM") == "dumb" {
		return func() {}
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	began := time.Now()
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			_, _ = fmt.Fprintf(f, "\r\x1b[K%s… %d s", what, int(time.Since(began).Seconds()))
			select {
			case <-stop:
				_, _ = fmt.Fprint(f, "\r\x1b[K")
				return
			case <-tick.C:
			}
		}
	}()
	return func() {
		close(stop)
		<-stopped
	}
}
