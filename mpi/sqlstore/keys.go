package sqlstore

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"concord"
)

// Keys are what a store encrypts with. They print as nothing. The zero value and nil have no key.
type Keys struct {
	first string
	all   map[string]key
}

// key is what is derived of a line of a key file.
type key struct {
	seal cipher.AEAD
	mac  []byte
}

// String keeps the keys from being printed.
func (*Keys) String() string { return "[keys]" }

// Format keeps every verb from showing them.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// keyBytes is how long a key is.
const keyBytes = 32

// maxKeyFile bounds what is read of a key file.
const maxKeyFile = 64 << 10

// ReadKeys reads a key file. Its error is a *concord.Fault: NotFound when there is none, Invalid for what is no key file,
// and Unavailable when it can't be read.
func ReadKeys(path string) (*Keys, error) {
	f, err := os.Open(filepath.Clean(path))
	if errors.Is(err, os.ErrNotExist) {
		return nil, &concord.Fault{Op: "mpi keys", Kind: concord.NotFound, Err: err}
	}
	if err != nil {
		return nil, &concord.Fault{Op: "mpi keys", Kind: concord.Unavailable, Err: err}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, &concord.Fault{Op: "mpi keys", Kind: concord.Unavailable, Err: err}
	}
	return ParseKeys(b)
}

// ParseKeys makes Keys of what a key file holds. Its error is a *concord.Fault of Kind Invalid.
func ParseKeys(file []byte) (*Keys, error) {
	bad := &concord.Fault{Op: "mpi keys", Kind: concord.Invalid}
	if len(file) > maxKeyFile {
		return nil, bad
	}
	k := &Keys{all: map[string]key{}}
	lines := bufio.NewScanner(bytes.NewReader(file))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, text, ok := strings.Cut(line, " ")
		raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if _, twice := k.all[name]; !ok || err != nil || len(raw) != keyBytes || !isKeyName(name) || twice {
			return nil, bad
		}
		if k.all[name], err = derive(raw); err != nil {
			return nil, &concord.Fault{Op: "mpi keys", Kind: concord.Invalid, Err: err}
		}
		if k.first == "" {
			k.first = name
		}
	}
	if lines.Err() != nil || k.first == "" {
		return nil, bad
	}
	return k, nil
}

// isKeyName tells whether s is a key's name: a letter, and letters, digits and hyphens.
func isKeyName(s string) bool {
	if len(s) == 0 || len(s) > 32 || s == noKey {
		return false
	}
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-') {
			return false
		}
	}
	return true
}

// derive makes two keys of one, for what is done with it.
func derive(raw []byte) (key, error) {
	seal, err := hkdf.Key(sha256.New, raw, nil, "concord mpi seal 1", 32)
	if err != nil {
		return key{}, err
	}
	mac, err := hkdf.Key(sha256.New, raw, nil, "concord mpi digest 1", 32)
	if err != nil {
		return key{}, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return key{}, err
	}
	aead, err := cipher.NewGCM(block)
	return key{seal: aead, mac: mac}, err
}

// MakeKeyFile makes a key file with one new key, readable for its owner only; it leaves one that is there. Its folder must
// be there. Its error is a *concord.Fault of Kind Unavailable.
func MakeKeyFile(path string) error {
	var raw [keyBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program first
	text := "# Keys of the master patient index. Whoever loses them loses the index; keep a copy where the index is not.\n" +
		"k1 " + base64.StdEncoding.EncodeToString(raw[:]) + "\n"
	// Whole or not at all, and one of several who make it at once wins: it is written aside, and linked to its name.
	aside, err := os.CreateTemp(filepath.Dir(path), ".key-*")
	if err != nil {
		return &concord.Fault{Op: "mpi keys", Kind: concord.Unavailable, Err: err}
	}
	_, err = aside.WriteString(text)
	err = errors.Join(err, aside.Chmod(0o600), aside.Sync(), aside.Close())
	if err == nil {
		if err = os.Link(aside.Name(), path); errors.Is(err, os.ErrExist) {
			err = nil
		}
	}
	if err = errors.Join(err, os.Remove(aside.Name())); err != nil {
		return &concord.Fault{Op: "mpi keys", Kind: concord.Unavailable, Err: err}
	}
	return nil
}
