//go:build linux

package main

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pion/srtp/v3"
)

// seal encrypts what a call sends and decrypts what it hears (SRTP, keys in the SDP).
type seal struct {
	key     [30]byte // ours: key, then salt
	out, in *srtp.Context
}

const suite = "AES_CM_128_HMAC_SHA1_80"

func newSeal() (*seal, error) {
	s := &seal{}
	_, _ = rand.Read(s.key[:]) // never fails
	var err error
	s.out, err = srtp.CreateContext(s.key[:16], s.key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80)
	return s, err
}

// line is our key for an offer.
func (s *seal) line() string {
	return fmt.Sprintf("a=crypto:1 %s inline:%s\r\n", suite, base64.StdEncoding.EncodeToString(s.key[:]))
}

// agree takes the target's key from its answer.
func (s *seal) agree(text string) error {
	_, rest, ok := strings.Cut(text, "a=crypto:1 "+suite+" inline:")
	if !ok {
		return fmt.Errorf("the answer has no key")
	}
	word, _, _ := strings.Cut(rest, "\r\n")
	key, err := base64.StdEncoding.DecodeString(word)
	if err != nil || len(key) != len(s.key) {
		return fmt.Errorf("the answer's key is %q", word)
	}
	s.in, err = srtp.CreateContext(key[:16], key[16:], srtp.ProtectionProfileAes128CmHmacSha1_80, srtp.SRTPReplayProtection(128))
	return err
}

// close encrypts a packet into b and gives its length.
func (s *seal) close(b, packet []byte) int {
	sealed, err := s.out.EncryptRTP(b[:0], packet, nil)
	if err != nil {
		return 0
	}
	return len(sealed)
}

// open reports whether a packet of the target is genuine.
func (s *seal) open(scratch, packet []byte) bool {
	_, err := s.in.DecryptRTP(scratch[:0], packet, nil)
	return err == nil
}
