package sqlstore

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"sync"

	"concord"
	"concord/mpi"
)

// noKey is the name of the digests of a store without a key.
const noKey = "clear"

// refBytes is how much of a digest is kept: enough that no two of all the world's patients have the same.
const refBytes = 16

// sealer encrypts and digests for one state of the store: which key its digests are made with.
type sealer struct {
	keys *Keys  // nil: none
	mac  string // the key of the digests, or noKey
	pool *sync.Pool
}

func newSealer(keys *Keys, mac string) *sealer {
	s := &sealer{keys: keys, mac: mac}
	s.pool = &sync.Pool{New: func() any {
		if mac == noKey {
			return sha256.New()
		}
		return hmac.New(sha256.New, keys.all[mac].mac)
	}}
	return s
}

// digest is of the parts, each with its length, so that no two lists of parts are one text.
func (s *sealer) digest(parts ...string) []byte {
	h := s.pool.Get().(hash.Hash)
	defer s.pool.Put(h)
	h.Reset()
	var b []byte
	for _, p := range parts {
		b = binary.AppendUvarint(b, uint64(len(p)))
		b = append(b, p...)
	}
	_, _ = h.Write(b) // a hash never fails
	return h.Sum(nil)
}

func (s *sealer) ref(r concord.PatientRef) []byte {
	return s.digest("ref", string(r.Source), r.Reveal())[:refBytes]
}

// half is the first half of a digest of a patient, as a number.
func half(ref []byte) int64 {
	return int64(binary.BigEndian.Uint64(ref))
}

// halves are the least and the greatest digest that have that first half.
func halves(half int64) (least, greatest []byte) {
	least = binary.BigEndian.AppendUint64(nil, uint64(half))
	return least, append(bytes.Clone(least), bytes.Repeat([]byte{0xff}, refBytes-len(least))...)
}

func (s *sealer) block(key uint64) int64 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], key)
	return int64(binary.LittleEndian.Uint64(s.digest("block", string(b[:]))))
}

func (s *sealer) pair(r mpi.Review) []byte {
	return s.digest("pair", string(r.A.Source), r.A.Reveal(), string(r.B.Source), r.B.Reveal(), r.Mark)[:refBytes]
}

func (s *sealer) standIn(a mpi.StandIn) []byte {
	return s.digest("stand-in", string(a.Source), a.ID)[:refBytes]
}

// proof tells the key of the digests from another one of that name.
func (s *sealer) proof() []byte { return s.digest("proof") }

// seal encrypts plain, bound to place, with the first key. keyID is "" when there is none, and plain is what it was.
func (s *sealer) seal(place string, plain []byte) (keyID string, sealed []byte) {
	if s.keys == nil {
		return "", plain
	}
	k := s.keys.all[s.keys.first]
	nonce := make([]byte, k.seal.NonceSize(), k.seal.NonceSize()+len(plain)+k.seal.Overhead())
	_, _ = rand.Read(nonce) // never fails: crypto/rand ends the program first
	return s.keys.first, k.seal.Seal(nonce, nonce, plain, []byte(place))
}

var (
	errNoKey  = errors.New("a row is encrypted with a key that is not at hand")
	errBroken = errors.New("a row is not as it was written")
)

// open is seal the other way round.
func (s *sealer) open(place, keyID string, sealed []byte) ([]byte, error) {
	if keyID == "" {
		return sealed, nil
	}
	if s.keys == nil {
		return nil, errNoKey
	}
	k, ok := s.keys.all[keyID]
	switch {
	case !ok:
		return nil, errNoKey
	case len(sealed) < k.seal.NonceSize():
		return nil, errBroken
	}
	n := k.seal.NonceSize()
	plain, err := k.seal.Open(nil, sealed[:n], sealed[n:], []byte(place))
	if err != nil {
		return nil, errBroken
	}
	return plain, nil
}
