package shelf_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"concord"
	"concord/gateway/shelf"
	"concord/gateway/shelf/shelftest"
)

// clock is a time that passes when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestMemory(t *testing.T) {
	shelftest.Run(t, func(*testing.T) (shelf.Shelf, func(time.Duration)) {
		c := &clock{now: time.Now()}
		return shelf.NewMemory(64<<20, c.Now), c.pass
	})
}

// TestMemoryBound: what is new finds no room rather than take that of what is kept, until that ends.
func TestMemoryBound(t *testing.T) {
	c := &clock{now: time.Now()}
	m := shelf.NewMemory(10_000, c.Now)
	value := make([]byte, 1000)
	kept := 0
	for i := range 20 {
		err := m.Put(t.Context(), fmt.Sprint(i), value, time.Minute)
		if err == nil {
			kept++
		} else if !errors.Is(err, concord.Unavailable) {
			t.Fatal(err)
		}
	}
	if kept < 5 || kept > 9 {
		t.Errorf("%d are kept", kept)
	}
	if err := m.Put(t.Context(), "0", value, time.Hour); err != nil {
		t.Errorf("in place of another: %v", err)
	}
	c.pass(time.Minute)
	for i := range kept - 1 {
		if err := m.Put(t.Context(), fmt.Sprint("new", i), value, time.Minute); err != nil {
			t.Errorf("after their end: %v", err)
		}
	}
	if _, err := m.Get(t.Context(), "0"); err != nil {
		t.Errorf("what has not ended is gone: %v", err)
	}
}

func TestKeyFiles(t *testing.T) {
	one := shelf.NewKeyLine()
	for name, tt := range map[string]struct {
		text string
		ok   bool
	}{
		"one": {one, true}, "two": {one + shelf.NewKeyLine(), true}, "comments": {"# the key\n\n" + one, true},
		"none": {"", false}, "comment alone": {"# nothing\n", false}, "short": {"c2hvcnQ=\n", false}, "not base64": {strings.Repeat("!", 44) + "\n", false},
		"large": {strings.Repeat(one, 2000), false}, "a bad one behind": {one + "x\n", false},
	} {
		file := filepath.Join(t.TempDir(), "shared.key")
		if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := shelf.ReadKeys(file)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, concord.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if k != nil {
			for _, shown := range []string{fmt.Sprintf("%v %+v %#v %s", k, k, k, k)} {
				if strings.Trim(shown, "[keys] ") != "" {
					t.Errorf("%s: keys print as %s", name, shown)
				}
			}
		}
	}
	if _, err := shelf.ReadKeys(filepath.Join(t.TempDir(), "none")); !errors.Is(err, concord.Unavailable) {
		t.Errorf("no file: %v", err)
	}
}

// TestSeal: what is sealed opens for its owner, under its handle, as what it is, and not otherwise.
func TestSeal(t *testing.T) {
	line := shelf.NewKeyLine()
	k := parse(t, line)
	me := []string{"issuer", "ann", "", "north"}
	sealed, err := k.Seal("page", "h", me, []byte("what it is"))
	if err != nil {
		t.Fatal(err)
	}
	if again, _ := k.Seal("page", "h", me, []byte("what it is")); string(again) == string(sealed) {
		t.Error("two seals are alike")
	}
	for name, tt := range map[string]struct {
		keys         *shelf.Keys
		sort, handle string
		owner        []string
		want         error
	}{
		"itself": {k, "page", "h", me, nil}, "another process": {parse(t, line), "page", "h", me, nil}, "a later key first": {parse(t, shelf.NewKeyLine()+line), "page", "h", me, nil},
		"another owner": {k, "page", "h", []string{"issuer", "bob", "", "north"}, shelf.ErrOtherOwner}, "words that run together": {k, "page", "h", []string{"issuer", "an", "n", "north"}, shelf.ErrOtherOwner},
		"another handle": {k, "page", "i", me, concord.Malformed}, "another sort": {k, "create", "h", me, concord.Malformed},
		"another key": {parse(t, shelf.NewKeyLine()), "page", "h", me, concord.Malformed}, "no key": {nil, "page", "h", me, concord.Malformed},
	} {
		plain, err := tt.keys.Open(tt.sort, tt.handle, tt.owner, sealed)
		if tt.want == nil && (err != nil || string(plain) != "what it is") || tt.want != nil && (!errors.Is(err, tt.want) || plain != nil) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, err := (*shelf.Keys)(nil).Seal("page", "h", me, nil); !errors.Is(err, concord.Internal) {
		t.Errorf("without a key: %v", err)
	}
	names := parse(t, shelf.NewKeyLine()+line).Names("page", "h")
	if own := k.Names("page", "h"); len(names) != 2 || len(own) != 1 || names[1] != own[0] || names[0] == names[1] || own[0] == k.Names("page", "i")[0] {
		t.Errorf("names %v and %v", names, own)
	}
}

func parse(t *testing.T, text string) *shelf.Keys {
	t.Helper()
	k, err := shelf.ParseKeys([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// FuzzParseKeys: what is a key file opens what it sealed, and another one's does not; what is none has an error that tells
// nothing of it.
func FuzzParseKeys(f *testing.F) {
	line := shelf.NewKeyLine()
	for _, s := range []string{line, line + shelf.NewKeyLine(), "# none\n", "", "\n" + line + "#", "AAAA\n", strings.TrimSpace(line) + "x", strings.Repeat("A", 43) + "=", strings.Repeat("\n", 100)} {
		f.Add([]byte(s))
	}
	other, err := shelf.ParseKeys([]byte(shelf.NewKeyLine()))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		k, err := shelf.ParseKeys(file)
		if err != nil {
			if !errors.Is(err, concord.Invalid) {
				t.Fatal("not invalid")
			}
			for _, word := range strings.Fields(string(file)) {
				if len(word) > 12 && strings.Contains(err.Error(), word) {
					t.Fatal("the error tells the key")
				}
			}
			return
		}
		owner := []string{"ann"}
		sealed, err := k.Seal("page", "h", owner, []byte("text"))
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := k.Open("page", "h", owner, sealed); err != nil || string(plain) != "text" {
			t.Fatalf("it does not open what it sealed: %v", err)
		}
		if _, err := other.Open("page", "h", owner, sealed); err == nil {
			t.Fatal("another key opens it")
		}
	})
}
