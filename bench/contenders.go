package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"
)

// upstreams fetches a person's searchsets from all sources at once.
type upstreams struct {
	client  *http.Client
	sources []string
}

func newUpstreams(sources []string) upstreams {
	return upstreams{sources: sources, client: newClient()}
}

// newClient keeps as many connections as the most clients need.
func newClient() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute, DisableCompression: true}}
}

// each fetches from every source at once and hands each answer to take, which may be called from several goroutines.
func (u upstreams) each(ctx context.Context, patient string, take func(i int, a *http.Response) error) error {
	var g errgroup.Group
	for i, s := range u.sources {
		g.Go(func() error {
			q, err := http.NewRequestWithContext(ctx, http.MethodGet, s+"/Observation?patient="+patient, nil) //nolint:gosec // the sources are this program's own
			if err != nil {
				return err
			}
			a, err := u.client.Do(q) //nolint:gosec // as above
			if err != nil {
				return err
			}
			if a.StatusCode != http.StatusOK {
				return errors.Join(fmt.Errorf("an upstream answered HTTP %d", a.StatusCode), a.Body.Close())
			}
			return take(i, a)
		})
	}
	return g.Wait()
}

// floor streams the sources' bodies to the client, one behind the other, without a look at them: what any gateway must do.
func floor(u upstreams) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers := make([]*http.Response, len(u.sources))
		err := u.each(r.Context(), r.URL.Query().Get("patient"), func(i int, a *http.Response) error {
			answers[i] = a
			return nil
		})
		for _, a := range answers {
			if a == nil {
				continue
			}
			if err == nil {
				_, _ = io.Copy(w, a.Body)
			}
			_ = a.Body.Close()
		}
		if err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
		}
	})
}

// written writes that many bytes, which are the same for everybody: what giving an answer again must cost.
func written(size int) http.Handler {
	body := bytes.Repeat([]byte{' '}, size)
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/fhir+json")
		w.Header().Set("Content-Length", strconv.Itoa(size))
		_, _ = w.Write(body)
	})
}

// naive is what one writes in an afternoon: decode each searchset into maps, drop what has the same code and time as
// something before, encode the rest. It knows no token, no scope, no mark and no trail, and it changes numbers (4.10 becomes 4.1).
func naive(u upstreams) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bundles := make([]map[string]any, len(u.sources))
		err := u.each(r.Context(), r.URL.Query().Get("patient"), func(i int, a *http.Response) error {
			err := json.NewDecoder(a.Body).Decode(&bundles[i])
			return errors.Join(err, a.Body.Close())
		})
		if err != nil {
			http.Error(w, "upstream", http.StatusBadGateway)
			return
		}
		seen := map[string]bool{}
		entries := []any{}
		for _, b := range bundles {
			list, _ := b["entry"].([]any)
			for _, e := range list {
				entry, _ := e.(map[string]any)
				res, _ := entry["resource"].(map[string]any)
				key := loinc(res) + fmt.Sprint(" ", res["effectiveDateTime"])
				if !seen[key] {
					seen[key] = true
					entries = append(entries, e)
				}
			}
		}
		w.Header().Set("Content-Type", "application/fhir+json")
		_ = json.NewEncoder(w).Encode(map[string]any{"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries})
	})
}

// loinc is a resource's code of that system.
func loinc(res map[string]any) string {
	code, _ := res["code"].(map[string]any)
	codings, _ := code["coding"].([]any)
	for _, c := range codings {
		if c, _ := c.(map[string]any); c["system"] == "http://loinc.org" {
			return fmt.Sprint(c["code"])
		}
	}
	return ""
}
