package filesink_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"concord"
	"concord/audit/chain"
	"concord/audit/filesink"
)

// trailOf makes a trail of three segments or more, and returns its directory and its files' texts.
func trailOf(t *testing.T, o filesink.Options) (string, []string) {
	t.Helper()
	dir := t.TempDir()
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 4000
	}
	s := open(t, dir, o)
	put(t, s, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l")
	shut(t, s)
	var texts []string
	for _, f := range files(t, dir) {
		texts = append(texts, string(text(t, f)))
	}
	if len(texts) < 3 {
		t.Fatalf("%d segments", len(texts))
	}
	return dir, texts
}

func TestVerifyTampering(t *testing.T) {
	dir, texts := trailOf(t, filesink.Options{})
	names := files(t, dir)
	line := func(s string) []string { return strings.SplitAfter(strings.TrimSuffix(s, "\n"), "\n") }
	first := line(texts[0])
	base := func(i int) string { return filepath.Base(names[i]) }
	n0 := uint64(len(first)) // records in the first segment
	n1 := uint64(strings.Count(texts[1], "\n"))
	edit := func(i int, s string) func() error {
		return func() error { return os.WriteFile(names[i], []byte(s), 0o600) }
	}
	swap := slices.Clone(first)
	swap[2], swap[3] = swap[3]+"\n", strings.TrimSuffix(swap[2], "\n")
	for _, c := range []struct {
		name   string
		tamper func() error
		want   chain.Break
	}{
		{"a character changed", edit(0, strings.Replace(texts[0], `"GET"`, `"PUT"`, 1)), chain.Break{File: base(0), Line: 3, Seq: 3, Flaw: chain.FlawHash}},
		{"a blank added", edit(0, strings.Replace(texts[0], `,"tenant_id"`, `, "tenant_id"`, 1)), chain.Break{File: base(0), Line: 3, Seq: 3, Flaw: chain.FlawHash}},
		{"a record dropped", edit(0, strings.Join(slices.Delete(slices.Clone(first), 2, 3), "")+"\n"), chain.Break{File: base(0), Line: 3, Seq: 3, Flaw: chain.FlawSequence}},
		{"two records swapped", edit(0, strings.Join(swap, "")+"\n"), chain.Break{File: base(0), Line: 3, Seq: 3, Flaw: chain.FlawSequence}},
		{"a record repeated", edit(0, strings.Join(slices.Insert(slices.Clone(first), 3, first[2]), "")+"\n"), chain.Break{File: base(0), Line: 4, Seq: 4, Flaw: chain.FlawSequence}},
		{"a record inserted with a hash of its own", edit(0, strings.Join(slices.Insert(slices.Clone(first), 3, forge(t, first[2], 4)), "")+"\n"), chain.Break{File: base(0), Line: 5, Seq: 5, Flaw: chain.FlawSequence}},
		{"a record replaced and hashed anew", edit(0, strings.Join(slices.Replace(slices.Clone(first), 3, 4, forge(t, first[2], 4)), "")+"\n"), chain.Break{File: base(0), Line: 5, Seq: 5, Flaw: chain.FlawPrevious}},
		{"a hash in capitals", edit(0, upper(texts[0], 3)), chain.Break{File: base(0), Line: 3, Seq: 3, Flaw: chain.FlawForm}},
		{"a line that is no record", edit(0, texts[0]+"{}\n"), chain.Break{File: base(0), Line: int(n0) + 1, Seq: n0 + 1, Flaw: chain.FlawForm}},
		{"an empty line", edit(1, "\n"+texts[1]), chain.Break{File: base(1), Line: 1, Seq: n0 + 1, Flaw: chain.FlawForm}},
		{"the tail of a middle segment cut", edit(1, strings.Join(line(texts[1])[:n1-1], "")), chain.Break{File: base(2), Line: 1, Seq: n0 + n1, Flaw: chain.FlawSegment}},
		{"half a line at the end of a middle segment", edit(1, texts[1][:len(texts[1])-9]), chain.Break{File: base(1), Line: int(n1), Seq: n0 + n1, Flaw: chain.FlawTail}},
		{"a middle segment removed", func() error { return os.Remove(names[1]) }, chain.Break{File: base(2), Line: 1, Seq: n0 + 1, Flaw: chain.FlawSegment}},
		{"the first segment removed", func() error { return os.Remove(names[0]) }, chain.Break{File: base(1), Line: 1, Seq: 1, Flaw: chain.FlawStart}},
		{"two segments swapped", func() error {
			return errors.Join(edit(0, texts[1])(), edit(1, texts[0])())
		}, chain.Break{File: base(0), Line: 1, Seq: 1, Flaw: chain.FlawSequence}},
		{"a segment emptied", edit(1, ""), chain.Break{File: base(2), Line: 1, Seq: n0 + 1, Flaw: chain.FlawSegment}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				for i, n := range names {
					if err := os.WriteFile(n, []byte(texts[i]), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}()
			if err := c.tamper(); err != nil {
				t.Fatal(err)
			}
			r := verify(t, dir, chain.VerifyOptions{})
			if d := cmp.Diff(&c.want, r.Break); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	wantWhole(t, dir)
}

// forge is the line of a record with number seq, whose hash holds for the hash before it that like gives.
func forge(t *testing.T, like string, seq byte) string {
	t.Helper()
	i := strings.LastIndex(like, `,"prev":"`)
	record := like[:strings.LastIndex(like, `,"seq":`)] + `,"seq":` + string('0'+seq)
	prev, err := hex.DecodeString(like[i+9 : i+9+64])
	if err != nil {
		t.Fatal(err)
	}
	h := sha256.Sum256(slices.Concat([]byte("concord.audit.record.v1\x00"), prev, []byte(record)))
	if seq == 4 { // follows record 3, whose hash is at its line's end
		j := strings.LastIndex(like, `"hash":"`)
		prev, err = hex.DecodeString(like[j+8 : j+8+64])
		if err != nil {
			t.Fatal(err)
		}
		h = sha256.Sum256(slices.Concat([]byte("concord.audit.record.v1\x00"), prev, []byte(record)))
	}
	return record + `,"prev":"` + hex.EncodeToString(prev) + `","hash":"` + hex.EncodeToString(h[:]) + "\"}\n"
}

// upper spells the hash of line n in capitals.
func upper(s string, n int) string {
	lines := strings.SplitAfter(s, "\n")
	i := strings.LastIndex(lines[n-1], `"hash":"`) + 8
	lines[n-1] = lines[n-1][:i] + strings.ToUpper(lines[n-1][i:i+64]) + lines[n-1][i+64:]
	return strings.Join(lines, "")
}

// TestVerifyAnyByte is a property: no byte of the trail can be changed, removed or doubled unseen, but for the last line's
// end, without which that line is torn.
func TestVerifyAnyByte(t *testing.T) {
	dir, texts := trailOf(t, filesink.Options{})
	names := files(t, dir)
	head := wantWhole(t, dir).Head
	rapid.Check(t, func(t *rapid.T) {
		f := rapid.IntRange(0, len(texts)-1).Draw(t, "file")
		b := []byte(texts[f])
		i := rapid.IntRange(0, len(b)-1).Draw(t, "at")
		switch rapid.SampledFrom([]string{"change", "remove", "double"}).Draw(t, "how") {
		case "change":
			b[i] ^= rapid.ByteRange(1, 255).Draw(t, "by")
		case "remove":
			b = slices.Delete(b, i, i+1)
		case "double":
			b = slices.Insert(b, i, b[i])
		}
		if err := os.WriteFile(names[f], b, 0o600); err != nil {
			t.Fatalf("%v", err)
		}
		r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{head}})
		if err := os.WriteFile(names[f], []byte(texts[f]), 0o600); err != nil {
			t.Fatalf("%v", err)
		}
		if r.Whole() {
			t.Errorf("whole: %+v", r)
		}
	})
}

// TestVerifyCutTail: a tail cut off at a record's end shows only against a head noted elsewhere.
func TestVerifyCutTail(t *testing.T) {
	dir, texts := trailOf(t, filesink.Options{})
	names := files(t, dir)
	full := wantWhole(t, dir)
	lines := strings.SplitAfter(texts[0], "\n")
	for _, n := range names[1:] {
		if err := os.Remove(n); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(names[0], []byte(strings.Join(lines[:3], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	short := wantWhole(t, dir)
	if short.Records != 3 {
		t.Errorf("%+v", short)
	}
	got := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{short.Head, full.Head}}).Break
	want := &chain.Break{File: filepath.Base(names[0]), Line: 4, Seq: 4, Flaw: chain.FlawCut}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestVerifyAnchors(t *testing.T) {
	dir, texts := trailOf(t, filesink.Options{})
	names := files(t, dir)
	n0 := uint64(strings.Count(texts[0], "\n"))
	i := strings.LastIndex(texts[0], `"hash":"`) + 8
	end := chain.Head{Seq: n0}
	if _, err := hex.Decode(end.Hash[:], []byte(texts[0][i:i+64])); err != nil {
		t.Fatal(err)
	}
	other := chain.Head{Seq: n0}
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{end}}); !r.Whole() {
		t.Errorf("a true anchor: %v", r.Break)
	}
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{other}}); r.Whole() || r.Break.Seq != n0 || r.Break.Flaw != chain.FlawAnchor {
		t.Errorf("a false anchor: %v", r.Break)
	}
	if _, err := filesink.Verify(t.Context(), dir, chain.VerifyOptions{Anchors: []chain.Head{end, other}}); !errors.Is(err, concord.Invalid) {
		t.Errorf("anchors that contradict each other: %v", err)
	}
	if err := os.Remove(names[0]); err != nil { // retention
		t.Fatal(err)
	}
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{end}}); !r.Whole() || r.First != n0+1 {
		t.Errorf("removed by retention, with its end noted: %+v", r)
	}
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{other}}); r.Whole() || r.Break.Flaw != chain.FlawPrevious {
		t.Errorf("removed by retention, with another end noted: %+v", r.Break)
	}
	s := open(t, dir, filesink.Options{}) // and the writer goes on without it
	put(t, s, "z")
	shut(t, s)
	if r := verify(t, dir, chain.VerifyOptions{Anchors: []chain.Head{end}}); !r.Whole() {
		t.Errorf("gone on after retention: %v", r.Break)
	}
}

func newKey(t *testing.T) (ed25519.PublicKey, ed25519.PrivateKey) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pub, key
}

func TestVerifySignatures(t *testing.T) {
	pub, key := newKey(t)
	stranger, _ := newKey(t)
	o := filesink.Options{Key: key, CheckpointEvery: 4}
	signed, _ := trailOf(t, o)
	unsigned, _ := trailOf(t, filesink.Options{CheckpointEvery: 4})

	later, _ := trailOf(t, filesink.Options{CheckpointEvery: 4}) // signing began later
	s := open(t, later, o)
	put(t, s, "x", "y")
	shut(t, s)

	stopped, _ := trailOf(t, o) // and ended
	shut(t, open(t, stopped, filesink.Options{}))

	for _, c := range []struct {
		name string
		dir  string
		keys []ed25519.PublicKey
		want chain.Flaw
	}{
		{"signed", signed, []ed25519.PublicKey{pub}, chain.NoFlaw},
		{"signed by one of two", signed, []ed25519.PublicKey{stranger, pub}, chain.NoFlaw},
		{"signed by another", signed, []ed25519.PublicKey{stranger}, chain.FlawUnsigned},
		{"signed, nobody asks", signed, nil, chain.NoFlaw},
		{"unsigned", unsigned, []ed25519.PublicKey{pub}, chain.FlawUnsigned},
		{"signing began later", later, []ed25519.PublicKey{pub}, chain.NoFlaw},
		{"signing stopped", stopped, []ed25519.PublicKey{pub}, chain.FlawSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := verify(t, c.dir, chain.VerifyOptions{Keys: c.keys})
			switch {
			case c.want == chain.NoFlaw && !r.Whole():
				t.Errorf("broken: %v", r.Break)
			case c.want != chain.NoFlaw && (r.Whole() || r.Break.Flaw != c.want):
				t.Errorf("%v, want %q", r.Break, c.want)
			case c.want == chain.NoFlaw && c.keys != nil && r.SignedTo != r.Head.Seq-1: // Close wrote a checkpoint
				t.Errorf("signed to %d of %d", r.SignedTo, r.Head.Seq)
			}
		})
	}
}

// TestVerifyRewritten: someone without the key rewrites the end of the trail with a chain of its own, and leaves the
// checkpoints out.
func TestVerifyRewritten(t *testing.T) {
	pub, key := newKey(t)
	dir := t.TempDir()
	o := filesink.Options{Key: key, CheckpointEvery: 4}
	s := open(t, dir, o)
	put(t, s, "a")
	shut(t, s)
	o.Key = nil
	o.CheckpointEvery = 1 << 20
	name := files(t, dir)[0]
	b := bytes.SplitAfter(text(t, name), []byte("\n"))
	if err := os.WriteFile(name, bytes.Join(b[:1], nil), 0o600); err != nil { // its signed checkpoint stays
		t.Fatal(err)
	}
	for _, id := range []string{"f1", "f2", "f3", "f4", "f5"} {
		b := text(t, name)
		if err := os.WriteFile(name, append(b, next(t, b, id)...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantWhole(t, dir) // the chain alone does not tell
	r := verify(t, dir, chain.VerifyOptions{Keys: []ed25519.PublicKey{pub}})
	if r.Whole() || r.Break.Flaw != chain.FlawUnsigned || r.Break.Seq != 6 {
		t.Errorf("%v, want record 6 to be one too many without a checkpoint", r.Break)
	}
}

// next is a forged line that follows the trail b.
func next(t *testing.T, b []byte, id string) string {
	t.Helper()
	s := string(b)
	i := strings.LastIndex(s, `"hash":"`) + 8
	prev, err := hex.DecodeString(s[i : i+64])
	if err != nil {
		t.Fatal(err)
	}
	record := `{"event_type":"fhir.api.access","request_id":"` + id + `","seq":` + string(rune('1'+strings.Count(s, "\n")))
	h := sha256.Sum256(slices.Concat([]byte("concord.audit.record.v1\x00"), prev, []byte(record)))
	return record + `,"prev":"` + hex.EncodeToString(prev) + `","hash":"` + hex.EncodeToString(h[:]) + "\"}\n"
}

func TestVerifyTrouble(t *testing.T) {
	dir, _ := trailOf(t, filesink.Options{})
	if _, err := filesink.Verify(t.Context(), filepath.Join(dir, "none"), chain.VerifyOptions{}); !errors.Is(err, concord.NotFound) {
		t.Errorf("no directory: %v", err)
	}
	if _, err := filesink.Verify(t.Context(), t.TempDir(), chain.VerifyOptions{}); !errors.Is(err, concord.NotFound) {
		t.Errorf("no segment: %v", err)
	}
	if _, err := filesink.Verify(t.Context(), files(t, dir)[0], chain.VerifyOptions{}); !errors.Is(err, concord.Unavailable) {
		t.Errorf("a file: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := filesink.Verify(gone, dir, chain.VerifyOptions{}); !errors.Is(err, concord.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func TestVerifyTellsProgress(t *testing.T) {
	dir, texts := trailOf(t, filesink.Options{})
	var last, total int64
	verify(t, dir, chain.VerifyOptions{Progress: func(done, of int64) { last, total = done, of }})
	if want := int64(len(strings.Join(texts, ""))); last != want || total != want {
		t.Errorf("%d of %d, want %d", last, total, want)
	}
}

// TestVerifyWhileWriting: a trail that grows is not a broken one.
func TestVerifyWhileWriting(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, filesink.Options{SegmentBytes: 20_000, CheckpointEvery: 5})
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 60 {
				put(t, s, "x")
			}
		})
	}
	go func() {
		defer close(done)
		wg.Wait()
	}()
	for going := true; going; {
		select {
		case <-done:
			going = false
		default:
		}
		wantWhole(t, dir)
	}
	shut(t, s)
	wantWhole(t, dir)
}

func TestKeys(t *testing.T) {
	pub, key := newKey(t)
	block := func(typ string, v any, f func(any) ([]byte, error)) []byte {
		der, err := f(v)
		if err != nil {
			t.Fatal(err)
		}
		return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
	}
	private := block("PRIVATE KEY", key, x509.MarshalPKCS8PrivateKey)
	public := block("PUBLIC KEY", pub, x509.MarshalPKIXPublicKey)
	if k, err := chain.ParsePrivateKey(private); err != nil || !k.Equal(key) {
		t.Errorf("private: %v", err)
	}
	if k, err := chain.ParsePublicKey(public); err != nil || !k.Equal(pub) {
		t.Errorf("public: %v", err)
	}
	for name, text := range map[string][]byte{"nothing": nil, "no PEM": []byte("x"), "the other": public, "junk": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})} {
		if _, err := chain.ParsePrivateKey(text); !errors.Is(err, concord.Invalid) {
			t.Errorf("private from %s: %v", name, err)
		}
	}
	for name, text := range map[string][]byte{"nothing": nil, "the other": private, "junk": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})} {
		if _, err := chain.ParsePublicKey(text); !errors.Is(err, concord.Invalid) {
			t.Errorf("public from %s: %v", name, err)
		}
	}
}
