package fhir_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"concord/fhir"
)

func utc(y, mon, d, h, m, s, ns int) time.Time {
	return time.Date(y, time.Month(mon), d, h, m, s, ns, time.UTC)
}

func TestParseDate(t *testing.T) {
	for _, x := range []struct {
		in     string
		lo, hi time.Time
		p      fhir.Precision
		zone   bool
	}{
		{"2020", utc(2020, 1, 1, 0, 0, 0, 0), utc(2021, 1, 1, 0, 0, 0, 0), fhir.PrecisionYear, false},
		{"0001", utc(1, 1, 1, 0, 0, 0, 0), utc(2, 1, 1, 0, 0, 0, 0), fhir.PrecisionYear, false},
		{"9999", utc(9999, 1, 1, 0, 0, 0, 0), utc(10000, 1, 1, 0, 0, 0, 0), fhir.PrecisionYear, false},
		{"2020-02", utc(2020, 2, 1, 0, 0, 0, 0), utc(2020, 3, 1, 0, 0, 0, 0), fhir.PrecisionMonth, false},
		{"1999-12", utc(1999, 12, 1, 0, 0, 0, 0), utc(2000, 1, 1, 0, 0, 0, 0), fhir.PrecisionMonth, false},
		{"2020-02-29", utc(2020, 2, 29, 0, 0, 0, 0), utc(2020, 3, 1, 0, 0, 0, 0), fhir.PrecisionDay, false},
		{"2020-02-29T23:59", utc(2020, 2, 29, 23, 59, 0, 0), utc(2020, 3, 1, 0, 0, 0, 0), fhir.PrecisionMinute, false},
		{"2020-02-29T23:59:58Z", utc(2020, 2, 29, 23, 59, 58, 0), utc(2020, 2, 29, 23, 59, 59, 0), fhir.PrecisionSecond, true},
		{"2016-12-31T23:59:60Z", utc(2017, 1, 1, 0, 0, 0, 0), utc(2017, 1, 1, 0, 0, 1, 0), fhir.PrecisionSecond, true},
		{"2020-03-01T23:30:00-05:00", utc(2020, 3, 2, 4, 30, 0, 0), utc(2020, 3, 2, 4, 30, 1, 0), fhir.PrecisionSecond, true},
		{"2020-03-01T00:30+14:00", utc(2020, 2, 29, 10, 30, 0, 0), utc(2020, 2, 29, 10, 31, 0, 0), fhir.PrecisionMinute, true},
		{"2020-03-01T01:02:03.25Z", utc(2020, 3, 1, 1, 2, 3, 250e6), utc(2020, 3, 1, 1, 2, 3, 260e6), fhir.PrecisionFraction, true},
		{"2020-03-01T01:02:03.1234567891Z", utc(2020, 3, 1, 1, 2, 3, 123456789), utc(2020, 3, 1, 1, 2, 3, 123456790), fhir.PrecisionFraction, true},
	} {
		t.Run(x.in, func(t *testing.T) {
			d, ok := fhir.ParseDate(x.in)
			if !ok || !d.Lo.Equal(x.lo) || !d.Hi.Equal(x.hi) || d.Precision != x.p || d.HasZone != x.zone {
				t.Errorf("ParseDate gives %v, lo %v, hi %v, precision %d, zone %v", ok, d.Lo, d.Hi, d.Precision, d.HasZone)
			}
		})
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, s := range []string{"", "2", "20", "202", "0000", "20200", "2020-", "2020-1", "2020-13", "1970-13-01", "2020-00", "2020-01-00",
		"2020-01-32", "2019-02-29", "1900-02-29", "2020-04-31", "2020/01/01", "2020-01-01T", "2020-01-01T10", "2020-01-01T10:00:", "2020-01-01 10:00",
		"2020-01-01T24:00:00Z", "2020-01-01T10:60:00Z", "2020-01-01T10:00:61Z", "2020-01-01T10:00:00.Z", "2020-01-01T10:00:00z",
		"2020-01-01t10:00:00Z", "2020-01-01T10:00:00+14:01", "2020-01-01T10:00:00+15:00", "2020-01-01T10:00:00+05", "2020-01-01T10:00:00+0500",
		"2020-01-01T10:00:00+05:60", "2020-01-01T10:00:00ZZ", "2020-01-01Z", "-020", "２０２０", " 2020", "2020 ", "2020-01-01T10:00.5Z"} {
		if d, ok := fhir.ParseDate(s); ok {
			t.Errorf("ParseDate(%q) gives [%v, %v)", s, d.Lo, d.Hi)
		}
	}
}

func TestDatePrintsRedacted(t *testing.T) {
	d, _ := fhir.ParseDate("1987-06-05")
	p := d.Period()
	for _, s := range []string{fmt.Sprintf("%v %+v %#v %s %d", d, d, d, d, d), fmt.Sprintf("%v %+v %#v %s", p, p, p, p), d.LogValue().String() + p.LogValue().String()} {
		if strings.Contains(s, "1987") || strings.Contains(s, "6") {
			t.Errorf("prints %s", s)
		}
	}
}

// form is what R4 allows for a dateTime, and beyond it what ParseDate says that it accepts.
var dateForm = regexp.MustCompile(`^\d{4}(-\d\d(-\d\d(T([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?(Z|[+-]((0\d|1[0-3]):[0-5]\d|14:00))?)?)?)?$`)

// parsed asks the standard library the same.
func parsed(s string) (time.Time, bool) {
	if !dateForm.MatchString(s) || strings.HasPrefix(s, "0000") {
		return time.Time{}, false
	}
	leap := len(s) > 18 && s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	if dot := strings.IndexByte(s, '.'); dot > 0 { // the library rounds beyond nine digits, ParseDate cuts
		end := dot + 1
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		s = s[:min(end, dot+10)] + s[end:]
	}
	for _, layout := range []string{"2006", "2006-01", "2006-01-02", "2006-01-02T15:04", "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05", time.RFC3339} {
		if x, err := time.Parse(layout, s); err == nil {
			if leap {
				x = x.Add(time.Second)
			}
			return x, true
		}
	}
	return time.Time{}, false
}

func FuzzParseDate(f *testing.F) {
	for _, s := range []string{"2020", "2020-02-29", "2019-02-29", "2016-12-31T23:59:60Z", "2020-03-01T01:02:03.999999999999+05:30", "2020-01-01T10:00",
		"0001-01-01T00:00:00+14:00", "9999-12-31T23:59:60.5-14:00", "2020-01-01T10:00-00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, ok := fhir.ParseDate(s)
		want, wantOK := parsed(s)
		if ok != wantOK || ok && !d.Lo.Equal(want) {
			t.Fatalf("ParseDate(%q) gives %v, %v; want %v, %v", s, d.Lo, ok, want, wantOK)
		}
		if ok && !d.Lo.Before(d.Hi) {
			t.Fatalf("ParseDate(%q) covers nothing", s)
		}
		if v, err := fhir.ParseValue(fhir.AppendString(nil, s), fhir.Limits{}); err == nil && !strings.Contains(s, "\ufffd") {
			if e, also := fhir.DateOf(v); also != ok || e != d {
				t.Fatalf("DateOf(%q) differs from ParseDate", s)
			}
		}
	})
}

func TestEveryDay(t *testing.T) {
	for day := utc(1, 1, 1, 0, 0, 0, 0); day.Year() < 2500; day = day.AddDate(0, 0, 1) {
		if d, ok := fhir.ParseDate(day.Format("2006-01-02")); !ok || !d.Lo.Equal(day) || !d.Hi.Equal(day.AddDate(0, 0, 1)) {
			t.Fatalf("the interval of %s is [%v, %v)", day.Format("2006-01-02"), d.Lo, d.Hi)
		}
	}
}

func TestParsePeriod(t *testing.T) {
	jan, feb := utc(2020, 1, 1, 0, 0, 0, 0), utc(2020, 2, 1, 0, 0, 0, 0)
	for _, x := range []struct {
		name, in string
		want     fhir.Period
		ok       bool
	}{
		{"both", `{"start":"2020-01-01","end":"2020-01"}`, fhir.Period{Lo: jan, Hi: feb}, true},
		{"open end", `{"start":"2020-01-01"}`, fhir.Period{Lo: jan, OpenEnd: true}, true},
		{"open start", `{"end":"2020-01-31"}`, fhir.Period{Hi: feb, OpenStart: true}, true},
		{"bad end is open", `{"start":"2020-01-01","end":"soon"}`, fhir.Period{Lo: jan, OpenEnd: true}, true},
		{"bad both", `{"start":"once","end":"soon"}`, fhir.Period{}, false},
		{"neither", `{}`, fhir.Period{}, false},
		{"no object", `["2020"]`, fhir.Period{}, false},
		{"numbers", `{"start":2020,"end":2021}`, fhir.Period{}, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			v, err := fhir.ParseValue([]byte(x.in), fhir.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if p, ok := fhir.ParsePeriod(v); ok != x.ok || ok && p != x.want {
				t.Errorf("ParsePeriod gives %v, Lo %v, Hi %v, open %v %v", ok, p.Lo, p.Hi, p.OpenStart, p.OpenEnd)
			}
		})
	}
}

func TestPeriodAlgebra(t *testing.T) {
	day := func(from, to int) fhir.Period {
		return fhir.Period{Lo: utc(2020, 1, from, 0, 0, 0, 0), Hi: utc(2020, 1, to, 0, 0, 0, 0)}
	}
	since, until := day(10, 10), day(10, 10)
	since.OpenEnd, until.OpenStart = true, true
	for _, x := range []struct {
		name               string
		a, b               fhir.Period
		overlaps, contains bool
	}{
		{"same", day(1, 3), day(1, 3), true, true},
		{"inside", day(1, 9), day(2, 3), true, true},
		{"touching", day(1, 3), day(3, 5), false, false},
		{"across", day(1, 4), day(3, 5), true, false},
		{"since holds later", since, day(11, 12), true, true},
		{"since and earlier", since, day(1, 10), false, false},
		{"until holds earlier", until, day(1, 10), true, true},
		{"until and later", until, day(10, 11), false, false},
		{"closed never holds open", day(1, 30), since, true, false},
		{"until and since touch", until, since, false, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.a.Overlaps(x.b) != x.overlaps || x.b.Overlaps(x.a) != x.overlaps {
				t.Error("Overlaps is wrong")
			}
			if x.a.Contains(x.b) != x.contains {
				t.Error("Contains is wrong")
			}
		})
	}
}
