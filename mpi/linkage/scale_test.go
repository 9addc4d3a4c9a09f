package linkage_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"concord"
	"concord/mpi"
	"concord/mpi/linkage"
	"concord/mpi/synthetic"
)

// size is CONCORD_LINK_RECORDS, or few enough for a laptop.
func size(b *testing.B) int {
	b.Helper()
	s := os.Getenv("CONCORD_LINK_RECORDS")
	if s == "" {
		return 50_000
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 2 {
		b.Fatalf("CONCORD_LINK_RECORDS=%q", s)
	}
	return n
}

// BenchmarkLink reads and links as many records as CONCORD_LINK_RECORDS says, and reports the processor time, the most memory
// that the process has held, and how right the links are. Run it with -benchtime 1x.
func BenchmarkLink(b *testing.B) {
	n := size(b)
	for b.Loop() {
		truth := make(map[concord.PatientRef]int32, n)
		p := synthetic.New(7)
		p.Truth = func(ref concord.PatientRef, person int) { truth[ref] = int32(person) }
		began, cpu := time.Now(), processor(b)
		r, err := linkage.Link(b.Context(), p.Records(n), linkage.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s")
		b.ReportMetric((processor(b) - cpu).Seconds(), "cpu-s")
		b.ReportMetric(held(b), "peak-MiB")
		labels := map[concord.PatientRef]string{}
		for ref, person := range truth {
			labels[ref] = strconv.Itoa(int(person))
		}
		e, f := linkage.Evaluate(r.Pairs(mpi.Certain), labels), linkage.Evaluate(r.Pairs(mpi.Probable), labels)
		b.ReportMetric(e.Precision.Value, "certain-precision")
		b.ReportMetric(e.Recall.Value, "certain-recall")
		b.ReportMetric(f.F1.Value, "F1")
		b.Logf("%+v, certain %+v", r.Report, e)
	}
}

func processor(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// held is the most memory that the process has held, in MiB; 0 where the system does not tell.
func held(tb testing.TB) float64 {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			var kib float64
			if _, err := fmt.Sscan(rest, &kib); err == nil {
				return kib / 1024
			}
		}
	}
	return 0
}
