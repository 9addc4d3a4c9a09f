package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// keeper is what HTTP/2 is to a stream that was reset: its Write comes back while what it was given is still read.
type keeper struct {
	http.ResponseWriter
	n    int
	err  error
	kept []byte
}

func (k *keeper) Write(b []byte) (int, error) {
	k.kept = b
	return min(k.n, len(b)), k.err
}

// TestRoomOfAnAnswerThatDidNotLeave: a room goes back only when all of it has left.
func TestRoomOfAnAnswerThatDidNotLeave(t *testing.T) {
	const size = 1 << 16
	for _, c := range []struct {
		name string
		w    keeper
	}{
		{"an error and nothing written", keeper{n: 0, err: errors.New("reset")}},
		{"an error and all of it written", keeper{n: size, err: errors.New("reset")}},
		{"a part", keeper{n: size / 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := &exchange{r: httptest.NewRequest(http.MethodGet, "/", nil)}
			a := &answer{body: append(lend(size), bytes.Repeat([]byte{'a'}, size)...), lent: true}
			w := &c.w
			w.ResponseWriter = httptest.NewRecorder()
			x.send(w, a)
			if a.body != nil {
				t.Error("the answer still has its body")
			}
			for range 64 { // whoever comes next writes into its own
				other := lend(size)
				for i := range other[:size] {
					other[:size][i] = 'b'
				}
			}
			if bytes.IndexByte(w.kept, 'b') >= 0 {
				t.Error("what may still be read was written over")
			}
		})
	}
}

// TestRoomsOverHTTP2: many answers at once over connections that are one for all, a half of them given up midway, small
// windows included. Nobody reads another's, and the race detector sees no room used twice.
func TestRoomsOverHTTP2(t *testing.T) {
	const size = 300 << 10
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := strconv.Atoi(r.URL.Query().Get("n"))
		b := lend(size)[:size]
		for i := range b {
			b[i] = byte(n)
		}
		(&exchange{r: r}).send(w, &answer{body: b, lent: true})
	}))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	client := s.Client()
	client.Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10, MaxReceiveBufferPerConnection: 1 << 20} //nolint:forcetypeassert // httptest's
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 12 {
				n := (i*12 + j) % 251
				ctx, cancel := context.WithCancel(t.Context())
				req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/?n="+strconv.Itoa(n), nil)
				if err != nil {
					t.Error(err)
				}
				res, err := client.Do(req)
				if err != nil {
					t.Error(err)
					cancel()
					return
				}
				if res.ProtoMajor != 2 {
					t.Error(res.Proto)
				}
				var got []byte
				if (i+j)%2 == 0 {
					got, err = io.ReadAll(io.LimitReader(res.Body, int64(1+j*997)))
				} else if got, err = io.ReadAll(res.Body); len(got) != size {
					t.Errorf("%d bytes", len(got))
				}
				if err != nil {
					t.Error(err)
				}
				cancel()
				_ = res.Body.Close()
				for _, b := range got {
					if b != byte(n) {
						t.Errorf("answer %d holds %d", n, b)
						break
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestTurns: large searchsets wait for each other, small ones for nobody, and whose time is over no longer.
func TestTurns(t *testing.T) {
	g := &Gateway{writers: make(chan struct{}, 1)}
	first := g.turn(t.Context(), largeRoom)
	g.turn(t.Context(), largeRoom-1)()
	late, cancel := context.WithCancel(t.Context())
	cancel()
	g.turn(late, largeRoom)()
	got := make(chan struct{})
	go func() {
		defer close(got)
		g.turn(context.Background(), largeRoom)()
	}()
	select {
	case <-got:
		t.Error("two at a time")
	default:
	}
	first()
	<-got
	if len(g.writers) != 0 {
		t.Error("a turn is not given back")
	}
}
