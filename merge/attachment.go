package merge

import (
	"crypto/sha1" //nolint:gosec // Attachment.hash is SHA-1 by definition
	"encoding/base64"
	"encoding/binary"
	"io"
	"strings"

	"concord/fhir"
)

// hashOf is a digest of the first attachment's bytes: of those that are there, or as the attachment states it; 0 when
// neither. Both are the same for the same bytes.
func hashOf(v fhir.Value) Key {
	for a := range v.Items() {
		if k := attachmentKey(a); k != 0 {
			return k
		}
	}
	return 0
}

func attachmentKey(a fhir.Value) Key {
	if data := a.Get("data"); data.IsString() && data.Text() != "" {
		return dataKey(data.Text())
	}
	h := strings.TrimSpace(a.Get("hash").Text())
	sum, err := base64.StdEncoding.DecodeString(h)
	if err != nil || len(sum) != sha1.Size {
		return 0
	}
	return sumKey(sum)
}

// dataKey is the digest of what base64 text holds; 0 when it is no such text, or is empty.
func dataKey(text string) Key {
	h := sha1.New() //nolint:gosec // Attachment.hash is SHA-1 by definition
	n, err := io.Copy(h, base64.NewDecoder(base64.StdEncoding, strings.NewReader(text)))
	if err != nil || n == 0 {
		return 0
	}
	return sumKey(h.Sum(nil))
}

func sumKey(sum []byte) Key { return Key(binary.BigEndian.Uint64(sum)) | 1 }
