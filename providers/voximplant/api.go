package voximplant

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/providers"
)

// maxHistory bounds an answer of GetCallHistory and of GetCallListDetails, in bytes.
const maxHistory = 8 << 20

// api speaks with the Management API. Safe for concurrent use.
type api struct {
	url     string
	client  *providers.Client
	clock   clock.Clock
	signer  *signer // nil: by API key
	account fields  // what is sent along with an API key
	codes   map[int]doubt
}

// newAPI makes it of checked settings.
func newAPI(s *settings, client *providers.Client, c clock.Clock) (*api, error) {
	a := &api{url: s.URL, client: client, clock: c, codes: map[int]doubt{}}
	for code, d := range errorCodes {
		a.codes[code] = d
	}
	for text, d := range s.ErrorCodes {
		code, err := strconv.Atoi(text)
		if err != nil {
			return nil, fmt.Errorf("error_codes.%s: must be a number", text)
		}
		a.codes[code] = d
	}
	if s.Credentials == "" {
		a.account = fields{}.number("account_id", s.AccountID).text("api_key", s.APIKey)
		if s.AccountID == 0 {
			a.account.text("account_name", s.AccountName)
			if s.AccountName == "" {
				a.account.text("account_email", s.AccountEmail)
			}
		}
		return a, nil
	}
	c2, key, err := readCredentials(s.Credentials)
	if err != nil {
		return nil, fmt.Errorf("credentials: %w", err)
	}
	a.signer = &signer{account: c2.AccountID, keyID: c2.KeyID, key: key, life: time.Duration(s.TokenLife)}
	if s.AccountID != 0 { // of a child, in whose name the parent asks
		a.signer.account = s.AccountID
	}
	return a, nil
}

// send asks one method once. An error is as Client.Send says.
func (a *api) send(ctx context.Context, method string, f fields, file []byte, label providers.Label) (*providers.Answer, error) {
	req, err := a.request(method, f, file)
	if err != nil {
		return nil, &calls.PlaceRefused{Reason: "the request could not be written: " + err.Error(), Err: err}
	}
	label.Method = method
	return a.client.SendLimit(providers.Labelled(ctx, label), req, maxHistory)
}

// request writes a POST with a form, or with a multipart form where a file goes along.
func (a *api) request(method string, f fields, file []byte) (*http.Request, error) {
	all := fields{}
	for _, part := range []fields{a.account, f} {
		for name, values := range part {
			all[name] = values
		}
	}
	body, kind := bytes.NewBufferString(all.encode()), "application/x-www-form-urlencoded"
	if file != nil {
		var err error
		if body, kind, err = multipartOf(all, file); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequest(http.MethodPost, a.url+"/"+method+"/", body)
	if err != nil {
		return nil, errors.New("the url is not valid")
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "zvonar")
	if a.signer != nil {
		token, err := a.signer.token(a.clock.Now())
		if err != nil {
			return nil, err
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return req, nil
}

func multipartOf(f fields, file []byte) (*bytes.Buffer, string, error) {
	body := &bytes.Buffer{}
	w := multipart.NewWriter(body)
	for name, values := range f {
		if err := w.WriteField(name, values[0]); err != nil {
			return nil, "", err
		}
	}
	part, err := w.CreateFormFile("file_content", "list.csv")
	if err == nil {
		_, err = part.Write(file)
	}
	return body, w.FormDataContentType(), errors.Join(err, w.Close())
}

// words reads the message of an answer that is no yes.
var words = providers.Reading{ErrorPath: "error.msg"}

// read decodes an answer into a value, or says as a *calls.PlaceRefused or a
// *calls.PlaceUnknown why there is none.
func (a *api) read(answer *providers.Answer, into any) error {
	if answer.Status < 200 || answer.Status > 299 {
		_, err := words.Read(answer)
		return err
	}
	var e envelope
	if err := json.Unmarshal(answer.Body, &e); err != nil {
		return &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is not JSON", answer.Status), Err: err}
	}
	if f := e.fault(); f != nil {
		return a.fault(f)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer.Body, into); err != nil {
		return &calls.PlaceUnknown{Reason: "its answer has another form than was expected", Err: err}
	}
	return nil
}

// fault says what an error of the API means.
func (a *api) fault(f *errorBody) error {
	reason := fmt.Sprintf("error %d", f.Code)
	if msg := calls.Clean(f.Msg, 200); msg != "" {
		reason += ": " + strings.TrimSuffix(msg, ".")
	}
	if a.codes[f.Code] == refused {
		return &calls.PlaceRefused{Reason: reason}
	}
	return &calls.PlaceUnknown{Reason: reason}
}
