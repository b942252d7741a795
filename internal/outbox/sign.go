package outbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const secretPrefix = "whsec_"

// TokenSecret derives, from the secret of an API token, the secret that signs
// deliveries to the webhook_url of calls which that token asked for. Whoever
// holds the token can compute it; from it the token cannot be found.
func TokenSecret(tokenPlain string) string {
	m := hmac.New(sha256.New, []byte(tokenPlain))
	m.Write([]byte("zvonar webhook signing"))
	return secretPrefix + base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// CheckSecret reports whether s can sign: "whsec_" and the base64 of 16 to 128
// bytes.
func CheckSecret(s string) error {
	_, err := secretKey(s)
	return err
}

var errSecret = errors.New(`a webhook secret is "whsec_" followed by the base64 of 16 to 128 random bytes; make one with: echo "whsec_$(openssl rand -base64 24)"`)

func secretKey(s string) ([]byte, error) {
	text, ok := strings.CutPrefix(s, secretPrefix)
	if !ok {
		return nil, errSecret
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil || len(key) < 16 || len(key) > 128 {
		return nil, errSecret
	}
	return key, nil
}

// sign puts the three headers of Standard Webhooks on a request. Without a
// secret there is no signature; the other two are there all the same.
func sign(h http.Header, secret, id string, at time.Time, body []byte) error {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	if secret == "" {
		return nil
	}
	key, err := secretKey(secret)
	if err != nil {
		return err
	}
	m := hmac.New(sha256.New, key)
	m.Write([]byte(id + "." + stamp + "."))
	m.Write(body)
	h.Set("webhook-signature", "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	return nil
}
