package events

import (
	"encoding/json"
	"strconv"

	"concord/mpi"
)

// Subject is what link events are published under.
const Subject = "concord.mpi.link"

// Event is one change of who is who, as others are told of it. It has no PHI but a person's id, which is opaque and means
// something to this installation only.
type Event struct {
	Seq    int64 // orders all of them; each is told once or more, and in this order
	Kind   mpi.EventKind
	Person mpi.PersonID
	Former mpi.PersonID // the id that names nobody from now on; "" for none
}

// of is what is told of a change; ok is false when it is about nobody's links.
func of(e mpi.Event) (_ Event, ok bool) {
	switch e.Kind {
	case mpi.EventRejected, mpi.EventQueued:
		return Event{}, false
	}
	return Event{Seq: e.Seq, Kind: e.Kind, Person: e.Person, Former: e.Former}, e.Person != "" || e.Former != ""
}

// ID is the same for an event that is told again, and for no other.
func (e Event) ID() string { return "mpi.link." + strconv.FormatInt(e.Seq, 10) }

// cloudEvent is the envelope (CloudEvents 1.0, JSON). It has no time: with a person's id that would be PHI.
type cloudEvent struct {
	SpecVersion string    `json:"specversion"`
	ID          string    `json:"id"`
	Source      string    `json:"source"`
	Type        string    `json:"type"`
	ContentType string    `json:"datacontenttype"`
	Data        eventData `json:"data"`
}

type eventData struct {
	Seq    int64         `json:"seq"`
	Kind   mpi.EventKind `json:"kind"`
	Person mpi.PersonID  `json:"person"`
	Former mpi.PersonID  `json:"former,omitempty"`
}

// JSON is e as a CloudEvent; source is who tells it, such as the gateway's public URL.
func (e Event) JSON(source string) ([]byte, error) {
	return json.Marshal(cloudEvent{SpecVersion: "1.0", ID: e.ID(), Source: source, Type: Subject + "." + string(e.Kind), ContentType: "application/json",
		Data: eventData(e)})
}
