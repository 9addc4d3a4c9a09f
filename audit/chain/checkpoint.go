package chain

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"

	"concord"
	"concord/audit"
)

const checkpointTag = "concord.audit.checkpoint.v1\x00"

// checkpointText is what is signed.
func checkpointText(c *audit.Checkpoint) []byte {
	b := []byte(checkpointTag)
	b = binary.BigEndian.AppendUint64(b, c.HeadSeq)
	b = append(b, c.Head[:]...)
	return binary.BigEndian.AppendUint64(b, uint64(c.Every)) // #nosec G115 -- positive
}

// newCheckpoint states at, signed when there is a key.
func newCheckpoint(at Head, every int, key ed25519.PrivateKey) *audit.Checkpoint {
	c := &audit.Checkpoint{HeadSeq: at.Seq, Head: at.Hash, Every: every}
	if pub, ok := publicKey(key); ok {
		c.KeyID = keyID(pub)
		c.Signature = ed25519.Sign(key, checkpointText(c))
	}
	return c
}

func publicKey(key ed25519.PrivateKey) (ed25519.PublicKey, bool) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, false
	}
	pub, ok := key.Public().(ed25519.PublicKey)
	return pub, ok
}

// keyID names a public key in a checkpoint; it is a hint, and proves nothing.
func keyID(pub ed25519.PublicKey) string {
	d := sha256.Sum256(pub)
	return hex.EncodeToString(d[:8])
}

// readCheckpoint is the checkpoint that p carries. It is nil and NoFlaw when p is a record of another type, and its flaw
// is FlawCheckpoint when it does not state the place that it stands at.
func readCheckpoint(p parsed) (*audit.Checkpoint, Flaw) {
	if !bytes.HasPrefix(p.record, []byte(`{"event_type":"audit.checkpoint"`)) {
		return nil, NoFlaw
	}
	var r struct {
		Checkpoint struct {
			HeadSeq   uint64 `json:"head_seq"`
			Head      string `json:"head"`
			Every     int    `json:"every"`
			KeyID     string `json:"key_id"`
			Signature []byte `json:"signature"`
		} `json:"checkpoint"`
	}
	if json.Unmarshal(append(bytes.Clone(p.record), '}'), &r) != nil {
		return nil, FlawCheckpoint
	}
	c := &audit.Checkpoint{HeadSeq: r.Checkpoint.HeadSeq, Head: p.prev, Every: r.Checkpoint.Every,
		KeyID: r.Checkpoint.KeyID, Signature: r.Checkpoint.Signature}
	if c.HeadSeq != p.seq-1 || r.Checkpoint.Head != p.prev.String() || c.Every < 1 {
		return nil, FlawCheckpoint
	}
	return c, NoFlaw
}

// signedBy tells whether one of keys signed c.
func signedBy(c *audit.Checkpoint, keys []ed25519.PublicKey) bool {
	for _, k := range keys {
		if len(k) == ed25519.PublicKeySize && ed25519.Verify(k, checkpointText(c), c.Signature) {
			return true
		}
	}
	return false
}

// ParsePrivateKey reads the key that signs checkpoints from a PKCS #8 PEM block, as `openssl genpkey -algorithm ed25519`
// makes it. Anything else is Invalid.
func ParsePrivateKey(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || strings.Contains(block.Type, "PUBLIC") {
		return nil, invalid(errors.New("not a private key in PEM"))
	}
	k, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, invalid(err)
	}
	key, ok := k.(ed25519.PrivateKey)
	if !ok {
		return nil, invalid(errors.New("not an Ed25519 key"))
	}
	return key, nil
}

// ParsePublicKey reads the key that checks checkpoints from a PKIX PEM block, as `openssl pkey -pubout` makes it. Anything
// else is Invalid.
func ParsePublicKey(text []byte) (ed25519.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || !strings.Contains(block.Type, "PUBLIC") {
		return nil, invalid(errors.New("not a public key in PEM"))
	}
	k, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, invalid(err)
	}
	key, ok := k.(ed25519.PublicKey)
	if !ok {
		return nil, invalid(errors.New("not an Ed25519 key"))
	}
	return key, nil
}

func invalid(err error) error {
	return &concord.Fault{Op: "audit key", Kind: concord.Invalid, Err: err}
}
