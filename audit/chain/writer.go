package chain

import (
	"crypto/ed25519"
	"errors"
	"time"

	"concord"
	"concord/audit"
)

// Writer makes the lines that follow a place in the chain. It is for one goroutine, and writes nowhere: whoever keeps the
// lines takes them back with Reset when that failed.
type Writer struct {
	link   *link
	every  int
	key    ed25519.PrivateKey
	since  int
	stated []Head
	object []byte
}

// NewWriter goes on at at, stating a checkpoint before at most every records; key signs them, nil does not. Since nobody
// knows how many records came before, the first line is a checkpoint. A key of another length is Invalid.
func NewWriter(at Head, every int, key ed25519.PrivateKey) (*Writer, error) {
	if key != nil && len(key) != ed25519.PrivateKeySize {
		return nil, invalid(errors.New("length of the checkpoint key"))
	}
	if every < 1 {
		return nil, &concord.Fault{Op: "audit chain", Kind: concord.Invalid, Err: errors.New("records between checkpoints")}
	}
	return &Writer{link: newLink(at), every: every, key: key, since: every}, nil
}

// Record appends the line of the next record to b, given as an object, after a checkpoint's line if one is due.
func (w *Writer) Record(b, object []byte) []byte {
	if w.since >= w.every {
		b = w.Checkpoint(b)
	}
	w.since++
	return w.link.appendLine(b, object)
}

// Checkpoint appends the line of a checkpoint to b.
func (w *Writer) Checkpoint(b []byte) []byte {
	w.stated = append(w.stated, w.link.head)
	e := audit.Event{Type: audit.EventCheckpoint, Time: time.Now(), Checkpoint: newCheckpoint(w.link.head, w.every, w.key)}
	w.object = e.AppendJSON(w.object[:0])
	w.since = 0
	return w.link.appendLine(b, w.object)
}

// Owed tells whether records stand after the last checkpoint.
func (w *Writer) Owed() bool { return w.since > 0 }

// Head is the place of the last line.
func (w *Writer) Head() Head { return w.link.head }

// Mark is a state of a Writer.
type Mark struct {
	head  Head
	since int
}

// Mark is the state to return to, and forgets what Stated has told.
func (w *Writer) Mark() Mark {
	w.stated = w.stated[:0]
	return Mark{head: w.link.head, since: w.since}
}

// Reset takes every line since m back.
func (w *Writer) Reset(m Mark) {
	w.link.head, w.since = m.head, m.since
	w.stated = w.stated[:0]
}

// Stated are the heads that the checkpoints since the last Mark state; it holds until the next Mark.
func (w *Writer) Stated() []Head { return w.stated }
