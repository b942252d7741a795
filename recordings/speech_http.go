package recordings

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"zvonar/internal/egress"
)

// speakHTTP asks a speech service for a text and writes the WAV file that it
// answers with to w, up to one byte more than an upload may have.
func (l *Library) speakHTTP(ctx context.Context, u utterance, w io.Writer) error {
	body, err := json.Marshal(struct {
		Text     string `json:"text"`
		Language string `json:"language"`
		Voice    string `json:"voice"`
	}{u.text, u.voice[:2], l.cfg.Speech.Voices[u.voice]})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.cfg.Speech.URL, bytes.NewReader(body))
	if err != nil {
		return bare(err)
	}
	req.Close = true // texts are rare: no connection is kept for the next
	for name, value := range l.cfg.Speech.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "audio/wav")
	res, err := egress.TrustedUpTo(l.cfg.Speech.Timeout, l.cfg.MaxBytes+1).Do(req)
	if err != nil {
		return bare(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the speech service answered %s", res.Status)
	}
	_, err = io.Copy(w, res.Body)
	return bare(err)
}

// bare leaves out the address, which may hold a key, for the log.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
