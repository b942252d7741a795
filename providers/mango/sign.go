package mango

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"strconv"
	"time"
)

// sign is the signature of a request or a notice: over the json field exactly as it
// is sent, in lower-case hex. It is no HMAC.
func sign(key, json, salt string) string {
	sum := sha256.Sum256([]byte(key + json + salt))
	return hex.EncodeToString(sum[:])
}

// signLink is the signature in the address of a recording, which is good until expires.
func signLink(key string, expires time.Time, recording, salt string) string {
	return sign(key, strconv.FormatInt(expires.Unix(), 10)+recording, salt)
}

// signed reports whether one of the salts made the signature. It tells nothing by
// the time that it takes.
func signed(signature, key, json string, salts []string) bool {
	ok := 0
	for _, salt := range salts {
		ok |= subtle.ConstantTimeCompare([]byte(signature), []byte(sign(key, json, salt)))
	}
	return ok == 1
}
