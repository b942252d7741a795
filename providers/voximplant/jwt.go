package voximplant

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxTokenLife is the longest life of a token that the service accepts (Management
// API, authorization): exp is at most iat + 3600 s.
const maxTokenLife = time.Hour

// maxToken bounds a token that is read, in bytes.
const maxToken = 4 << 10

// credentials are a service account as its file has it, which the panel of Voximplant
// and our facade give out once.
type credentials struct {
	AccountEmail string `json:"account_email"`
	AccountID    int64  `json:"account_id"`
	KeyID        string `json:"key_id"`
	PrivateKey   string `json:"private_key"` // PEM, PKCS #8 or PKCS #1
}

// signer makes tokens for one service account. Safe for concurrent use.
type signer struct {
	account int64
	keyID   string
	key     *rsa.PrivateKey
	life    time.Duration
}

// tokenHeader and tokenClaims have their members in the order in which the official
// clients write them: PKCS #1 v1.5 is deterministic, so equal input is an equal token.
type (
	tokenHeader struct {
		Alg string `json:"alg"`
		Typ string `json:"typ"`
		Kid string `json:"kid"`
	}
	tokenClaims struct {
		Iss json.Number `json:"iss"` // the account's id
		Iat json.Number `json:"iat"`
		Exp json.Number `json:"exp"`
	}
)

// readCredentials reads the file of a service account.
func readCredentials(file string) (credentials, *rsa.PrivateKey, error) {
	var c credentials
	if err := json.Unmarshal([]byte(file), &c); err != nil {
		return c, nil, errors.New("it is not the JSON of a service account's credentials file")
	}
	if c.AccountID <= 0 || c.KeyID == "" || c.PrivateKey == "" {
		return c, nil, errors.New("account_id, key_id and private_key must be there")
	}
	key, err := readPrivateKey(c.PrivateKey)
	return c, key, err
}

func readPrivateKey(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("private_key is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("private_key cannot be read")
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("private_key is not an RSA key")
	}
	return key, nil
}

// token makes the token of one request.
func (s *signer) token(now time.Time) (string, error) {
	iat := now.Unix()
	signed, err := signingInput(s.keyID, s.account, iat, iat+int64(s.life/time.Second))
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(nil, s.key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("the token could not be signed: %w", err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), nil
}

// signingInput is what of a token is signed (RFC 7515, section 5.1).
func signingInput(keyID string, account, iat, exp int64) (string, error) {
	number := func(n int64) json.Number { return json.Number(fmt.Sprint(n)) }
	header, err := json.Marshal(tokenHeader{Alg: "RS256", Typ: "JWT", Kid: keyID})
	if err != nil {
		return "", err
	}
	claims, err := json.Marshal(tokenClaims{Iss: number(account), Iat: number(iat), Exp: number(exp)})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(claims), nil
}

// readToken is a token whose signature was not checked yet.
type readToken struct {
	keyID     string
	account   string // iss, as a number is written
	iat, exp  time.Time
	signed    string
	signature []byte
}

// errToken is told of every token that does not hold; what is wrong with it is
// nobody's business but the journal's.
var errToken = errors.New("the token does not hold")

// parseToken reads a compact RS256 token. Any other algorithm is refused.
func parseToken(text string) (t readToken, err error) {
	parts := strings.Split(text, ".")
	if len(text) > maxToken || len(parts) != 3 {
		return t, fmt.Errorf("%w: it is not a compact token", errToken)
	}
	var header tokenHeader
	var claims tokenClaims
	if err := decodePart(parts[0], &header); err != nil {
		return t, err
	}
	if header.Alg != "RS256" || header.Typ != "" && !strings.EqualFold(header.Typ, "JWT") {
		return t, fmt.Errorf("%w: only RS256 is understood", errToken)
	}
	if err := decodePart(parts[1], &claims); err != nil {
		return t, err
	}
	account, err1 := claims.Iss.Int64()
	iat, err2 := claims.Iat.Int64()
	exp, err3 := claims.Exp.Int64()
	if errors.Join(err1, err2, err3) != nil || account <= 0 || header.Kid == "" {
		return t, fmt.Errorf("%w: kid, iss, iat and exp must be there, the last three as numbers", errToken)
	}
	if t.signature, err = base64.RawURLEncoding.Strict().DecodeString(parts[2]); err != nil {
		return t, fmt.Errorf("%w: its signature is not base64url", errToken)
	}
	t.keyID, t.account = header.Kid, fmt.Sprint(account)
	t.iat, t.exp = time.Unix(iat, 0), time.Unix(exp, 0)
	t.signed = parts[0] + "." + parts[1]
	return t, nil
}

func decodePart(part string, into any) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(part)
	if err != nil {
		return fmt.Errorf("%w: it is not base64url", errToken)
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if err := d.Decode(into); err != nil || d.More() {
		return fmt.Errorf("%w: it is not made of JSON objects", errToken)
	}
	return nil
}

// holds checks the signature and the times, which may be off by skew.
func (t readToken) holds(key *rsa.PublicKey, now time.Time, skew time.Duration) error {
	sum := sha256.Sum256([]byte(t.signed))
	switch {
	case rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], t.signature) != nil:
		return fmt.Errorf("%w: its signature is wrong", errToken)
	case t.exp.Sub(t.iat) > maxTokenLife || !t.exp.After(t.iat):
		return fmt.Errorf("%w: it may live an hour at most", errToken)
	case now.Add(skew).Before(t.iat):
		return fmt.Errorf("%w: it is of a time to come; compare the clocks", errToken)
	case !now.Add(-skew).Before(t.exp):
		return fmt.Errorf("%w: it is over", errToken)
	}
	return nil
}
