package smart_test

import (
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"strings"
	"testing"

	"github.com/c2sp/wycheproof"

	"concord/smart"
)

// vectors is a file of Project Wycheproof about JSON Web Signatures and Keys.
type vectors struct {
	NumberOfTests int
	TestGroups    []struct {
		Comment         string
		Public, Private json.RawMessage
		Tests           []struct {
			TcID    int
			Comment string
			JWS     json.RawMessage // text, or an object: the JSON serialization
			Result  string
			Flags   []string
		}
	}
}

// stricter are valid vectors that are refused here on purpose, by file and id.
var stricter = map[string]map[int]smart.Refusal{
	"json_web_signature_test.json": {
		// an empty payload is no claims
		259: smart.NotJWS, 264: smart.NotJWS, 268: smart.NotJWS, 272: smart.NotJWS, 320: smart.NotJWS, 325: smart.NotJWS,
		// algorithms that do not hold: HS256, RS512, PS512, ES512
		1: smart.WrongAlgorithm, 269: smart.WrongAlgorithm, 270: smart.WrongAlgorithm, 271: smart.WrongAlgorithm, 326: smart.WrongAlgorithm,
		327: smart.WrongAlgorithm, 328: smart.WrongAlgorithm, 347: smart.WrongAlgorithm, 348: smart.WrongAlgorithm, 351: smart.WrongAlgorithm,
		352: smart.WrongAlgorithm, 357: smart.WrongAlgorithm, 358: smart.WrongAlgorithm, 359: smart.WrongAlgorithm, 376: smart.WrongAlgorithm,
		377: smart.WrongAlgorithm,
		346: smart.UnknownKey, 350: smart.UnknownKey, // the key is bound to PS256, and the signature is PS384
		372: smart.NotJWS, 373: smart.NotJWS, // what is no base64 is not passed over
	},
	"json_web_key_test.json": {2: smart.WrongAlgorithm, 13: smart.WrongAlgorithm, 14: smart.WrongAlgorithm, 15: smart.WrongAlgorithm},
}

// TestWycheproof holds the verification of signatures to every JWS case of Project Wycheproof: what is invalid never passes,
// and what is valid does, but for what is refused here on purpose.
func TestWycheproof(t *testing.T) {
	for _, file := range []string{"json_web_signature_test.json", "json_web_key_test.json"} {
		t.Run(file, func(t *testing.T) {
			b, err := fs.ReadFile(wycheproof.TestVectors, file)
			if err != nil {
				t.Fatal(err)
			}
			var all vectors
			if err := json.Unmarshal(b, &all); err != nil {
				t.Fatal(err)
			}
			ran, passed := 0, 0
			for _, g := range all.TestGroups {
				keys := g.Public
				if keys == nil { // a secret: it must not become a key
					keys = g.Private
				}
				for _, c := range g.Tests {
					ran++
					var raw string
					if json.Unmarshal(c.JWS, &raw) != nil {
						raw = string(c.JWS)
					}
					payload, refusal := smart.CheckJWS(keys, raw)
					want, onPurpose := stricter[file][c.TcID]
					switch {
					case c.Result == "invalid" && refusal == 0:
						t.Errorf("%d %s/%s %v: accepted, and is invalid", c.TcID, g.Comment, c.Comment, c.Flags)
					case c.Result == "invalid" || refusal == want && onPurpose:
					case onPurpose:
						t.Errorf("%d %s/%s: refused for %v, want %v", c.TcID, g.Comment, c.Comment, refusal, want)
					case refusal != 0:
						t.Errorf("%d %s/%s: refused for %v, and is valid", c.TcID, g.Comment, c.Comment, refusal)
					default:
						passed++
						if want, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1]); err != nil || string(want) != string(payload) {
							t.Errorf("%d: another payload", c.TcID)
						}
					}
				}
			}
			if ran != all.NumberOfTests || passed == 0 {
				t.Errorf("%d of %d cases ran, and %d passed", ran, all.NumberOfTests, passed)
			}
		})
	}
}
