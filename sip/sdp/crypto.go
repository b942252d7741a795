package sdp

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"zvonar/media"
)

// Security says whether the audio is encrypted (SRTP with keys in the SDP, RFC
// 4568).
type Security int

// The ways.
const (
	Plain    Security = iota // never; an offer of SRTP alone is refused
	Either                   // as they offer it; we offer plain audio
	Required                 // always
)

// crypto is one a=crypto line.
type crypto struct {
	tag   string
	suite media.Suite
	key   media.Master
	mki   string
}

// maxCrypto bounds the lines of one stream.
const maxCrypto = 16

// maxMKI bounds a master key identifier, bytes.
const maxMKI = 16

// readCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:BASE64[|2^31][|1:4] [WSH=64]".
// False for what we do not speak: other suites, several keys, parameters that
// change what is encrypted.
func readCrypto(arg string) (c crypto, ok bool) {
	f := strings.Fields(arg)
	if len(f) < 3 || len(f[0]) > 9 || strings.Trim(f[0], "0123456789") != "" {
		return c, false
	}
	c.tag, c.suite = f[0], media.Suite(strings.ToUpper(f[1]))
	if !slices.Contains(media.Suites(), c.suite) {
		return c, false
	}
	for _, p := range f[3:] {
		if !strings.HasPrefix(strings.ToUpper(p), "WSH=") {
			return c, false
		}
	}
	scheme, params, _ := strings.Cut(f[2], ":")
	parts := strings.Split(params, "|")
	key, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if !strings.EqualFold(scheme, "inline") || strings.Contains(params, ";") || err != nil || len(key) != media.MasterLen {
		return c, false
	}
	c.key = media.Master(key)
	for _, p := range parts[1:] {
		value, length, isMKI := strings.Cut(p, ":")
		if !isMKI {
			continue // a lifetime, longer than any call
		}
		if c.mki, ok = readMKI(value, length); !ok {
			return c, false
		}
	}
	return c, true
}

// readMKI makes the bytes of "1:4": the number in so many bytes.
func readMKI(value, length string) (string, bool) {
	v, err := strconv.ParseUint(value, 10, 64)
	n, err2 := strconv.ParseUint(length, 10, 8)
	if err != nil || err2 != nil || n < 1 || n > maxMKI || n < 8 && v>>(8*n) != 0 {
		return "", false
	}
	b := make([]byte, n)
	for i := range min(n, 8) {
		b[n-1-i] = byte(v >> (8 * i))
	}
	return string(b), true
}

// line writes our key.
func (c crypto) line() string {
	return fmt.Sprintf("a=crypto:%s %s inline:%s\r\n", c.tag, c.suite, base64.StdEncoding.EncodeToString(c.key[:]))
}

// ours is our key for a suite, the same as long as the endpoint lives: a later
// offer that changes nothing else changes no key.
func (e *Endpoint) ours(s media.Suite) media.Master {
	if e.masters == nil {
		e.masters = map[media.Suite]media.Master{}
	}
	m, made := e.masters[s]
	if !made {
		m = media.NewMaster()
		e.masters[s] = m
	}
	return m
}

// offerCrypto are the lines of an offer: every suite, or the one agreed on.
func (e *Endpoint) offerCrypto() []crypto {
	if e.agreed != nil {
		return []crypto{*e.agreed}
	}
	var list []crypto
	for i, s := range media.Suites() {
		list = append(list, crypto{tag: strconv.Itoa(i + 1), suite: s, key: e.ours(s)})
	}
	return list
}

// takes reports whether m is transported in a way that we agree to, and whether
// that is encrypted.
func (e *Endpoint) takes(m *Media) (secure, ok bool) {
	switch m.Proto {
	case "RTP/AVP", "RTP/AVPF":
		return false, e.security != Required
	case "RTP/SAVP", "RTP/SAVPF":
		return true, e.security != Plain && len(m.crypto) > 0
	}
	return false, false
}

// chooseCrypto picks the line of an offer to answer: the first that we speak.
func (e *Endpoint) chooseCrypto(m *Media) (ours crypto, keys *media.Keys) {
	c := m.crypto[0]
	ours = crypto{tag: c.tag, suite: c.suite, key: e.ours(c.suite)}
	return ours, &media.Keys{Suite: c.suite, Send: ours.key, Receive: c.key, MKI: c.mki}
}

// acceptCrypto finds which of our lines an answer chose; nil: none of them.
func (e *Endpoint) acceptCrypto(m *Media) (crypto, *media.Keys) {
	c := m.crypto[0]
	for _, o := range e.offerCrypto() {
		if o.tag == c.tag && o.suite == c.suite {
			return o, &media.Keys{Suite: c.suite, Send: o.key, Receive: c.key, MKI: c.mki}
		}
	}
	return crypto{}, nil
}
