package connectors

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"concord"
)

var errTokenFile = errors.New("the token file can't be read, or holds no token")

// BearerFile is the TokenSource of a file that something else keeps fresh. It is read anew when it has changed.
type BearerFile struct {
	source concord.SourceID
	path   string

	mu       sync.Mutex
	token    string
	modified time.Time
	size     int64
}

var _ TokenSource = (*BearerFile)(nil)

// NewBearerFile gives the tokens of the file at path, white space around them left away. The file need not be there yet.
func NewBearerFile(source concord.SourceID, path string) *BearerFile {
	return &BearerFile{source: source, path: path}
}

// Token is what the file holds now. The fault is Unauthorized when it can't be read or holds no token.
func (b *BearerFile) Token(context.Context) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.load(); err != nil {
		return "", &concord.Fault{Op: opToken, Kind: concord.Unauthorized, Source: b.source, Err: errTokenFile}
	}
	return b.token, nil
}

func (b *BearerFile) load() error {
	info, err := os.Stat(b.path)
	if err != nil {
		return err
	}
	if b.token != "" && info.ModTime().Equal(b.modified) && info.Size() == b.size {
		return nil
	}
	f, err := os.Open(b.path) // #nosec G304 -- the operator names it
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	raw, err := io.ReadAll(io.LimitReader(f, maxTokenBody))
	if err != nil {
		return err
	}
	token := strings.TrimSpace(string(raw))
	if !bearer(token) {
		return errTokenFile
	}
	b.token, b.modified, b.size = token, info.ModTime(), info.Size()
	return nil
}

// Refused has the file read again, in case its time and size have not changed with it.
func (b *BearerFile) Refused(token string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.token == token {
		b.token = ""
	}
}
