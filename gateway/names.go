package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"

	"concord"
	"concord/fhir"
	"concord/mpi"
)

// standInMark begins the local part of a stand-in: what a source's id can't be, in so far as it is followed by 52 letters
// that nobody chose.
const standInMark = "x-"

var standInText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// publicID is the id under which the gateway serves a source's resource: {source}.{id}, or a stand-in where that is not a
// legal FHIR id.
func publicID(source concord.SourceID, t fhir.ResourceType, id string) (public string, isStandIn bool) {
	if legalPublicID(source, id) {
		return string(source) + "." + id, false
	}
	return standIn(source, t, id), true
}

func standIn(source concord.SourceID, t fhir.ResourceType, id string) string {
	h := sha256.New()
	for _, s := range []string{string(source), string(t), id} {
		_, _ = h.Write([]byte(s)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return string(source) + "." + standInMark + standInText.EncodeToString(h.Sum(nil))[:40]
}

// StandIn is what a source's patient is called where its own id must not be. It is no PHI.
func StandIn(ref concord.PatientRef) string {
	return standIn(ref.Source, fhir.TypePatient, ref.Reveal())
}

// legalPublicID tells whether {source}.{id} is a legal FHIR id.
func legalPublicID(source concord.SourceID, id string) bool {
	return len(source)+1+len(id) <= 64 && fhir.LegalID(id)
}

// address is where a resource of the gateway comes from.
type address struct {
	person mpi.PersonID     // set for the unified Patient
	source concord.SourceID // set for a source's copy
	id     string           // the copy's id at the source; PHI
}

// resolveID finds what an id of the gateway means. NotFound for what can't be one.
func (g *Gateway) resolveID(ctx context.Context, t fhir.ResourceType, id string) (address, error) {
	none := &concord.Fault{Op: "resolve", Kind: concord.NotFound}
	if !fhir.LegalID(id) {
		return address{}, none
	}
	source, local, ok := strings.Cut(id, ".")
	if !ok {
		if t != fhir.TypePatient {
			return address{}, none
		}
		return address{person: mpi.PersonID(id)}, nil
	}
	if _, known := g.bases[concord.SourceID(source)]; !known || local == "" {
		return address{}, none
	}
	a := address{source: concord.SourceID(source), id: local}
	if strings.HasPrefix(local, standInMark) {
		s, err := g.cfg.StandIns.Find(ctx, string(t), id)
		switch {
		case err == nil:
			a.id = s.ID
		case !errors.Is(err, concord.NotFound):
			return address{}, err
		}
	}
	return a, nil
}
