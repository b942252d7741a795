package outbox

import (
	"context"
	"io"
	"net/http"
	"time"

	"zvonar/internal/egress"
)

// MaxBody is how much of an answer is given to a sink, in bytes.
const MaxBody = 64 << 10

// bodyTime is how long the body of an answer may take once its status is known:
// a body that drips must not hold a place.
const bodyTime = 2 * time.Second

// Exchanged sends one request of a sink and gives what its status says, with the
// beginning of the answer as Text.
func Exchanged(ctx context.Context, client *http.Client, req *http.Request, now time.Time) Answer {
	a, _ := ExchangedBody(ctx, client, req, now)
	return a
}

// ExchangedBody is Exchanged for sinks whose receivers say no in a 2xx: body is the
// answer as far as it is read. An error in it changes nothing.
func ExchangedBody(ctx context.Context, client *http.Client, req *http.Request, now time.Time) (a Answer, body []byte) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return Answer{Fault: Unreachable, Error: Words(err)}, nil
	}
	defer time.AfterFunc(bodyTime, cancel).Stop()
	body, _ = io.ReadAll(io.LimitReader(res.Body, MaxBody))
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, egress.MaxResponse)) // so that the connection can serve again
	_ = res.Body.Close()
	a = judged(res.StatusCode)
	a.Text = Clean(body)
	if a.Then != Delivered {
		a.Error = "HTTP " + res.Status
		a.After = retryAfter(res.Header.Get("Retry-After"), now)
	}
	return a, body
}
