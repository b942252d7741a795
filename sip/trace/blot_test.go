package trace

import (
	"bytes"
	"strings"
	"testing"
)

func TestSecretsAreCoveredAndTheRestStays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"digest", "Authorization: Digest username=\"bob\", realm=\"a, b\", nonce=\"n1\", uri=\"sip:x\", response=\"abc\", qop=auth, nc=00000001, cnonce=\"zz\"",
			"Authorization: Digest username=\"bob\", realm=\"a, b\", nonce=\"**\", uri=\"sip:x\", response=\"***\", qop=auth, nc=00000001, cnonce=\"**\""},
		{"proxy, folded, other case", "pROXY-authorization : digest username=\"b\",\r\n response=\"abc\"", "pROXY-authorization : digest username=\"b\",\r\n response=\"***\""},
		{"escaped quote", `Authorization: Digest username="a\",response=", response="abc"`, `Authorization: Digest username="a\",response=", response="***"`},
		{"no quotes", "Authorization: Digest response=abc", "Authorization: Digest response=***"},
		{"another scheme", "Authorization: Bearer abc.def", "Authorization: ****** *******"},
		{"no scheme", "Authorization: abc", "Authorization: ***"},
		{"answer of the server", "Authentication-Info: rspauth=\"ab\"", "Authentication-Info: ********\"**\""},
		{"challenge stays", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\""},
	} {
		b := []byte("REGISTER sip:x SIP/2.0\r\nCall-ID:  one@x \r\n" + c.in + "\r\nX: response=\"abc\"\r\n\r\n")
		at, n := blot(b)
		if got := string(b[at : at+n]); got != "one@x" {
			t.Errorf("%s: the Call-ID is %q", c.name, got)
		}
		if want := "REGISTER sip:x SIP/2.0\r\nCall-ID:  one@x \r\n" + c.want + "\r\nX: response=\"abc\"\r\n\r\n"; string(b) != want {
			t.Errorf("%s:\n got %q\nwant %q", c.name, b, want)
		}
	}
}

func TestKeysOfTheSoundAreCovered(t *testing.T) {
	t.Parallel()
	b := []byte("INVITE sip:x SIP/2.0\r\ni: two@x\r\n\r\nv=0\r\nk=clear:secret\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:KEYKEY==|2^20|1:4;inline:OTHER|1:4\r\na=sendrecv\r\n")
	at, n := blot(b)
	if string(b[at:at+n]) != "two@x" {
		t.Errorf("the Call-ID is %q", b[at:at+n])
	}
	for _, secret := range []string{"KEYKEY", "OTHER", "secret"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s is left in %q", secret, b)
		}
	}
	if !strings.HasSuffix(string(b), "inline:********|2^20|1:4;inline:*****|1:4\r\na=sendrecv\r\n") {
		t.Errorf("too much is covered: %q", b)
	}
}

func FuzzBlot(f *testing.F) {
	f.Add([]byte("INVITE sip:x SIP/2.0\r\nCall-ID: a\r\nAuthorization: Digest response=\"abc\r\n def\"\r\n\r\na=crypto:1 x inline:KEY"))
	f.Add([]byte("Call-ID:\r\n"))
	f.Add([]byte(":\r\n\r\nk="))
	f.Fuzz(func(t *testing.T, b []byte) {
		was := bytes.Clone(b)
		at, n := blot(b)
		if at < 0 || n < 0 || at+n > len(b) {
			t.Fatalf("the Call-ID lies at %d+%d of %d", at, n, len(b))
		}
		for i := range b {
			if b[i] != was[i] && b[i] != '*' {
				t.Fatalf("byte %d became %q", i, b[i])
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	whole := finish(append(begin(nil), "a@x"...), 0, record{kind: kindMessage, local: us, remote: them}, 0, 3)
	f.Add(whole)
	f.Add(whole[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		rec, n, err := parse(b)
		if err == nil && (n > len(b) || len(rec.data) > n) {
			t.Fatalf("%d of %d bytes", n, len(b))
		}
	})
}
