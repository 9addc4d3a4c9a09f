package chain

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"concord"
	"concord/audit"
)

// AnchorFile notes heads in a file away from the trail, such as on another machine's disk, so that a tail that was cut off
// or a trail that was written anew shows. Each line is an object with time, seq and hash. It holds no PHI.
type AnchorFile struct {
	f      *os.File
	failed func(error)
	slot   chan Head // the newest head that is not noted yet
	done   chan struct{}
	once   sync.Once
	err    error // of the last note
}

// OpenAnchorFile opens the file at path for appending, and makes it if need be. failed is told, from another goroutine, of
// each note that could not be made, and may be nil: an anchor is evidence beside the trail, and does not hold answers up.
// Its error is Unavailable.
func OpenAnchorFile(path string, failed func(error)) (*AnchorFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unavailable(err)
	}
	a := &AnchorFile{f: f, failed: failed, slot: make(chan Head, 1), done: make(chan struct{})}
	last := []byte{'\n'}
	if n, err := f.Seek(0, io.SeekEnd); err == nil && n > 0 {
		_, _ = f.ReadAt(last, n-1) // what can't be read is taken for a whole line
	}
	if last[0] != '\n' { // half a line of a crash
		_, err = f.Write([]byte{'\n'})
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		_ = f.Close()
		return nil, unavailable(err)
	}
	go a.run()
	return a, nil
}

// Note notes h soon, and never waits: while the disk is slow, only the newest head is kept, which vouches for those before
// it. It suits filesink.Options.OnCheckpoint. Notes come from one goroutine at a time, and none after Close.
func (a *AnchorFile) Note(h Head) {
	if h.Seq == 0 { // the place before the first record says nothing
		return
	}
	for {
		select {
		case a.slot <- h:
			return
		default:
		}
		select {
		case <-a.slot:
		default:
		}
	}
}

// Close notes what is left, and returns the error of the last note.
func (a *AnchorFile) Close() error {
	a.once.Do(func() {
		close(a.slot)
		<-a.done
		if err := a.f.Close(); err != nil && a.err == nil {
			a.err = unavailable(err)
		}
	})
	return a.err
}

func (a *AnchorFile) run() {
	defer close(a.done)
	for h := range a.slot {
		b := append([]byte(`{"time":"`), time.Now().UTC().Format(time.RFC3339)...)
		b = strconv.AppendUint(append(b, `","seq":`...), h.Seq, 10)
		b = append(append(b, `,"hash":"`...), h.Hash.String()...)
		_, err := a.f.Write(append(b, '"', '}', '\n'))
		if err == nil {
			err = a.f.Sync()
		}
		a.err = nil
		if err != nil {
			a.err = unavailable(err)
			a.tell(a.err)
		}
	}
}

// tell hands a failure to the operator's function, whose panic must not end the notes.
func (a *AnchorFile) tell(err error) {
	defer func() { _ = recover() }()
	if a.failed != nil {
		a.failed(err)
	}
}

// ReadAnchors are the heads in a file of AnchorFile, in its order. A line that a crash left half is passed over; anything
// else that is no anchor is Malformed. Further errors are NotFound and Unavailable.
func ReadAnchors(path string) ([]Head, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &concord.Fault{Op: "audit anchors", Kind: concord.NotFound, Err: err}
	}
	if err != nil {
		return nil, unavailable(err)
	}
	defer func() { _ = f.Close() }() // only read from
	return parseAnchors(f)
}

func parseAnchors(r io.Reader) (all []Head, err error) {
	malformed := &concord.Fault{Op: "audit anchors", Kind: concord.Malformed}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var n struct {
			Seq  uint64 `json:"seq"`
			Hash string `json:"hash"`
		}
		line := lines.Bytes()
		if json.Unmarshal(line, &n) != nil {
			if len(line) == 0 || line[len(line)-1] != '}' {
				continue
			}
			return nil, malformed
		}
		h := Head{Seq: n.Seq}
		text, ok := strings.CutPrefix(n.Hash, "sha256:")
		d, err := hex.DecodeString(text)
		if !ok || err != nil || len(d) != len(h.Hash) || n.Seq == 0 {
			return nil, malformed
		}
		h.Hash = audit.Digest(d)
		all = append(all, h)
	}
	if lines.Err() != nil {
		return nil, unavailable(lines.Err())
	}
	return all, nil
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if e := d.Close(); err == nil {
		err = e
	}
	return err
}

func unavailable(err error) error {
	return &concord.Fault{Op: "audit anchors", Kind: concord.Unavailable, Err: err}
}
