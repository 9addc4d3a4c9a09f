package fhir_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"concord/fhir"
)

func TestParseRefuses(t *testing.T) {
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	var wide strings.Builder
	for i := range 513 {
		fmt.Fprintf(&wide, `,"k%d":0`, i)
	}
	for _, c := range []struct {
		name, in string
		want     fhir.Reason
	}{
		{"nothing", "", fhir.Syntax},
		{"cut off", `{"a":"b`, fhir.Syntax},
		{"cut off behind a backslash", `{"a":"b\`, fhir.Syntax},
		{"two values", `{} {}`, fhir.Syntax},
		{"comma before the end", `{"a":1,}`, fhir.Syntax},
		{"comma before the end of an array", `[1,]`, fhir.Syntax},
		{"no comma", `{"a":1 "b":2}`, fhir.Syntax},
		{"leading zero", `01`, fhir.Syntax},
		{"plus sign", `+1`, fhir.Syntax},
		{"no digits behind the point", `1.`, fhir.Syntax},
		{"no digits in the exponent", `1e`, fhir.Syntax},
		{"NaN", `NaN`, fhir.Syntax},
		{"literal cut off", `tru`, fhir.Syntax},
		{"control character", "\"a\x01\"", fhir.Syntax},
		{"newline in a string", "\"a\n\"", fhir.Syntax},
		{"bad escape", `"\x"`, fhir.Syntax},
		{"bad unicode escape", `"\u12g4"`, fhir.Syntax},
		{"unicode escape cut off", `"\u12"`, fhir.Syntax},
		{"not UTF-8", "\"\xff\"", fhir.InvalidUTF8},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", fhir.InvalidUTF8},
		{"overlong UTF-8", "\"\xc0\xaf\"", fhir.InvalidUTF8},
		{"member twice", `{"id":"a","x":1,"id":"b"}`, fhir.DuplicateKey},
		{"long member twice", `{"effectiveDateTime":1,"effectiveDateTime":2}`, fhir.DuplicateKey},
		{"escaped name", `{"\u0069d":"a"}`, fhir.EscapedKey},
		{"too deep", deep, fhir.TooDeep},
		{"too wide", `{"a":0` + wide.String() + `}`, fhir.TooWide},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := fhir.ParseValue([]byte(c.in), fhir.Limits{})
			var pe *fhir.ParseError
			if !errors.As(err, &pe) || pe.Reason != c.want {
				t.Fatalf("got %v, want %v", err, c.want)
			}
		})
	}
	if _, err := fhir.ParseValue([]byte(`"123456"`), fhir.Limits{Bytes: 7}); err == nil {
		t.Error("8 bytes were taken with a limit of 7")
	}
	if _, err := fhir.Parse([]byte(`{"id":"x"}`), fhir.Limits{}); err == nil {
		t.Error("a resource without a type was taken")
	}
	if _, err := fhir.ParseBundle([]byte(`{"resourceType":"Patient"}`), fhir.Limits{}); err == nil {
		t.Error("a Patient was taken for a Bundle")
	}
}

// FuzzScan: the scanner takes what encoding/json takes, but for its stated limits, and what it reads is the same.
func FuzzScan(f *testing.F) {
	for _, s := range []string{`{"resourceType":"Patient","id":"a","name":[{"family":"Ü\n\ud83d\ude00"}]}`, ` [1,-0.5e+10,true,false,null,"",{}] `, `{"a":{"b":[{"c":"d"}]}}`,
		`"\ud800"`, "{\n  \"reference\" : \"x\",\r\n\t\"y\": [ ]\n}", `{"reference":"Patient/1","referenc":1,"eference":2}`, `1e999`, `{"a":1,"a":2}`, "\"\x7f\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		v, err := fhir.ParseValue(in, fhir.Limits{})
		want, oracleErr := oracle(in)
		var pe *fhir.ParseError
		if err != nil && !errors.As(err, &pe) {
			t.Fatalf("error of type %T", err)
		}
		switch {
		case err == nil && oracleErr != nil:
			t.Fatalf("taken, but the oracle says: %v", oracleErr)
		case pe != nil && pe.Reason == fhir.Syntax && oracleErr == nil:
			t.Fatalf("refused at %d, but the oracle takes it", pe.Offset)
		case pe != nil && pe.Reason == fhir.InvalidUTF8 && utf8.Valid(in):
			t.Fatal("called not UTF-8, and is")
		case err != nil:
			return
		}
		if !utf8.Valid(in) {
			t.Fatal("taken, and is not UTF-8")
		}
		if got := decode(v); !reflect.DeepEqual(got, want) {
			t.Fatalf("read %#v, the oracle reads %#v", got, want)
		}
	})
}

func oracle(in []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(in))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("more than one value")
	}
	return v, nil
}

// decode builds what encoding/json builds, by way of Value.
func decode(v fhir.Value) any {
	switch {
	case v.IsObject():
		m := map[string]any{}
		for c := range v.Members() {
			if !v.Get(c.Name()).Exists() {
				panic("a member can't be got by its name")
			}
			m[c.Name()] = decode(c)
		}
		return m
	case v.IsArray():
		out := []any{}
		for c := range v.Items() {
			out = append(out, decode(c))
		}
		return out
	case v.IsString():
		return v.Text()
	case v.IsNumber():
		return json.Number(v.Text())
	}
	switch v.Text() {
	case "true":
		return true
	case "false":
		return false
	}
	return nil
}

// FuzzSplice: a spliced document decodes to what the oracle makes of the same rewrite.
func FuzzSplice(f *testing.F) {
	f.Add([]byte(`{"resourceType":"Observation","id":"a","subject":{"reference":"Patient/1"},"meta":{"tag":[ ]},"x":[{"reference":"y","z":1.0}]}`), "new", uint8(0))
	f.Add([]byte("{\n \"id\" : \"\\u0041\" ,\n \"meta\" : { } }"), "Ä\"\\\x01", uint8(1))
	f.Fuzz(func(t *testing.T, in []byte, s string, which uint8) {
		v, err := fhir.ParseValue(in, fhir.Limits{})
		if err != nil || !v.IsObject() || !utf8.ValidString(s) || v.Get("added").Exists() {
			return
		}
		r := fhir.Resource{Value: v}
		str := fhir.AppendString(nil, s)
		want, _ := oracle(in)
		var edits []fhir.Edit
		for ref := range r.References() {
			edits = append(edits, fhir.Replace(ref, str))
		}
		rewrite(want, s)
		m := want.(map[string]any)
		if id := v.Get("id"); id.IsString() && which%2 == 0 && !v.Get("also").Exists() {
			edits = append(edits, fhir.ReplaceMember(id, []byte(`"id":7,"also":8`)))
			m["id"], m["also"] = json.Number("7"), json.Number("8")
		}
		edits = append(edits, fhir.Append(v, []byte(`"added":[1]`)))
		m["added"] = []any{json.Number("1")}
		out := fhir.Splice(nil, v, edits)
		got, err := oracle(out)
		if err != nil {
			t.Fatalf("%q is not JSON: %v", out, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is %#v, want %#v", out, got, want)
		}
	})
}

// rewrite puts s in the place of each string named reference.
func rewrite(v any, s string) {
	switch x := v.(type) {
	case map[string]any:
		if _, ok := x["reference"].(string); ok {
			x["reference"] = s
		}
		for _, c := range x {
			rewrite(c, s)
		}
	case []any:
		for _, c := range x {
			rewrite(c, s)
		}
	}
}
