package rostelecom

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
)

// The headers of every request, in both directions, and of our answers to
// get_number_info.
const (
	headerID   = "X-Client-ID"
	headerSign = "X-Client-Sign"
)

// sign is sha256hex(client id + raw body + sign key), lower case, with nothing between.
func sign(id string, body []byte, key string) string {
	h := sha256.New()
	h.Write([]byte(id))
	h.Write(body)
	h.Write([]byte(key))
	return hex.EncodeToString(h.Sum(nil))
}

// signed reports whether signature is that of body by one of the keys.
func signed(id string, body []byte, keys []string, signature string) bool {
	ok := false
	for _, key := range keys {
		if key != "" && hmac.Equal([]byte(sign(id, body, key)), []byte(signature)) {
			ok = true
		}
	}
	return ok
}

// putSign sets the headers for a body.
func putSign(h http.Header, id string, body []byte, key string) {
	h.Set(headerID, id)
	h.Set(headerSign, sign(id, body, key))
}
