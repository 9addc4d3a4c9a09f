package audit

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"

	"concord"
)

const (
	minPseudonymKey = 16   // bytes, after blanks at the ends are taken off
	maxPseudonymKey = 4096 // bytes of a key file
)

// PseudonymKey reads the key of pseudonyms from the file at path: its bytes, less blanks at the ends. A file that does not
// exist is made, with 256 random bits in hex, so that pseudonyms never rest on a plain hash; keep it for as long as the
// trail, for another key means other pseudonyms, and keep it from those who read the trail. Its errors are *concord.Fault:
// Invalid for a key under 16 bytes, Unavailable when the file can't be read or made.
func PseudonymKey(path string) ([]byte, error) {
	b, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKey(path); err == nil {
			b, err = readKey(path)
		}
	}
	if err != nil {
		return nil, unavailable("audit key", err)
	}
	if b = bytes.TrimSpace(b); len(b) < minPseudonymKey || len(b) > maxPseudonymKey {
		return nil, invalid("audit key", "a pseudonym key has 16 to 4096 bytes")
	}
	return b, nil
}

func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // only read from
	return io.ReadAll(io.LimitReader(f, maxPseudonymKey+1))
}

// makeKey makes a key at path, whole or not at all; another process that makes one first wins.
func makeKey(path string) error {
	raw := make([]byte, sha256.Size)
	if _, err := rand.Read(raw); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // with the mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(append(hex.AppendEncode(nil, raw), '\n'))
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Link(f.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	return err
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

// Pseudonym stands for s in the trail: the same s gives the same pseudonym, and whoever lacks the key can't tell which s.
// Without a key it is a plain hash, which can be found by trying.
func Pseudonym(key []byte, s string) string {
	if len(key) == 0 {
		return DigestOf(s).String()
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte("concord.audit.pseudonym.v1\x00"))
	m.Write([]byte(s))
	return "hmac-sha256:" + hex.EncodeToString(m.Sum(nil))
}

// Pseudonymous is s with a pseudonym in place of every id of a person or a resource, and without the peer's address: for a
// sink that belongs to somebody who may not hold identifiers of 45 CFR 164.514(b)(2). Whoever has the key and the trail can
// tell which record is meant. It closes s.
func Pseudonymous(s Sink, key []byte) Sink {
	return &pseudonymous{Sink: s, key: append([]byte(nil), key...)}
}

type pseudonymous struct {
	Sink
	key []byte
}

func (p *pseudonymous) Append(ctx context.Context, e Event) error {
	replace := func(id *string) {
		if *id != "" {
			*id = Pseudonym(p.key, *id)
		}
	}
	replace(&e.PrincipalID)
	replace(&e.ResourceID)
	replace(&e.Person)
	if e.Link != nil {
		l := *e.Link
		replace(&l.Person)
		replace(&l.Patient)
		e.Link = &l
	}
	e.SourceIP = netip.Addr{}
	return p.Sink.Append(ctx, e)
}

func unavailable(op string, err error) error {
	return &concord.Fault{Op: op, Kind: concord.Unavailable, Err: err}
}
