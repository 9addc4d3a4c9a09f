package sqlstore

import (
	"encoding/json"
	"strconv"
	"time"

	"concord"
	"concord/mpi"
)

// What is sealed is JSON, whose names are part of the format of the tables. Ids are kept as bytes: they come back as they
// were, whatever they are.

type storedRef struct {
	Source string `json:"s"`
	ID     []byte `json:"i"`
}

func refOut(r concord.PatientRef) storedRef {
	return storedRef{Source: string(r.Source), ID: []byte(r.Reveal())}
}

func (r storedRef) ref() concord.PatientRef {
	if r.Source == "" && len(r.ID) == 0 {
		return concord.PatientRef{}
	}
	return concord.NewPatientRef(concord.SourceID(r.Source), string(r.ID))
}

func refsOut(all []concord.PatientRef) []storedRef {
	out := make([]storedRef, len(all))
	for i, r := range all {
		out[i] = refOut(r)
	}
	return out
}

func refsIn(all []storedRef) (out []concord.PatientRef) {
	for _, r := range all {
		out = append(out, r.ref())
	}
	return out
}

type storedLink struct {
	storedRef

	Grade  mpi.Grade `json:"g"`
	Score  float64   `json:"c"`
	Rule   string    `json:"r,omitempty"`
	Manual bool      `json:"m,omitempty"`
	Frozen bool      `json:"f,omitempty"`
	By     []byte    `json:"b,omitempty"` // the id that replaced it
}

type storedPerson struct {
	Links    []storedLink      `json:"l"`
	Rejected []storedRef       `json:"x,omitempty"`
	Absent   map[string]*int64 `json:"a,omitempty"`
}

func encodePerson(p mpi.Person) ([]byte, error) {
	s := storedPerson{Links: make([]storedLink, len(p.Links)), Rejected: refsOut(p.Rejected)}
	for i, l := range p.Links {
		s.Links[i] = storedLink{storedRef: refOut(l.Ref), Grade: l.Grade, Score: l.Score, Rule: l.Rule, Manual: l.Manual, Frozen: l.Frozen}
		if !l.ReplacedBy.IsZero() {
			s.Links[i].By = []byte(l.ReplacedBy.Reveal())
		}
	}
	if len(p.Absent) > 0 {
		s.Absent = make(map[string]*int64, len(p.Absent))
	}
	for source, at := range p.Absent {
		var ms *int64
		if !at.IsZero() {
			n := at.UnixMilli()
			ms = &n
		}
		s.Absent[string(source)] = ms
	}
	return json.Marshal(s)
}

// decodePerson fills p with what was sealed of it.
func decodePerson(p *mpi.Person, plain []byte) error {
	var s storedPerson
	if err := json.Unmarshal(plain, &s); err != nil {
		return errBroken // not the cause, which may quote what is sealed
	}
	p.Rejected = refsIn(s.Rejected)
	p.Links = make([]mpi.Link, len(s.Links))
	for i, l := range s.Links {
		p.Links[i] = mpi.Link{Ref: l.ref(), Grade: l.Grade, Score: l.Score, Rule: l.Rule, Manual: l.Manual, Frozen: l.Frozen}
		if len(l.By) > 0 {
			p.Links[i].ReplacedBy = concord.NewPatientRef(p.Links[i].Ref.Source, string(l.By))
		}
	}
	for source, ms := range s.Absent {
		if p.Absent == nil {
			p.Absent = make(map[concord.SourceID]time.Time, len(s.Absent))
		}
		var at time.Time
		if ms != nil {
			at = time.UnixMilli(*ms).UTC()
		}
		p.Absent[concord.SourceID(source)] = at
	}
	return nil
}

type storedReview struct {
	A        storedRef    `json:"a"`
	B        storedRef    `json:"b"`
	Decision mpi.Decision `json:"d"`
	Mark     string       `json:"m,omitempty"`
}

func encodeReview(r mpi.Review) ([]byte, error) {
	return json.Marshal(storedReview{A: refOut(r.A), B: refOut(r.B), Decision: r.Decision, Mark: r.Mark})
}

// decodeReview fills r with what was sealed of it, its Mark included.
func decodeReview(r *mpi.Review, plain []byte) error {
	var s storedReview
	if err := json.Unmarshal(plain, &s); err != nil {
		return errBroken
	}
	r.A, r.B, r.Decision, r.Mark = s.A.ref(), s.B.ref(), s.Decision, s.Mark
	return nil
}

type storedRecord struct {
	Of           storedRef `json:"of"`
	Keys         []uint64  `json:"k,omitempty"`
	Demographics facts     `json:"d"`
}

// facts are Demographics but for their Ref, which does not come back from JSON.
type facts struct {
	mpi.Demographics

	Ref *struct{} `json:",omitempty"` // hides the other
}

func encodeRecord(r mpi.Record) ([]byte, error) {
	return json.Marshal(storedRecord{Of: refOut(r.Demographics.Ref), Keys: r.Keys, Demographics: facts{Demographics: r.Demographics}})
}

func decodeRecord(plain []byte) (mpi.Record, error) {
	var s storedRecord
	if err := json.Unmarshal(plain, &s); err != nil {
		return mpi.Record{}, errBroken
	}
	r := mpi.Record{Demographics: s.Demographics.Demographics, Keys: s.Keys}
	r.Demographics.Ref = s.Of.ref()
	return r.Canonical()
}

// The places that sealed rows are bound to.
func personPlace(id mpi.PersonID, version int64) string {
	return "person/" + string(id) + "/" + strconv.FormatInt(version, 10)
}
func eventPlace(seq int64) string     { return "event/" + strconv.FormatInt(seq, 10) }
func reviewPlace(pair []byte) string  { return "review/" + string(pair) }
func recordPlace(ref []byte) string   { return "record/" + string(ref) }
func standInPlace(t, a string) string { return "stand-in/" + t + "/" + a }
