package fakeehr

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// record is one resource that the EHR holds.
type record struct {
	typ, id  string
	patient  string // the id of the patient that it is about; "" for nobody's
	original []byte // as it was loaded
	body     []byte // as it is served

	once sync.Once
	tree map[string]any
}

// doc is the decoded resource, decoded when it is first asked for.
func (r *record) doc() map[string]any {
	r.once.Do(func() {
		d := json.NewDecoder(bytes.NewReader(r.original))
		d.UseNumber()
		var m map[string]any
		if d.Decode(&m) == nil {
			r.tree = m
		}
	})
	return r.tree
}

type typeStore struct {
	order     []*record
	byID      map[string]*record
	byPatient map[string][]*record
}

// store holds the resources, by type, id and patient, in the order in which they came.
type store struct {
	mu       sync.RWMutex
	types    map[string]*typeStore
	byTarget map[string][]*record // Provenance by Type/id of its target
	merged   map[string]string    // patient id → id of the record that it was merged into
	sealed   map[string]bool      // Type/id that may not be read
	hidden   map[string][]string  // patient id → system|value that can be searched for and is never shown
}

func newStore() *store {
	return &store{types: map[string]*typeStore{}, byTarget: map[string][]*record{}, merged: map[string]string{}, sealed: map[string]bool{}, hidden: map[string][]string{}}
}

// head is what must be known of a resource to file it.
type head struct {
	ResourceType string            `json:"resourceType"`
	ID           string            `json:"id"`
	Subject      *link             `json:"subject"`
	Patient      *link             `json:"patient"`
	Beneficiary  *link             `json:"beneficiary"`
	For          *link             `json:"for"`
	Target       []json.RawMessage `json:"target"`
}

type link struct {
	Reference string `json:"reference"`
}

func (s *store) put(b []byte, published, base string) error {
	var h head
	if err := json.Unmarshal(b, &h); err != nil {
		return fmt.Errorf("fakeehr: a resource is not JSON: %w", err)
	}
	if h.ResourceType == "" || h.ID == "" {
		return errors.New("fakeehr: a resource has no resourceType or no id")
	}
	r := &record{typ: h.ResourceType, id: h.ID, original: b, body: published1(b, published, base)}
	for _, l := range []*link{h.Patient, h.Subject, h.Beneficiary, h.For} {
		if l != nil {
			if id, ok := patientID(l.Reference); ok {
				r.patient = id
				break
			}
		}
	}
	if h.ResourceType == "Patient" {
		r.patient = h.ID
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file(r)
	if h.ResourceType == "Provenance" {
		for _, t := range h.Target {
			var l link
			if json.Unmarshal(t, &l) == nil {
				key := tail(l.Reference)
				s.byTarget[key] = append(s.byTarget[key], r)
			}
		}
	}
	return nil
}

// file adds r to the indexes; s.mu is held.
func (s *store) file(r *record) {
	t := s.types[r.typ]
	if t == nil {
		t = &typeStore{byID: map[string]*record{}, byPatient: map[string][]*record{}}
		s.types[r.typ] = t
	}
	if old := t.byID[r.id]; old != nil {
		t.order = replaced(t.order, old, r)
		if old.patient == r.patient {
			t.byPatient[r.patient] = replaced(t.byPatient[r.patient], old, r)
		} else {
			t.byPatient[old.patient] = without(t.byPatient[old.patient], old)
			t.byPatient[r.patient] = append(t.byPatient[r.patient], r)
		}
		t.byID[r.id] = r
		return
	}
	t.byID[r.id] = r
	t.order = append(t.order, r)
	if r.patient != "" {
		t.byPatient[r.patient] = append(t.byPatient[r.patient], r)
	}
}

// replaced is list with r for old. It is a copy: a search may be reading the list.
func replaced(list []*record, old, r *record) []*record {
	out := make([]*record, len(list))
	for i, x := range list {
		if x == old {
			x = r
		}
		out[i] = x
	}
	return out
}

func without(list []*record, r *record) []*record {
	out := make([]*record, 0, len(list))
	for _, x := range list {
		if x != r {
			out = append(out, x)
		}
	}
	return out
}

// patientID is the id in a reference to a Patient, relative or absolute.
func patientID(ref string) (string, bool) {
	t := tail(ref)
	id, ok := strings.CutPrefix(t, "Patient/")
	return id, ok
}

// tail is the last two segments of a reference: Type/id.
func tail(ref string) string {
	i := strings.LastIndexByte(ref, '/')
	if i < 0 {
		return ref
	}
	if j := strings.LastIndexByte(ref[:i], '/'); j >= 0 {
		return ref[j+1:]
	}
	return ref
}

func published1(b []byte, published, base string) []byte {
	if published == "" || base == "" || !bytes.Contains(b, []byte(published)) {
		return b
	}
	return bytes.ReplaceAll(b, []byte(published), []byte(base))
}

// publish writes the real base into every body.
func (s *store) publish(published, base string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.types {
		for _, r := range t.order {
			r.body = published1(r.original, published, base)
		}
	}
}

func (s *store) count(typ string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.types[typ]; t != nil {
		return len(t.order)
	}
	return 0
}

func (s *store) get(typ, id string) *record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t := s.types[typ]; t != nil {
		return t.byID[id]
	}
	return nil
}

// all lists a type's records, or one patient's of them. The list is not to be changed.
func (s *store) all(typ, patient string) []*record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t := s.types[typ]
	if t == nil {
		return nil
	}
	list := t.order
	if patient != "" {
		list = t.byPatient[patient]
	}
	return list[:len(list):len(list)]
}

// another finds a record of the type that is about somebody else.
func (s *store) another(typ, patient string, n int) []*record {
	var out []*record
	for _, r := range s.all(typ, "") {
		if r.patient != "" && r.patient != patient {
			if out = append(out, r); len(out) == n {
				break
			}
		}
	}
	return out
}

func (s *store) provenances(typ, id string) []*record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	l := s.byTarget[typ+"/"+id]
	return l[:len(l):len(l)]
}

func (s *store) survivor(patient string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.merged[patient]
}

func (s *store) isSealed(typ, id string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.sealed[typ+"/"+id]
}

// Seal makes reads of one resource answer 403, as for a restricted document or a patient behind break-the-glass.
func (e *EHR) Seal(typ, id string) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	e.store.sealed[typ+"/"+id] = true
}

// Merge merges one patient's record into another's, as staff do when they find duplicates: what was about the old is about
// the survivor, and reading the old tells of the survivor as the vendor does.
func (e *EHR) Merge(old, survivor string) {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	s.merged[old] = survivor
	was, is := []byte(`Patient/`+old+`"`), []byte(`Patient/`+survivor+`"`)
	for _, t := range s.types {
		for _, r := range t.byPatient[old] {
			if r.typ == "Patient" {
				continue
			}
			n := &record{typ: r.typ, id: r.id, patient: survivor, original: bytes.ReplaceAll(r.original, was, is), body: bytes.ReplaceAll(r.body, was, is)}
			s.file(n)
		}
	}
}

// Hide makes a patient findable by an identifier that the record does not show, as Cerner and Epic do with the SSN.
func (e *EHR) Hide(patient, system, value string) {
	e.store.mu.Lock()
	defer e.store.mu.Unlock()
	e.store.hidden[patient] = append(e.store.hidden[patient], system+"|"+value)
}

func (s *store) unshown(patient string, wants []string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, have := range s.hidden[patient] {
		for _, w := range wants {
			if w == have || "|"+w == have[strings.IndexByte(have, '|'):] {
				return true
			}
		}
	}
	return false
}

// Overlay writes another human over a patient's record, as a clerk does who has the wrong chart open: name, birth date and
// sex become others, and all else stays.
func (e *EHR) Overlay(patient, family, given, birthDate string) error {
	s := e.store
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.types["Patient"]
	if t == nil || t.byID[patient] == nil {
		return errors.New("fakeehr: no such patient")
	}
	r := t.byID[patient]
	var doc map[string]any
	if err := json.Unmarshal(r.body, &doc); err != nil {
		return err
	}
	sex := "female"
	if doc["gender"] == "female" {
		sex = "male"
	}
	doc["name"], doc["birthDate"], doc["gender"] = []any{map[string]any{"family": family, "given": []any{given}}}, birthDate, sex
	body, err := json.Marshal(doc)
	if err != nil {
		return err
	}
	s.file(&record{typ: r.typ, id: r.id, patient: r.patient, original: body, body: body})
	return nil
}
