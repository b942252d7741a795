package outbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
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

// sign puts the three headers of Standard Webhooks on a request, with a
// signature of every secret, separated by spaces. Without a secret there is no
// signature; the other two are there all the same.
func sign(h http.Header, secrets []string, id string, at time.Time, body []byte) error {
	stamp := strconv.FormatInt(at.Unix(), 10)
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	var signatures []string
	for _, secret := range secrets {
		key, err := secretKey(secret)
		if err != nil {
			return err
		}
		m := hmac.New(sha256.New, key)
		m.Write([]byte(id + "." + stamp + "."))
		m.Write(body)
		signatures = append(signatures, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	if len(signatures) > 0 {
		h.Set("webhook-signature", strings.Join(signatures, " "))
	}
	return nil
}

// secretsOf lists the secrets that sign for a webhook at now, the newest first.
// For the webhook of a call these are the secret of the token that asked for it
// and, where that was rotated since, those of its successors.
func secretsOf(w *calls.Webhook, tokens []*calls.Token, now time.Time) []string {
	var out []string
	add := func(s string) {
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	for i := len(tokens) - 1; i >= 0; i-- {
		t := tokens[i]
		if w.CallID != "" && w.TokenName != "" && t.Account == w.Account && t.Name == w.TokenName && t.CreatedAt.After(w.CreatedAt) && t.Usable(now) {
			add(t.WebhookSecret)
		}
	}
	add(w.Secret)
	if now.Before(w.OldSecretUntil) {
		add(w.OldSecret)
	}
	return out
}
