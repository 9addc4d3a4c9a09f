//go:build ignore

// Report turns the events of `go test -json` on its standard input into what a person reads: a line for each package, the
// output of what failed, and the counts. A line that is no event is passed on. With -count the last line is
// "N passed, N failed, N skipped". It exits 1 when something failed, or with -count when no test ran.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// event is one line of `go test -json`; see `go doc test2json`.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

type report struct {
	out                     io.Writer
	output                  map[string][]string // by package and test: what it printed so far
	failedIn                map[string]bool     // packages of which a test failed
	passed, failed, skipped int                 // tests, subtests included
	packages, broken, empty int
	skips                   []string
}

func main() {
	count := flag.Bool("count", false, "close with the counts, and fail when no test ran")
	flag.Parse()
	r := &report{out: os.Stdout, output: map[string][]string{}, failedIn: map[string]bool{}}
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if *count {
		r.close()
	}
	if r.failed > 0 || *count && r.passed == 0 {
		os.Exit(1)
	}
}

func (r *report) read(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadString('\n')
		var e event
		if strings.HasPrefix(line, `{"`) && json.Unmarshal([]byte(line), &e) == nil && e.Action != "" {
			r.take(e)
		} else if line != "" {
			fmt.Fprintln(r.out, strings.TrimSuffix(line, "\n"))
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (r *report) take(e event) {
	key := e.Package + "\t" + e.Test
	switch e.Action {
	case "output":
		r.output[key] = append(r.output[key], e.Output)
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "pass", "fail", "skip":
		if e.Test == "" {
			r.endPackage(e, key)
		} else {
			r.endTest(e, key)
		}
		delete(r.output, key)
	}
}

func (r *report) endTest(e event, key string) {
	switch e.Action {
	case "pass":
		r.passed++
	case "skip":
		r.skipped++
		r.skips = append(r.skips, e.Package+" "+e.Test)
	case "fail":
		r.failed++
		r.failedIn[e.Package] = true
		r.show(key)
	}
}

func (r *report) endPackage(e event, key string) {
	r.packages++
	switch e.Action {
	case "skip":
		r.empty++
		fmt.Fprintf(r.out, "?     %s  no tests\n", e.Package)
	case "pass":
		cached := ""
		if slices.ContainsFunc(r.output[key], func(s string) bool { return strings.Contains(s, "(cached)") }) {
			cached = "  cached"
		}
		fmt.Fprintf(r.out, "ok    %s  %.1fs%s\n", e.Package, e.Elapsed, cached)
	case "fail":
		r.broken++
		for other := range r.output { // what did not come to its end: the process died in it
			if strings.HasPrefix(other, e.Package+"\t") && other != key {
				r.endTest(event{Action: "fail", Package: e.Package}, other)
				delete(r.output, other)
			}
		}
		if !r.failedIn[e.Package] { // it did not build, or died outside its tests
			r.failed++
			r.show(key)
		}
		fmt.Fprintf(r.out, "FAIL  %s  %.1fs\n", e.Package, e.Elapsed)
	}
}

func (r *report) show(key string) { fmt.Fprint(r.out, strings.Join(r.output[key], "")) }

func (r *report) close() {
	if len(r.skips) > 0 {
		slices.Sort(r.skips)
		fmt.Fprintf(r.out, "\nskipped:\n  %s\n", strings.Join(r.skips, "\n  "))
	}
	fmt.Fprintf(r.out, "\n%d packages: %d ok, %d failed, %d without tests\n",
		r.packages, r.packages-r.broken-r.empty, r.broken, r.empty)
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", r.passed, r.failed, r.skipped)
}
