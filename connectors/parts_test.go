package connectors_test

import (
	"bytes"
	"errors"
	"io"
	"log"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"concord/connectors"
)

func quietLog() *log.Logger { return log.New(io.Discard, "", 0) }

func TestReadBody(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := bytes.Repeat([]byte("0123456789abcdef"), rapid.IntRange(0, 20000).Draw(t, "size"))
		limit := rapid.IntRange(1, 400000).Draw(t, "limit")
		length := rapid.SampledFrom([]int64{-1, int64(len(want))}).Draw(t, "length")
		var r io.Reader = bytes.NewReader(want)
		if rapid.Bool().Draw(t, "by half") {
			r = iotest.HalfReader(r)
		}
		if rapid.Bool().Draw(t, "end with the data") {
			r = iotest.DataErrReader(r)
		}
		got, err := connectors.ReadBody(r, length, limit)
		if len(want) > limit {
			if err == nil {
				t.Fatal("over the limit, and no error")
			}
			return
		}
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes of %d, error %v", len(got), len(want), err)
		}
		if cap(got) > len(got)+len(got)/8+64 {
			t.Fatalf("%d bytes keep %d", len(got), cap(got))
		}
	})
	broken := errors.New("broken")
	for _, r := range []io.Reader{iotest.ErrReader(broken), io.MultiReader(strings.NewReader(strings.Repeat("x", 100000)), iotest.ErrReader(broken))} {
		if _, err := connectors.ReadBody(r, -1, 1<<20); !errors.Is(err, broken) {
			t.Errorf("error %v", err)
		}
	}
	cut := io.MultiReader(strings.NewReader("{}"), iotest.ErrReader(io.ErrUnexpectedEOF))
	if _, err := connectors.ReadBody(cut, -1, 1<<20); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cut off: %v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, x := range []struct {
		name, header string
		want         time.Duration
		ok           bool
	}{
		{"seconds", "120", 2 * time.Minute, true},
		{"none", "", 0, false},
		{"negative", "-1", 0, false},
		{"a date", "Fri, 01 Mar 2024 12:00:30 GMT", 30 * time.Second, true},
		{"a date gone by", "Fri, 01 Mar 2024 11:00:00 GMT", 0, true},
		{"too large", "99999999999999999999", (1<<31 - 1) * time.Second, true},
		{"words", "soon", 0, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			if got, ok := connectors.RetryAfter(x.header, now); got != x.want || ok != x.ok {
				t.Errorf("%v %t", got, ok)
			}
		})
	}
}

// TestIntervalHoldsWhatMatches: whatever instant satisfies the client's parameter, in whatever zone a site reads a date,
// lies in what the site is asked for.
func TestIntervalHoldsWhatMatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		day := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, rapid.IntRange(-800, 800).Draw(t, "day"))
		layout := rapid.SampledFrom([]string{"2006", "2006-01", "2006-01-02", time.RFC3339}).Draw(t, "precision")
		value := day.Format(layout)
		lo, err := time.Parse(layout, value)
		if err != nil {
			t.Fatal(err)
		}
		hi := map[string]time.Time{"2006": lo.AddDate(1, 0, 0), "2006-01": lo.AddDate(0, 1, 0), "2006-01-02": lo.AddDate(0, 0, 1), time.RFC3339: lo.Add(time.Second)}[layout]
		instant := lo.Add(time.Duration(rapid.Int64Range(-2e9, 2e9).Draw(t, "seconds from it")) * time.Second)
		prefix := rapid.SampledFrom([]string{"", "eq", "ge", "gt", "le", "lt", "sa", "eb"}).Draw(t, "prefix")
		var matches bool
		switch prefix {
		case "", "eq":
			matches = !instant.Before(lo) && instant.Before(hi)
		case "ge":
			matches = !instant.Before(lo)
		case "gt", "sa":
			matches = !instant.Before(hi)
		case "le":
			matches = instant.Before(hi)
		case "lt", "eb":
			matches = instant.Before(lo)
		}
		from, to, ok := connectors.Interval(prefix + value)
		if !ok {
			t.Fatal("it bounds nothing")
		}
		zone := time.Duration(rapid.IntRange(-12, 14).Draw(t, "zone")) * time.Hour
		read := instant.Add(zone) // the same instant on the site's wall
		if matches && (!from.IsZero() && read.Before(from.Truncate(24*time.Hour)) || !to.IsZero() && read.After(to.Truncate(24*time.Hour).Add(24*time.Hour))) {
			t.Fatalf("%s%s at %v is outside of %v to %v", prefix, value, instant, from, to)
		}
	})
	for _, v := range []string{"", "ge", "2024-13", "ap2024", "ne2024-01-01", "yesterday", "2024-01-01,", "ge2024,le2023", "0000"} {
		if _, _, ok := connectors.Interval(v); ok {
			t.Errorf("%q bounds something", v)
		}
	}
	if _, _, ok := connectors.Interval("ge2024", "le2020"); ok {
		t.Error("an empty interval bounds something")
	}
}
