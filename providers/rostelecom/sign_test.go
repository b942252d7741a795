package rostelecom

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

type vectors struct {
	ClientID string `json:"client_id"`
	SignKey  string `json:"sign_key"`
	Vectors  []struct{ Name, Body, Sign string }
}

// golden are our own copy of the vectors and, where it is there, the reference's.
func golden(t testing.TB) (all []vectors) {
	t.Helper()
	var own vectors
	b, err := os.ReadFile(filepath.Join("testdata", "signatures.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &own); err != nil || len(own.Vectors) < 6 {
		t.Fatalf("%d vectors, %v", len(own.Vectors), err)
	}
	all = append(all, own)
	var reference struct{ Rostelecom vectors }
	if b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "reference", "golden", "signatures.json")); err == nil {
		if err := json.Unmarshal(b, &reference); err != nil {
			t.Fatal(err)
		}
		all = append(all, reference.Rostelecom)
	}
	return all
}

func TestEveryGoldenVectorIsSignedAndTaken(t *testing.T) {
	t.Parallel()
	for _, set := range golden(t) {
		for _, v := range set.Vectors {
			if got := sign(set.ClientID, []byte(v.Body), set.SignKey); got != v.Sign {
				t.Errorf("%s: signed %s, want %s", v.Name, got, v.Sign)
			}
			if !signed(set.ClientID, []byte(v.Body), []string{"another key", set.SignKey}, v.Sign) {
				t.Errorf("%s: its signature was not taken", v.Name)
			}
			for name, wrong := range map[string]bool{
				"another body":      signed(set.ClientID, []byte(v.Body+" "), []string{set.SignKey}, v.Sign),
				"another key":       signed(set.ClientID, []byte(v.Body), []string{"another key"}, v.Sign),
				"another id":        signed("x", []byte(v.Body), []string{set.SignKey}, v.Sign),
				"no key":            signed(set.ClientID, []byte(v.Body), []string{""}, sign(set.ClientID, []byte(v.Body), "")),
				"no signature":      signed(set.ClientID, []byte(v.Body), []string{set.SignKey}, ""),
				"half a signature":  signed(set.ClientID, []byte(v.Body), []string{set.SignKey}, v.Sign[:32]),
				"an upper-case one": signed(set.ClientID, []byte(v.Body), []string{set.SignKey}, "F"+v.Sign[1:]),
			} {
				if wrong {
					t.Errorf("%s: %s was taken", v.Name, name)
				}
			}
		}
	}
}

// The guide's example is not JSON as we write it: the exact bytes are what counts.
func TestARequestIsSignedByItsExactBytes(t *testing.T) {
	t.Parallel()
	set := golden(t)[0]
	for _, v := range set.Vectors {
		req, err := request("https://api.example/call_back", set.ClientID, set.SignKey, []byte(v.Body))
		if err != nil {
			t.Fatal(err)
		}
		if req.Header.Get(headerSign) != v.Sign || req.Header.Get(headerID) != set.ClientID || req.Method != http.MethodPost || req.ContentLength != int64(len(v.Body)) {
			t.Errorf("%s: %v", v.Name, req.Header)
		}
	}
}

func TestOurAnswerAboutACallerHasTheGoldenForm(t *testing.T) {
	t.Parallel()
	set := golden(t)[0]
	body, err := marshal(contactManager(&contact{name: "Иван Петров", pin: "317"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range set.Vectors {
		if v.Name == "number_info_answer_utf8" && (string(body) != v.Body || sign(set.ClientID, body, set.SignKey) != v.Sign) {
			t.Errorf("answered %s", body)
		}
	}
}
