package voximplant

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
)

// golden is the moment, account and key of the golden tokens.
var (
	goldenTime  = time.Unix(1_700_000_000, 0)
	goldenKeyID = "11111111-2222-3333-4444-555555555555"
)

func fixture(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func testSigner(t testing.TB) *signer {
	t.Helper()
	key, err := readPrivateKey(fixture(t, "test_key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	return &signer{account: 1, keyID: goldenKeyID, key: key, life: 64 * time.Second}
}

func TestTheSigningInputIsTheGoldenOneByteForByte(t *testing.T) {
	t.Parallel()
	golden := fixture(t, "jwt_golden.txt")
	want := golden[:strings.LastIndexByte(golden, '.')]
	got, err := signingInput(goldenKeyID, 1, 1_700_000_000, 1_700_000_064)
	if err != nil || got != want {
		t.Fatalf("got  %s (%v)\nwant %s", got, err, want)
	}
}

func TestTheTokenIsTheOneOpensslMakesOfTheSameKey(t *testing.T) {
	t.Parallel()
	got, err := testSigner(t).token(goldenTime)
	if want := fixture(t, "jwt_own_key.txt"); err != nil || got != want {
		t.Fatalf("got  %s (%v)\nwant %s", got, err, want)
	}
}

func TestTheGoldenTokenOfTheReferenceIsRead(t *testing.T) {
	t.Parallel()
	ours := fixture(t, "jwt_golden.txt")
	if b, err := os.ReadFile("../../../shared/reference/golden/signatures.json"); err == nil {
		var all struct {
			Voximplant struct {
				JWT string `json:"jwt"`
			} `json:"voximplant"`
		}
		if err := json.Unmarshal(b, &all); err != nil || all.Voximplant.JWT != ours {
			t.Fatalf("the copy is not the reference's: %v", err)
		}
	}
	got, err := parseToken(ours)
	if err != nil || got.keyID != goldenKeyID || got.account != "1" || !got.iat.Equal(goldenTime) || got.exp.Sub(got.iat) != 64*time.Second {
		t.Fatalf("%+v, %v", got, err)
	}
	if err := got.holds(&testSigner(t).key.PublicKey, goldenTime, 0); !errors.Is(err, errToken) {
		t.Fatalf("a token of another key holds: %v", err)
	}
}

func TestATokenHoldsForItsLifeAndTheSkewOnly(t *testing.T) {
	t.Parallel()
	s := testSigner(t)
	text, err := s.token(goldenTime)
	if err != nil {
		t.Fatal(err)
	}
	token, err := parseToken(text)
	if err != nil {
		t.Fatal(err)
	}
	for after, holds := range map[time.Duration]bool{-31 * time.Second: false, -30 * time.Second: true, 0: true, 93 * time.Second: true, 94 * time.Second: false} {
		if err := token.holds(&s.key.PublicKey, goldenTime.Add(after), 30*time.Second); (err == nil) != holds {
			t.Errorf("%s after: %v", after, err)
		}
	}
	s.life = maxTokenLife + time.Second
	text, _ = s.token(goldenTime)
	if token, err = parseToken(text); err != nil || token.holds(&s.key.PublicKey, goldenTime, time.Minute) == nil {
		t.Error("a token that lives longer than an hour holds")
	}
}

func TestBothFormsOfPrivateKeysAreRead(t *testing.T) {
	t.Parallel()
	one, err1 := readPrivateKey(fixture(t, "test_key.pem"))
	other, err2 := readPrivateKey(fixture(t, "test_key_pkcs8.pem"))
	if err1 != nil || err2 != nil || !one.Equal(other) {
		t.Fatal(err1, err2)
	}
	for _, file := range []string{"", "{", `{"account_id":1}`, `{"account_id":1,"key_id":"k","private_key":"x"}`, `{"account_id":"1","key_id":"k","private_key":"x"}`} {
		if _, _, err := readCredentials(file); err == nil {
			t.Errorf("%q was read", file)
		}
	}
}

// forged makes a token of any header and claims, signed or not.
func forged(header, claims, signature string) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(header)) + "." + e([]byte(claims)) + "." + signature
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	claims := `{"iss":1,"iat":1700000000,"exp":1700000064}`
	for name, text := range map[string]string{
		"no signature asked for": forged(`{"alg":"none","kid":"k"}`, claims, ""),
		"a symmetric one":        forged(`{"alg":"HS256","typ":"JWT","kid":"k"}`, claims, "AAAA"),
		"no key id":              forged(`{"alg":"RS256","typ":"JWT"}`, claims, "AAAA"),
		"an account as a text":   forged(`{"alg":"RS256","typ":"JWT","kid":"k"}`, `{"iss":"x","iat":1,"exp":2}`, "AAAA"),
		"no times":               forged(`{"alg":"RS256","typ":"JWT","kid":"k"}`, `{"iss":1}`, "AAAA"),
		"two parts":              "a.b", "four": "a.b.c.d", "nothing": "",
		"no base64": "!.!.!", "too long": strings.Repeat("a", maxToken) + ".b.c",
		"fractions": forged(`{"alg":"RS256","typ":"JWT","kid":"k"}`, `{"iss":1.5,"iat":1,"exp":2}`, "AAAA"),
	} {
		if _, err := parseToken(text); !errors.Is(err, errToken) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	s := testSigner(t)
	text, _ := s.token(goldenTime)
	token, err := parseToken(text)
	if err != nil || token.holds(&other.PublicKey, goldenTime, 0) == nil {
		t.Error("a token holds for a key that did not sign it")
	}
	token.signed += "A"
	if token.holds(&s.key.PublicKey, goldenTime, 0) == nil {
		t.Error("a changed token holds")
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add(fixture(f, "jwt_golden.txt"))
	f.Add(forged(`{"alg":"RS256","kid":"k"}`, `{"iss":9e99,"iat":-1,"exp":1e400}`, "AA"))
	key := testSigner(f).key
	f.Fuzz(func(t *testing.T, text string) {
		token, err := parseToken(text)
		if err != nil && !errors.Is(err, errToken) {
			t.Fatalf("another error: %v", err)
		}
		if own := fixture(t, "jwt_own_key.txt"); err == nil && token.holds(&key.PublicKey, goldenTime, 0) == nil && token.signed != own[:strings.LastIndexByte(own, '.')] {
			t.Fatal("a token nobody signed holds")
		}
	})
}
