package connectors

import (
	"errors"
	"io"
)

// errTooLong is the cause of a fault whose body went over the limit.
var errTooLong = errors.New("the body is over the limit")

const (
	firstChunk = 32 << 10
	maxChunk   = 4 << 20
)

// readBody reads all of r, at most limit bytes. length is the Content-Length, or negative; it is believed only as far as
// it costs little, and what is read lies in one slice without much room behind it, since resources keep it.
func readBody(r io.Reader, length int64, limit int) ([]byte, error) {
	if length > int64(limit) {
		return nil, errTooLong
	}
	size := firstChunk
	if length >= 0 {
		size = int(min(length, maxChunk)) + 1 // one more, so that the end is seen without growing
	}
	var full [][]byte
	total := 0
	for {
		chunk := make([]byte, size)
		n, err := fill(r, chunk)
		if total += n; total > limit {
			return nil, errTooLong
		}
		if err == nil {
			full = append(full, chunk)
			size = min(total, maxChunk)
			continue
		}
		if !errors.Is(err, io.EOF) {
			return nil, err
		}
		if len(full) == 0 {
			return chunk[:n:n], nil
		}
		out := make([]byte, 0, total)
		for _, c := range full {
			out = append(out, c...)
		}
		return append(out, chunk[:n]...), nil
	}
}

// fill reads until b is full or r ends. Unlike io.ReadFull it keeps a clean end apart from a body that was cut off.
func fill(r io.Reader, b []byte) (int, error) {
	n := 0
	for n < len(b) {
		m, err := r.Read(b[n:])
		if n += m; err != nil {
			return n, err
		}
	}
	return n, nil
}
