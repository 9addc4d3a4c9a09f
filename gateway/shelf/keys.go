package shelf

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"concord"
)

// Keys seal what is put on a shelf that others can read, and name it. Gateways that share a shelf share them. They print as
// nothing; nil has no key, and neither seals nor opens.
type Keys struct {
	all []sealKey // the first seals and names; each opens
}

type sealKey struct {
	aead cipher.AEAD
	mac  []byte
	id   [keyIDBytes]byte
}

const (
	keyBytes    = 32
	keyIDBytes  = 4
	nonceBytes  = 12
	ownerBytes  = 16
	maxKeyFile  = 64 << 10
	sealVersion = 1
	headBytes   = 1 + keyIDBytes + ownerBytes + nonceBytes
)

// ErrOtherOwner is the cause of the Fault, Forbidden, for what was sealed for somebody else.
var ErrOtherOwner = errors.New("shelf: sealed for another owner")

// String keeps the keys from being printed.
func (*Keys) String() string { return "[keys]" }

// Format keeps every verb from showing them.
func (k *Keys) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// ReadKeys reads a key file: a line of base64 for each key, of 32 bytes; the first seals, each opens. Empty lines and those
// that begin with # are passed over. Its error is a *concord.Fault: Unavailable when the file can't be read, Invalid when
// it is no key file.
func ReadKeys(path string) (*Keys, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, &concord.Fault{Op: "shelf keys", Kind: concord.Unavailable, Err: err}
	}
	b, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, &concord.Fault{Op: "shelf keys", Kind: concord.Unavailable, Err: err}
	}
	return ParseKeys(b)
}

// ParseKeys makes Keys of what a key file holds. Its error is a *concord.Fault of Kind Invalid.
func ParseKeys(file []byte) (*Keys, error) {
	bad := &concord.Fault{Op: "shelf keys", Kind: concord.Invalid}
	if len(file) > maxKeyFile {
		return nil, bad
	}
	k := &Keys{}
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(raw) != keyBytes {
			return nil, bad
		}
		d, err := derive(raw)
		if err != nil {
			return nil, &concord.Fault{Op: "shelf keys", Kind: concord.Invalid, Err: err}
		}
		k.all = append(k.all, d)
	}
	if len(k.all) == 0 {
		return nil, bad
	}
	return k, nil
}

func derive(raw []byte) (k sealKey, err error) {
	part := func(what string, n int) []byte {
		b, e := hkdf.Key(sha256.New, raw, nil, "concord shelf "+what+" 1", n)
		err = errors.Join(err, e)
		return b
	}
	seal, id := part("seal", 32), part("id", keyIDBytes)
	k.mac = part("mac", 32)
	if err != nil {
		return k, err
	}
	copy(k.id[:], id)
	block, err := aes.NewCipher(seal)
	if err != nil {
		return k, err
	}
	k.aead, err = cipher.NewGCM(block)
	return k, err
}

// Names are those under which something may be kept: what sort of thing it is, in the clear, and a keyed hash of whose it
// is. The first is for new things; the others are those of the keys before.
func (k *Keys) Names(sort string, whose ...string) []string {
	out := make([]string, 0, len(k.all))
	for _, one := range k.all {
		out = append(out, "concord:"+sort+":"+base64.RawURLEncoding.EncodeToString(one.digest("name "+sort, whose)[:24]))
	}
	return out
}

func (k *sealKey) digest(what string, words []string) []byte {
	h := hmac.New(sha256.New, k.mac)
	var size [4]byte
	for _, w := range append([]string{what}, words...) {
		binary.BigEndian.PutUint32(size[:], uint32(len(w)))
		_, _ = h.Write(size[:]) // a hash never fails
		_, _ = h.Write([]byte(w))
	}
	return h.Sum(nil)
}

// Seal encrypts plain for an owner, bound to the sort of thing and the handle that it is found by: under another sort or
// handle, or for another owner, it does not open. Sealed and Open agree on the same words.
func (k *Keys) Seal(sort, handle string, owner []string, plain []byte) ([]byte, error) {
	if k == nil || len(k.all) == 0 {
		return nil, &concord.Fault{Op: "shelf seal", Kind: concord.Internal}
	}
	one := &k.all[0]
	out := make([]byte, headBytes, headBytes+len(plain)+one.aead.Overhead())
	out[0] = sealVersion
	copy(out[1:], one.id[:])
	copy(out[1+keyIDBytes:], one.digest("owner", owner)[:ownerBytes])
	nonce := out[headBytes-nonceBytes : headBytes]
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program first
	return one.aead.Seal(out, nonce, plain, one.bound(sort, handle, owner, out[:headBytes-nonceBytes])), nil
}

// bound is what is authenticated beside the content.
func (k *sealKey) bound(sort, handle string, owner []string, head []byte) []byte {
	return append(k.digest("bound "+sort, append([]string{handle}, owner...)), head...)
}

// Open is what was sealed. Its error is a *concord.Fault: Forbidden with the cause ErrOtherOwner for what is another
// owner's, and Malformed for what none of the keys sealed like that.
func (k *Keys) Open(sort, handle string, owner []string, sealed []byte) ([]byte, error) {
	bad := &concord.Fault{Op: "shelf open", Kind: concord.Malformed}
	if k == nil || len(sealed) < headBytes || sealed[0] != sealVersion {
		return nil, bad
	}
	for i := range k.all {
		one := &k.all[i]
		if !bytes.Equal(one.id[:], sealed[1:1+keyIDBytes]) {
			continue
		}
		if !hmac.Equal(one.digest("owner", owner)[:ownerBytes], sealed[1+keyIDBytes:headBytes-nonceBytes]) {
			return nil, &concord.Fault{Op: "shelf open", Kind: concord.Forbidden, Err: ErrOtherOwner}
		}
		plain, err := one.aead.Open(nil, sealed[headBytes-nonceBytes:headBytes], sealed[headBytes:], one.bound(sort, handle, owner, sealed[:headBytes-nonceBytes]))
		if err == nil {
			return plain, nil
		}
	}
	return nil, bad
}

// NewKeyLine is a new key, as a line of a key file.
func NewKeyLine() string {
	var raw [keyBytes]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program first
	return base64.StdEncoding.EncodeToString(raw[:]) + "\n"
}
