package gateway

import "sync"

// bodies are the rooms of searchsets that were sent: clearing and collecting a new one for each costs more than filling
// it. A room is in one answer at a time, is filled from its beginning, and nothing behind what was filled is ever sent.
var bodies = sync.Pool{New: func() any { return new([]byte) }}

// mostKept is the size above which a room is left to the collector, so that one huge answer does not stay.
const mostKept = 16 << 20

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
