package gateway

import (
	"context"
	"sync"
)

// bodies are the rooms of searchsets that were sent: clearing and collecting a new one for each costs more than filling
// it. A room is in one answer at a time, is filled from its beginning, and nothing behind what was filled is ever sent.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// mostKept is the size above which a room is left to the collector, so that one huge answer does not stay.
const mostKept = 16 << 20

// largeRoom is the size from which on a searchset is written only beside as few others as there are processors: more at
// a time would not be ready sooner, and each would hold its room for longer.
const largeRoom = 1 << 20

// turn waits until a searchset of that size may be written, which is at once for nearly all, and begun anyway when ctx
// ends. The returned function gives the turn to the next.
func (g *Gateway) turn(ctx context.Context, size int) (done func()) {
	if size < largeRoom {
		return func() {}
	}
	select {
	case g.writers <- struct{}{}:
		return func() { <-g.writers }
	case <-ctx.Done():
		return func() {}
	}
}

// lend is an empty slice with room for size bytes.
func lend(size int) []byte {
	room := bodies.Get().(*[]byte)
	if cap(*room) < size {
		return make([]byte, 0, size)
	}
	return (*room)[:0]
}

// giveBack takes a room back that nobody looks at any more.
func giveBack(b []byte) {
	if cap(b) <= mostKept {
		b = b[:0]
		bodies.Put(&b)
	}
}
