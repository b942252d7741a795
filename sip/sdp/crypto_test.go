package sdp

import (
	"strings"
	"testing"

	"zvonar/media"
)

const (
	someKey = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"
	audio   = "c=IN IP4 192.0.2.9"
	savp    = "m=audio 4000 RTP/SAVP 8"
)

func TestCryptoLinesAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{ // suite and key identifier; "": not for us
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey:                        "AES_CM_128_HMAC_SHA1_80",
		"7 aes_cm_128_hmac_sha1_32 " + someKey + "|2^31":              "AES_CM_128_HMAC_SHA1_32",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + "|2^20|1:4":          "AES_CM_128_HMAC_SHA1_80\x00\x00\x00\x01",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + "|1:1 WSH=64":        "AES_CM_128_HMAC_SHA1_80\x01",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + "==":                 "AES_CM_128_HMAC_SHA1_80",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + "|300:1":             "",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + "|1:99":              "",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + " UNENCRYPTED_SRTP":  "",
		"1 AES_CM_128_HMAC_SHA1_80 " + someKey + ";" + someKey:        "",
		"1 AES_256_CM_HMAC_SHA1_80 " + someKey:                        "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:short":                      "",
		"1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("!", 40): "",
		"x AES_CM_128_HMAC_SHA1_80 " + someKey:                        "",
		"1 AES_CM_128_HMAC_SHA1_80":                                   "",
		"":                                                            "",
	} {
		c, ok := readCrypto(line)
		if got := string(c.suite) + c.mki; ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, want %q", line, got, ok, want)
		}
	}
}

func secured(s Security) *Endpoint {
	e := NewEndpoint(here, both, 7)
	e.Secure(s)
	return e
}

func TestWhoEncryptsAgreesWithWhoDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		offers, answers Security
		agreed, keyed   bool
	}{
		{Plain, Plain, true, false}, {Plain, Either, true, false}, {Plain, Required, false, false},
		{Either, Plain, true, false}, {Either, Either, true, false}, {Either, Required, false, false},
		{Required, Plain, false, false}, {Required, Either, true, true}, {Required, Required, true, true},
	} {
		one, other := secured(tc.offers), secured(tc.answers)
		body, theirs, err := other.Answer(parse(t, one.Offer()))
		if (err == nil) != tc.agreed {
			t.Errorf("%+v: %v", tc, err)
		}
		if err != nil {
			continue
		}
		ours, err := one.Accept(parse(t, body))
		if err != nil || (ours.Keys != nil) != tc.keyed || (theirs.Keys != nil) != tc.keyed {
			t.Errorf("%+v: %+v %+v %v", tc, ours.Keys, theirs.Keys, err)
			continue
		}
		if tc.keyed && (ours.Keys.Send != theirs.Keys.Receive || ours.Keys.Receive != theirs.Keys.Send || ours.Keys.Send == ours.Keys.Receive || ours.Keys.Suite != media.Suite80) {
			t.Errorf("%+v: the keys do not meet", tc)
		}
		// A later offer of either side keeps keys and transport.
		again := string(other.Offer())
		if strings.Contains(again, "RTP/SAVP ") != tc.keyed || strings.Count(again, "a=crypto:") != map[bool]int{true: 1}[tc.keyed] {
			t.Errorf("%+v: a later offer\n%s", tc, again)
		}
		_, ours, err = one.Answer(parse(t, []byte(again)))
		if err != nil || tc.keyed && ours.Keys.Send != theirs.Keys.Receive {
			t.Errorf("%+v: the later offer came to %+v %v", tc, ours.Keys, err)
		}
	}
}

func TestAnAnswerMayNotTakeTheEncryptionAway(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string][]byte{
		"plain":           text(audio, "m=audio 4000 RTP/AVP 8"),
		"no key":          text(audio, savp),
		"another suite":   text(audio, savp, "a=crypto:1 AES_CM_128_HMAC_SHA1_32 "+someKey),
		"another tag":     text(audio, savp, "a=crypto:9 AES_CM_128_HMAC_SHA1_80 "+someKey),
		"keys without it": text(audio, "m=audio 4000 RTP/AVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+someKey),
	} {
		e := secured(Required)
		e.Offer()
		if got, err := e.Accept(parse(t, answer)); err == nil {
			t.Errorf("%s: agreed to %+v", name, got)
		}
	}
	e := secured(Either)
	e.Offer()
	if got, err := e.Accept(parse(t, text(audio, savp, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+someKey))); err == nil {
		t.Errorf("SRTP that was not offered: %+v", got)
	}
}

func TestTheFirstKeyThatWeSpeakIsAnsweredUnderItsTag(t *testing.T) {
	t.Parallel()
	body, got, err := secured(Either).Answer(parse(t, text(audio, savp,
		"a=crypto:1 AES_256_CM_HMAC_SHA1_80 "+someKey, "a=crypto:4 AES_CM_128_HMAC_SHA1_32 "+someKey+"|2^31|7:2", "a=crypto:5 AES_CM_128_HMAC_SHA1_80 "+someKey)))
	if err != nil || got.Keys == nil || got.Keys.Suite != media.Suite32 || got.Keys.MKI != "\x00\x07" {
		t.Fatalf("%+v %v", got.Keys, err)
	}
	if !strings.Contains(string(body), "m=audio 20000 RTP/SAVP 8\r\na=crypto:4 AES_CM_128_HMAC_SHA1_32 inline:") || strings.Count(string(body), "a=crypto") != 1 {
		t.Errorf("answered\n%s", body)
	}
	// Of two streams the one that fits.
	both := text(audio, "m=audio 5000 RTP/SAVP 8", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 "+someKey, "m=audio 4000 RTP/AVP 8")
	for want, s := range map[string]Security{"192.0.2.9:5000": Required, "192.0.2.9:4000": Plain} {
		if _, got, err := secured(s).Answer(parse(t, both)); err != nil || got.Remote.String() != want {
			t.Errorf("%+v %v, want %s", got, err, want)
		}
	}
}

func FuzzCrypto(f *testing.F) {
	f.Add("1 AES_CM_128_HMAC_SHA1_80 " + someKey + "|2^20|1:4 WSH=64")
	f.Fuzz(func(t *testing.T, line string) {
		if c, ok := readCrypto(line); ok {
			if again, same := readCrypto(strings.TrimSuffix(strings.TrimPrefix(c.line(), "a=crypto:"), "\r\n")); !same || again.key != c.key || again.suite != c.suite {
				t.Errorf("%q comes back as %q", line, c.line())
			}
		}
	})
}
