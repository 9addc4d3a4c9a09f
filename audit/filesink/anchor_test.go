package filesink_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"concord/audit/chain"
	"concord/audit/filesink"
)

// TestAnchoredElsewhere: with the heads noted in a file on another disk and the checkpoints signed, neither a tail that was
// cut off nor a trail that was written anew passes, and of a whole one nothing is left unchecked.
func TestAnchoredElsewhere(t *testing.T) {
	pub, key := newKey(t)
	notes := filepath.Join(t.TempDir(), "heads")
	dir := t.TempDir()
	write := func(o filesink.Options, ids ...string) {
		t.Helper()
		a, err := chain.OpenAnchorFile(notes, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		o.OnCheckpoint = a.Note
		s := open(t, dir, o)
		put(t, s, ids...)
		shut(t, s)
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(filesink.Options{Key: key, CheckpointEvery: 3}, "a", "b", "c", "d", "e")
	write(filesink.Options{Key: key, CheckpointEvery: 3}, "f")
	heads, err := chain.ReadAnchors(notes)
	if err != nil || len(heads) < 2 {
		t.Fatalf("%v, %v", heads, err)
	}
	o := chain.VerifyOptions{Keys: []ed25519.PublicKey{pub}, Anchors: heads}
	r := verify(t, dir, o)
	if u := r.Unchecked(); !r.Whole() || len(u) != 0 {
		t.Errorf("%v, unchecked: %q", r.Break, u)
	}
	name := files(t, dir)[0]
	whole := string(text(t, name))
	all := strings.SplitAfter(whole, "\n")
	if err := os.WriteFile(name, []byte(strings.Join(all[:4], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := verify(t, dir, o); r.Whole() || r.Break.Flaw != chain.FlawCut {
		t.Errorf("a cut tail: %v", r.Break)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	s := open(t, dir, filesink.Options{})
	put(t, s, "a", "b", "forged", "d", "e", "f", "g", "h")
	shut(t, s)
	wantWhole(t, dir) // nothing in the folder tells
	if r := verify(t, dir, chain.VerifyOptions{Anchors: heads}); r.Whole() {
		t.Error("written anew, and in accord with the noted heads")
	}
	if r := verify(t, dir, chain.VerifyOptions{Keys: o.Keys}); r.Whole() || r.Break.Flaw != chain.FlawUnsigned {
		t.Errorf("written anew, without the key: %v", r.Break)
	}
}
