package ojson_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"concord/testharness/internal/ojson"
)

func TestParseKeepsBytes(t *testing.T) {
	for _, s := range []string{`{"b":1.50,"a":[true,false,null,{}],"c":"ä\\\"\n","d":1E+2,"b2":{}}`, `[]`, `"x"`, `-0.0`, `{"a":"\u0001"}`} {
		v, err := ojson.Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(ojson.Encode(v)); got != s {
			t.Errorf("%s came back as %s", s, got)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{``, `{`, `{"a":}`, `{} x`, `[1,]`} {
		if _, err := ojson.Parse([]byte(s)); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
	if _, err := ojson.ParseObject([]byte(`[]`)); err == nil {
		t.Error("an array was taken for an object")
	}
}

func TestObject(t *testing.T) {
	o := ojson.New("a", 1, "none", nil, "empty", "", "list", []any{}, "b", "x")
	o.SetAfter("a", "a2", json.Number("2.0")).SetAfter("nowhere", "z", true).SetAfter("z", "b", "y")
	o.Rename("z", "zz", false)
	c := o.Clone()
	o.Set("b", nil).Set("a", "changed")
	if got, want := string(ojson.Encode(o)), `{"a":"changed","a2":2.0,"zz":false}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := string(ojson.Encode(c)), `{"a":1,"a2":2.0,"b":"y","zz":false}`; got != want {
		t.Errorf("the copy is %s, want %s", got, want)
	}
	if o.Text("a") != "changed" || o.Text("zz") != "" || o.Has("b") || o.Get("b") != nil || o.Len() != 3 {
		t.Errorf("%v", o.Keys())
	}
}

// TestAgainstEncodingJSON: what is parsed and written means what it meant.
func TestAgainstEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in, err := json.Marshal(rapid.MapOf(rapid.String(), rapid.SliceOf(rapid.String())).Draw(t, "v"))
		if err != nil {
			t.Fatal(err)
		}
		v, err := ojson.Parse(in)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(in, &a) != nil || json.Unmarshal(ojson.Encode(ojson.Clone(v)), &b) != nil || !reflect.DeepEqual(a, b) {
			t.Fatalf("%s became %s", in, ojson.Encode(v))
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"a":[1.50,"x\u0000",{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := ojson.Parse(b)
		if (err == nil) != json.Valid(b) {
			t.Fatalf("error %v, valid %v", err, json.Valid(b))
		}
		if err != nil {
			return
		}
		out := ojson.Encode(v)
		again, err := ojson.Parse(out)
		if err != nil || !bytes.Equal(ojson.Encode(again), out) {
			t.Fatalf("%q is not stable: %q %v", b, out, err)
		}
	})
}
