package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/rueidis"

	"concord"
	"concord/audit/filesink"
	"concord/audit/sinktest"
	"concord/gateway/shelf/redisshelf"
	"concord/internal/app"
	"concord/mpi"
	"concord/mpi/sqlstore"
	"concord/testharness/population"
	"concord/testharness/servers"
)

var postgres servers.Postgres

func TestMain(m *testing.M) {
	code := m.Run()
	_ = postgres.Stop()
	os.Exit(code)
}

// BenchmarkIndex puts 30,000 persons of three patients each into an empty index in PostgreSQL, encrypted and with the
// blocking keys that a gateway keeps, and tells what they take.
func BenchmarkIndex(b *testing.B) {
	const persons, each = 30_000, 1000
	for b.Loop() {
		b.StopTimer()
		url := postgres.Database(b)
		var raw [32]byte
		_, _ = rand.Read(raw[:])
		keys, err := sqlstore.ParseKeys([]byte("k1 " + base64.StdEncoding.EncodeToString(raw[:]) + "\n"))
		if err != nil {
			b.Fatal(err)
		}
		s, err := sqlstore.Open(b.Context(), url, sqlstore.Options{Keys: keys})
		if err != nil {
			b.Fatal(err)
		}
		index := mpi.NewIndex(s)
		patients := 0
		var took time.Duration
		for i := range persons / each {
			c, clusters := people(uint64(i), each)
			began := time.Now()
			b.StartTimer()
			if _, err := s.Apply(b.Context(), c); err != nil {
				b.Fatal(err)
			}
			if _, err := index.Gather(b.Context(), clusters...); err != nil {
				b.Fatal(err)
			}
			b.StopTimer()
			took += time.Since(began)
			patients += len(c.Records)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		conn, err := pgx.Connect(b.Context(), url)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := conn.Exec(b.Context(), "VACUUM ANALYZE"); err != nil {
			b.Fatal(err)
		}
		var all int64
		for _, name := range []string{"mpi_person", "mpi_patient", "mpi_record", "mpi_block", "mpi_event"} {
			var n int64
			if err := conn.QueryRow(b.Context(), "SELECT pg_total_relation_size($1)", name).Scan(&n); err != nil {
				b.Fatal(err)
			}
			all += n
			b.ReportMetric(float64(n)/persons, strings.TrimPrefix(name, "mpi_")+"-bytes/person")
		}
		_ = conn.Close(b.Context())
		b.ReportMetric(float64(all)/persons, "bytes/person")
		b.ReportMetric(float64(patients)/persons, "patients/person")
		b.ReportMetric(float64(patients)/took.Seconds(), "patients/s")
		b.StartTimer()
	}
}

// people are n persons of a made-up population, as they are put into the index.
func people(seed uint64, n int) (c mpi.Change, clusters [][]mpi.Link) {
	pop := population.Generate(population.Options{Seed: seed, Persons: n, NoHistory: true, Registered: 3, Noise: population.AllNoise()})
	for i, p := range pop.Persons {
		var links []mpi.Link
		for _, one := range p.Copies {
			ref := concord.NewPatientRef(one.Source, strconv.FormatUint(seed, 36)+"-"+strconv.Itoa(i)+"-"+one.ID)
			d := mpi.Demographics{Ref: ref, Names: []mpi.Name{{Family: p.Family, Given: p.Given}}, BirthDate: p.Birth.Format("2006-01-02"), Gender: p.Gender, Phones: []string{p.Phone},
				Emails: []string{p.Email}, Addresses: []mpi.Address{{Lines: []string{p.Address.Line}, City: p.Address.City, State: p.Address.State, PostalCode: p.Address.PostalCode}},
				Identifiers: []mpi.Identifier{{System: "urn:oid:1.2.840.114350." + string(one.Source), Value: one.ID}, {System: "http://hl7.org/fhir/sid/us-ssn", Value: p.SSN}}}
			c.Records = append(c.Records, mpi.Record{Demographics: d, Keys: app.BlockingKeys(d)})
			links = append(links, mpi.Link{Ref: ref, Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed})
		}
		clusters = append(clusters, links)
	}
	return c, clusters
}

// BenchmarkShelf puts an answer of 60 kB on a real Redis and reads it twice, as it goes with further pages, and tells how
// much of its CPU that takes of the Redis, each time.
func BenchmarkShelf(b *testing.B) {
	r := servers.StartRedis(b)
	s, err := redisshelf.New(redisshelf.Options{Addr: r.Addr})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	conn, err := rueidis.NewClient(rueidis.ClientOption{InitAddress: []string{r.Addr}, DisableCache: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(conn.Close)
	used := func() (sum float64) {
		text, err := conn.Do(context.Background(), conn.B().Info().Section("cpu").Build()).ToString()
		if err != nil {
			b.Fatal(err)
		}
		for line := range strings.Lines(text) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			if name == "used_cpu_user_main_thread" || name == "used_cpu_sys_main_thread" {
				f, _ := strconv.ParseFloat(value, 64)
				sum += f
			}
		}
		return sum
	}
	value := make([]byte, 60_000)
	_, _ = rand.Read(value)
	began, n := used(), 0
	for b.Loop() {
		name := fmt.Sprint(n % 1000)
		if err := s.Put(context.Background(), name, value, time.Minute); err != nil {
			b.Fatal(err)
		}
		for range 2 {
			if got, err := s.Get(context.Background(), name); err != nil || !bytes.Equal(got, value) {
				b.Fatal(err)
			}
		}
		n++
	}
	b.ReportMetric((used()-began)*1e6/float64(3*n), "redis-cpu-us/use")
}

// BenchmarkRecord is how large an audit record is.
func BenchmarkRecord(b *testing.B) {
	dir := b.TempDir()
	s, err := filesink.Open(dir, filesink.Options{})
	if err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		if err := s.Append(b.Context(), sinktest.Event("r")); err != nil {
			b.Fatal(err)
		}
		n++
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	var size int64
	for _, f := range files {
		i, err := os.Stat(f)
		if err != nil {
			b.Fatal(err)
		}
		size += i.Size()
	}
	b.ReportMetric(float64(size)/float64(n), "bytes/record")
}
