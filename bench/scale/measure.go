package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"concord"
	"concord/mpi"
	"concord/mpi/match"
	"concord/mpi/sqlstore"
	"concord/testharness/population"
)

// tables are those of the index whose size goes with the persons.
func tables() []string {
	return []string{"mpi_person", "mpi_patient", "mpi_record", "mpi_block", "mpi_event"}
}

// measure puts persons of a made-up population into an empty index, encrypted as a gateway does it, and tells what they take.
func measure(ctx context.Context, w io.Writer, url string, persons int) (err error) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program first
	keys, err := sqlstore.ParseKeys([]byte("k1 " + base64.StdEncoding.EncodeToString(raw[:]) + "\n"))
	if err != nil {
		return err
	}
	s, err := sqlstore.Open(ctx, url, sqlstore.Options{Keys: keys})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	index := mpi.NewIndex(s)
	patients, began := 0, time.Now()
	const each = 1000
	for done := 0; done < persons; done += each {
		n, err := fill(ctx, s, index, uint64(done/each), min(each, persons-done))
		if err != nil {
			return err
		}
		patients += n
	}
	took := time.Since(began)
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	t := newTable(w, fmt.Sprintf("%d persons with %d patients, put there in %.0f s (%.0f patients a second)", persons, patients, took.Seconds(), float64(patients)/took.Seconds()),
		"table", "rows", "MB", "of it indexes", "bytes a row", "bytes a person")
	var rows, bytes int64
	for _, name := range tables() {
		var n, all, indexes int64
		err := conn.QueryRow(ctx, "SELECT (SELECT count(*) FROM "+name+"), pg_total_relation_size($1), pg_indexes_size($1)", name).Scan(&n, &all, &indexes)
		if err != nil {
			return err
		}
		rows, bytes = rows+n, bytes+all
		t.row(name, n, all>>20, indexes>>20, all/max(n, 1), all/int64(persons))
	}
	t.row("all", rows, bytes>>20, "", bytes/max(rows, 1), bytes/int64(persons))
	t.end()
	return nil
}

// fill puts n persons there, each linked.
func fill(ctx context.Context, s *sqlstore.Store, index *mpi.Index, seed uint64, n int) (patients int, err error) {
	pop := population.Generate(population.Options{Seed: seed, Persons: n, NoHistory: true, Registered: 3, Noise: population.AllNoise()})
	var c mpi.Change
	var clusters [][]mpi.Link
	for i, p := range pop.Persons {
		var links []mpi.Link
		for _, one := range p.Copies {
			ref := concord.NewPatientRef(one.Source, strconv.FormatUint(seed, 36)+"-"+strconv.Itoa(i)+"-"+one.ID)
			d := mpi.Demographics{Ref: ref, Names: []mpi.Name{{Family: p.Family, Given: p.Given}}, BirthDate: p.Birth.Format("2006-01-02"), Gender: p.Gender, Phones: []string{p.Phone},
				Emails: []string{p.Email}, Addresses: []mpi.Address{{Lines: []string{p.Address.Line}, City: p.Address.City, State: p.Address.State, PostalCode: p.Address.PostalCode}},
				Identifiers: []mpi.Identifier{{System: "urn:oid:1.2.840.114350." + string(one.Source), Value: one.ID}, {System: "http://hl7.org/fhir/sid/us-ssn", Value: p.SSN}}}
			r := match.Prepare(d)
			var keys []uint64
			for _, k := range r.Keys(nil) {
				keys = append(keys, k.Hash[0])
			}
			c.Records = append(c.Records, mpi.Record{Demographics: d, Keys: keys})
			links = append(links, mpi.Link{Ref: ref, Grade: mpi.Certain, Score: 1, Rule: mpi.RuleSeed})
			patients++
		}
		clusters = append(clusters, links)
	}
	if _, err := s.Apply(ctx, c); err != nil {
		return 0, err
	}
	_, err = index.Gather(ctx, clusters...)
	return patients, err
}
