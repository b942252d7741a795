package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/media/capture"
)

// client speaks to the daemon's HTTP API as a bot platform would.
type client struct {
	base, token string
	http        *http.Client
}

func newClient(base, token string) *client {
	return &client{base: strings.TrimSuffix(base, "/"), token: token, http: &http.Client{Transport: &http.Transport{}}}
}

func (c *client) close() { c.http.CloseIdleConnections() }

// send makes a request; anything but 2xx is an error that quotes the problem.
func (c *client) send(ctx context.Context, method, path, contentType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 != 2 {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
		_ = res.Body.Close()
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, res.Status, bytes.TrimSpace(text))
	}
	return res, nil
}

// do sends in as JSON, unless nil, and reads the answer into out, unless nil.
func (c *client) do(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	var body io.Reader
	contentType := ""
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body, contentType = bytes.NewReader(b), "application/json"
	}
	res, err := c.send(ctx, method, path, contentType, body)
	if err != nil {
		return err
	}
	return decode(res, out)
}

func decode(res *http.Response, out any) error {
	defer func() { _ = res.Body.Close() }() // all that matters was read
	if out == nil {
		_, err := io.Copy(io.Discard, res.Body)
		return err
	}
	return json.NewDecoder(res.Body).Decode(out)
}

// upload adds a clip to the library and approves it, as a moderator would. It
// returns its record_id.
func (c *client) upload(ctx context.Context, title string, pcm []int16, system bool) (int64, error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("file", title+".wav")
	if err != nil {
		return 0, err
	}
	if err := capture.WriteWAV(file, sampleRate, pcm); err != nil {
		return 0, err
	}
	fields := map[string]string{"title": title}
	if system {
		fields["system"] = "true"
	}
	for k, v := range fields {
		if err := w.WriteField(k, v); err != nil {
			return 0, err
		}
	}
	if err := w.Close(); err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	res, err := c.send(ctx, http.MethodPost, "/v1/recordings", w.FormDataContentType(), &form)
	if err != nil {
		return 0, err
	}
	var rec struct {
		ID       string `json:"recording_id"`
		RecordID *int64 `json:"record_id"`
	}
	if err := decode(res, &rec); err != nil {
		return 0, err
	}
	if err := c.do(ctx, http.MethodPost, "/v1/recordings/"+rec.ID+"/approve", struct{}{}, &rec); err != nil {
		return 0, err
	}
	if rec.RecordID == nil {
		return 0, fmt.Errorf("clip %q was approved and has no record_id", title)
	}
	return *rec.RecordID, nil
}

// events reads the event log from its start.
func (c *client) events(ctx context.Context) ([]calls.Event, error) {
	var all []calls.Event
	for after := int64(0); ; {
		var page struct{ Items []calls.Event }
		if err := c.do(ctx, http.MethodGet, "/v1/events?limit=500&after="+strconv.FormatInt(after, 10), nil, &page); err != nil {
			return nil, err
		}
		if len(page.Items) == 0 {
			return all, nil
		}
		all = append(all, page.Items...)
		after = page.Items[len(page.Items)-1].Pos
	}
}

// follow calls on for each event as it happens, until ctx ends. A connection
// that breaks is resumed where it broke.
func (c *client) follow(ctx context.Context, on func(calls.Event)) error {
	last := "0"
	for failures := 0; ; failures++ {
		got, err := c.stream(ctx, &last, on)
		switch {
		case ctx.Err() != nil:
			return nil
		case got:
			failures = 0
		case failures == 10:
			return fmt.Errorf("event stream: %w", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// stream reads server-sent events until the connection breaks.
func (c *client) stream(ctx context.Context, last *string, on func(calls.Event)) (got bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/v1/events", nil)
	if err != nil {
		return false, err
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Accept", "text/event-stream")
	req.Header.Set("Last-Event-ID", *last)
	res, err := c.http.Do(req)
	if err != nil {
		return false, err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return false, fmt.Errorf("GET /v1/events: %s", res.Status)
	}
	var data []byte
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), ":"); key {
		case "id":
			*last = strings.TrimSpace(value)
		case "data":
			data = append(data, strings.TrimPrefix(value, " ")...)
		case "":
			var e calls.Event
			if len(data) > 0 && json.Unmarshal(data, &e) == nil && e.ID != "" {
				got = true
				on(e)
			}
			data = data[:0]
		}
	}
	return got, lines.Err()
}
