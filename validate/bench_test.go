package validate_test

import (
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord/fhir"
	"concord/validate"
)

const shared = "../../shared/data/"

// read reads a file, gzipped or not.
func read(tb testing.TB, name string) []byte {
	tb.Helper()
	f, err := os.Open(name)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			tb.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// files are the shared files that fit any pattern; the test is skipped when there is none.
func files(tb testing.TB, patterns ...string) []string {
	tb.Helper()
	var all []string
	for _, p := range patterns {
		names, err := filepath.Glob(shared + p)
		if err != nil {
			tb.Fatal(err)
		}
		all = append(all, names...)
	}
	if len(all) == 0 {
		tb.Skip("the shared data are not here")
	}
	return all
}

func benchmark(b *testing.B, docs [][]byte) {
	size := int64(0)
	var all []fhir.Resource
	for _, doc := range docs {
		r, err := fhir.Parse(doc, fhir.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		all = append(all, r)
		size += int64(len(doc))
	}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, r := range all {
			validate.Resource(r, validate.Options{})
		}
	}
}

// BenchmarkSynthea validates whole records that were parsed before.
func BenchmarkSynthea(b *testing.B) {
	var docs [][]byte
	for _, name := range files(b, "synthea/*.json.gz", "synthea/*.json") {
		docs = append(docs, read(b, name))
	}
	benchmark(b, docs)
}

// BenchmarkUSCore validates resources that claim profiles.
func BenchmarkUSCore(b *testing.B) {
	var docs [][]byte
	for _, name := range files(b, "fhir/us-core-6.1.0/examples/*.json") {
		docs = append(docs, read(b, name))
	}
	benchmark(b, docs)
}

// BenchmarkErrors validates a list of a million faults, of which few are told.
func BenchmarkErrors(b *testing.B) {
	benchmark(b, [][]byte{faulty(1_000_000)})
}

// faulty is a Patient with n faults, some ten bytes each.
func faulty(n int) []byte {
	return []byte(`{"resourceType":"Patient","name":[` + strings.Repeat(`{"abcd":1},`, n-1) + `{"abcd":1}]}`)
}

// BenchmarkSound validates as much without a fault.
func BenchmarkSound(b *testing.B) {
	benchmark(b, [][]byte{[]byte(`{"resourceType":"Patient","name":[` + strings.Repeat(`{"text":"a"},`, 999_999) + `{"text":"a"}]}`)})
}
