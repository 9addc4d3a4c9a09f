package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"concord/internal/app"
	"concord/internal/config"
)

// role is what a process of this program is: this command starts itself again for each program that it measures.
type role struct {
	Play     string   // "upstreams", "floor", "bytes", "naive" or "concord"
	From, To int      // upstreams: the numbers of the sources that it is
	Size     int      // upstreams: bytes of a searchset; bytes: of an answer
	Places   int      // upstreams: how many requests each works on at once; 0: any number
	Sources  []string // floor, naive: base URLs
	Config   string   // concord: its configuration
	Name     string   // concord: what its profile is called
	Procs    int      // concord: its processors; 0: all
}

const roleVariable = "CONCORD_BENCH_ROLE"

func (r role) env() (string, error) {
	text, err := json.Marshal(r)
	return roleVariable + "=" + string(text), err
}

// Play plays the role that the environment gives this process, until its input ends. It reports whether there was one.
func Play() (bool, error) {
	text := os.Getenv(roleVariable)
	if text == "" {
		return false, nil
	}
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return true, err
	}
	switch r.Play {
	case "upstreams":
		return true, playUpstreams(r)
	case "floor":
		return true, playHandlers([]http.Handler{floor(newUpstreams(r.Sources))}, "")
	case "bytes":
		return true, playHandlers([]http.Handler{written(r.Size)}, "")
	case "naive":
		return true, playHandlers([]http.Handler{naive(newUpstreams(r.Sources))}, "")
	case "concord":
		return true, playConcord(r)
	}
	return true, errors.New("no such role")
}

// playUpstreams serves each source on a port of its own; PUT /delay?ms= sets how long all of them wait.
func playUpstreams(r role) error {
	var all []http.Handler
	var delay atomic.Int64
	for s := r.From; s < r.To; s++ {
		ehr := upstream(s, r.Size, func() time.Duration { return time.Duration(delay.Load()) })
		if r.Places > 0 {
			ehr = crowded(ehr, r.Places)
		}
		all = append(all, http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method != http.MethodPut || q.URL.Path != "/fhir/delay" {
				ehr.ServeHTTP(w, q)
				return
			}
			ms, err := strconv.Atoi(q.URL.Query().Get("ms"))
			if err != nil {
				http.Error(w, "ms is a number", http.StatusBadRequest)
				return
			}
			delay.Store(int64(time.Duration(ms) * time.Millisecond))
		}))
	}
	return playHandlers(all, "/fhir")
}

// playHandlers serves each on a free port of loopback, and prints where.
func playHandlers(all []http.Handler, path string) error {
	urls := make([]string, 0, len(all))
	for _, h := range all {
		l, err := listen()
		if err != nil {
			return err
		}
		urls = append(urls, "http://"+l.Addr().String()+path)
		s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
		go func() { _ = s.Serve(l) }() // ends with the process
	}
	fmt.Println(strings.Join(urls, ","))
	untilTold()
	return nil
}

func listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// playConcord is the gateway as `concord serve` has it, on a free port.
func playConcord(r role) (err error) {
	if r.Procs > 0 {
		runtime.GOMAXPROCS(r.Procs)
	}
	cfg, err := config.Load(r.Config)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	a, err := app.New(ctx, cfg, io.Discard)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.Close()) }()
	public, err := listen()
	if err != nil {
		return err
	}
	admin, err := listen()
	if err != nil {
		return err
	}
	if name := os.Getenv("CONCORD_BENCH_PROFILE"); name != "" { // where its CPU goes
		f, err := os.Create(filepath.Clean(name + "." + r.Name)) //nolint:gosec // where the operator wants it
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer func() { pprof.StopCPUProfile(); err = errors.Join(err, f.Close()) }()
	}
	served := make(chan error, 1)
	go func() { served <- a.ServeOn(ctx, public, admin) }()
	fmt.Println("http://" + public.Addr().String())
	untilTold()
	stop()
	return <-served
}
