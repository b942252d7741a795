package voximplant

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"

	"crypto/subtle"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// keyBits is the size of the keys of service accounts that we issue.
const keyBits = 2048

// keyExtra is what is kept of an issued key besides: the half of its RSA key that
// proves tokens.
type keyExtra struct {
	KeyID     string `json:"key_id"`
	PublicKey string `json:"public_key"` // PEM, PKIX
}

// keyForm says how credentials of the facade look: public is the account_id, the secret
// the api_key, and the credentials file of the service account is shown once.
func keyForm() providers.KeyForm {
	return providers.KeyForm{Signed: true, Public: newAccountID, Secret: newUUID, Extra: newServiceAccount}
}

// newAccountID makes a number of eight digits, the first not zero.
func newAccountID() string {
	n, err := rand.Int(rand.Reader, big.NewInt(90_000_000))
	if err != nil { // crypto/rand does not fail
		panic(err)
	}
	return strconv.FormatInt(10_000_000+n.Int64(), 10)
}

// newUUID makes a random UUID (RFC 9562, version 4), as api keys, key ids and batches are.
func newUUID() string {
	var b [16]byte
	if _, err := rand.Read(b[:]); err != nil { // crypto/rand does not fail
		panic(err)
	}
	b[6], b[8] = b[6]&0x0F|0x40, b[8]&0x3F|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// accountEmail and accountName stand for the account in requests that do not name its id.
func accountEmail(id string) string { return id + "@zvonar.invalid" }
func accountName(id string) string  { return "zvonar-" + id }

// newServiceAccount makes an RSA key: the private half is in the credentials file that
// is shown, and nowhere else.
func newServiceAccount(k *calls.FacadeKey) (shown map[string]string, err error) {
	id, err := strconv.ParseInt(k.Public, 10, 64)
	if err != nil {
		return nil, errors.New("the account_id must be a number")
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, err
	}
	private, err1 := x509.MarshalPKCS8PrivateKey(key)
	public, err2 := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	extra := keyExtra{KeyID: newUUID(), PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))}
	if k.Extra, err = json.Marshal(extra); err != nil {
		return nil, err
	}
	file, err := json.MarshalIndent(credentials{AccountEmail: accountEmail(k.Public), AccountID: id, KeyID: extra.KeyID,
		PrivateKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))}, "", "  ")
	if err != nil {
		return nil, err
	}
	return map[string]string{"credentials": string(file), "account_name": accountName(k.Public), "account_email": accountEmail(k.Public)}, nil
}

// errAuth is told of everything that does not prove who asks.
var errAuth = &apiError{100, "Authorization failed."}

// errCrowded is told to a source that has guessed too often.
var errCrowded = errors.New("too many wrong requests came from this address")

// authenticate finds the key of a request: by the token of its service account or, where
// there is none, by its API key.
func (f *facade) authenticate(r *http.Request, p params) (*calls.FacadeKey, error) {
	if head := r.Header.Get("Authorization"); head != "" {
		text, ok := cutPrefixFold(head, "Bearer ")
		if !ok {
			return nil, errAuth
		}
		token, err := parseToken(strings.TrimSpace(text))
		if err != nil {
			f.house.Keys.Wrong(r)
			providers.Named(r.Context(), providers.Label{Fault: err.Error()})
			return nil, errAuth
		}
		return f.byToken(r, token)
	}
	return f.byKey(r, p)
}

func (f *facade) byToken(r *http.Request, token readToken) (*calls.FacadeKey, error) {
	key, err := f.find(r, token.account)
	if err != nil {
		return nil, err
	}
	var extra keyExtra
	if err := json.Unmarshal(key.Extra, &extra); err != nil || extra.PublicKey == "" {
		return nil, errAuth
	}
	public, err := readPublicKey(extra.PublicKey)
	if err != nil {
		return nil, err
	}
	if extra.KeyID != token.keyID {
		err = fmt.Errorf("%w: the account has another key", errToken)
	} else {
		err = token.holds(public, f.house.Clock.Now(), f.skew())
	}
	if err != nil {
		f.house.Keys.Wrong(r)
		providers.Named(r.Context(), providers.Label{Fault: err.Error()})
		return nil, errAuth
	}
	return key, nil
}

// byKey takes account_id, account_name or account_email with api_key.
func (f *facade) byKey(r *http.Request, p params) (*calls.FacadeKey, error) {
	id := p.text("account_id")
	if name := p.text("account_name"); id == "" {
		id, _ = strings.CutPrefix(name, accountName(""))
	}
	if mail := p.text("account_email"); id == "" {
		id, _ = strings.CutSuffix(mail, accountEmail(""))
	}
	given := p.text("api_key")
	if id == "" || given == "" {
		return nil, errAuth
	}
	key, err := f.find(r, id)
	if err != nil {
		return nil, err
	}
	for _, secret := range key.Secrets(f.house.Clock.Now()) {
		if subtle.ConstantTimeCompare([]byte(secret), []byte(given)) == 1 {
			return key, nil
		}
	}
	f.house.Keys.Wrong(r)
	return nil, errAuth
}

func (f *facade) find(r *http.Request, public string) (*calls.FacadeKey, error) {
	key, err := f.house.Keys.Find(r, Kind, public)
	switch {
	case errors.Is(err, calls.ErrNotFound):
		return nil, errAuth
	case err != nil && calls.CodeOf(err) == calls.CodeOverloaded:
		return nil, errCrowded
	}
	return key, err
}

func readPublicKey(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("the public key of an issued key is not PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("the public key of an issued key cannot be read: %w", err)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("the public key of an issued key is not of RSA")
	}
	return key, nil
}

func cutPrefixFold(s, prefix string) (string, bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
