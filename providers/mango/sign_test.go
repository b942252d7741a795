package mango

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// vectors are the published signatures; shared is where the team keeps them.
type vectors struct {
	Key     string `json:"vpbx_api_key"`
	Salt    string `json:"vpbx_api_salt"`
	Vectors []struct{ Name, JSON, Sign string }
	Link    struct {
		Timestamp string
		Recording string `json:"recording_id"`
		Sign      string
	}
}

func readVectors(t *testing.T) vectors {
	t.Helper()
	b, err := os.ReadFile("testdata/signatures.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil || len(v.Vectors) == 0 {
		t.Fatal("no vectors", err)
	}
	return v
}

func TestEveryGoldenSignatureIsMadeAndTaken(t *testing.T) {
	t.Parallel()
	v := readVectors(t)
	for _, x := range v.Vectors {
		if got := sign(v.Key, x.JSON, v.Salt); got != x.Sign {
			t.Errorf("%s: %s", x.Name, got)
		}
		if !signed(x.Sign, v.Key, x.JSON, []string{"another", v.Salt}) {
			t.Errorf("%s: is not taken", x.Name)
		}
		if signed(x.Sign, v.Key, x.JSON+" ", []string{v.Salt}) || signed("", v.Key, x.JSON, []string{v.Salt}) || signed(x.Sign, v.Key, x.JSON, nil) {
			t.Errorf("%s: is taken for another text, without a signature or without a salt", x.Name)
		}
		// As it travels: whoever reads the form has the same bytes to check.
		f := form{Key: v.Key, Sign: x.Sign, JSON: x.JSON}
		back, err := readForm("application/x-www-form-urlencoded; charset=utf-8", bytesReader(f.encode()))
		if err != nil || back != f {
			t.Errorf("%s: travelled badly: %v %v", x.Name, back, err)
		}
	}
	seconds, err := strconv.ParseInt(v.Link.Timestamp, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := signLink(v.Key, time.Unix(seconds, 0), v.Link.Recording, v.Salt); got != v.Link.Sign {
		t.Errorf("link: %s", got)
	}
}

// The copy in testdata is that of the reference.
func TestVectorsAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "reference", "golden", "signatures.json"))
	if err != nil {
		t.Skip("the reference is not beside the checkout: ", err)
	}
	var all struct{ Mango vectors }
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	have, _ := json.Marshal(readVectors(t))
	want, _ := json.Marshal(all.Mango)
	if string(have) != string(want) {
		t.Error("testdata/signatures.json is not what the reference says")
	}
}
