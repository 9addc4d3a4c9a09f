package gateway

import (
	"testing"
	"time"
)

// TestRepeatsAreBounded: what is old, too large, too much, or of before something was written is not there.
func TestRepeatsAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	p := newRepeats(10 * time.Second)
	p.now = func() time.Time { return now }
	ask := func(n byte) question { return question{n, 1} }
	put := func(n byte, size, since int) {
		p.put(&repeated{of: ask(n), body: make([]byte, size), asked: now}, since)
	}
	has := func(n byte) bool { return p.get(ask(n)) != nil }

	put(1, 100, 0)
	if !has(1) || has(2) || p.bytes != 100 {
		t.Fatalf("%t %t, %d bytes", has(1), has(2), p.bytes)
	}
	put(1, 200, 0)
	if p.bytes != 200 || p.order.Len() != 1 {
		t.Errorf("%d bytes of %d answers, put twice", p.bytes, p.order.Len())
	}
	put(2, repeatsBytes/2+1, 0)
	if has(2) {
		t.Error("one that is too large is kept")
	}
	put(3, repeatsBytes/2, 0)
	has(1) // and so 3 is the longest unused
	put(4, repeatsBytes/2, 0)
	if has(3) || !has(1) || !has(4) || p.bytes > repeatsBytes {
		t.Errorf("%t %t %t, %d bytes", has(3), has(1), has(4), p.bytes)
	}
	now = now.Add(10*time.Second - 1)
	if !has(1) {
		t.Error("it is gone too early")
	}
	put(5, 100, 0)
	if now = now.Add(1); has(1) || has(4) || !has(5) {
		t.Errorf("%t %t %t after its time", has(1), has(4), has(5))
	}
	since := p.count()
	p.forget()
	if has(5) || p.bytes != 0 {
		t.Error("it is not forgotten")
	}
	if put(6, 100, since); has(6) {
		t.Error("an answer of before something was written is kept")
	}
	if put(6, 100, p.count()); !has(6) {
		t.Error("nothing is kept any more")
	}
	var none *repeats
	none.forget()
	if none.count() != 0 || newRepeats(0) != nil {
		t.Error("what keeps nothing does something")
	}
}
