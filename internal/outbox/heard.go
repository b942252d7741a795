package outbox

import (
	"context"
	"net/http"
	"time"
)

// bodyTime is how long the body of an answer may take once its status is known.
const bodyTime = 2 * time.Second

// Exchanged sends one request of a sink and gives what its status says, with the
// beginning of the answer as Text: the status decides, and a body that drips must
// not hold a place. A sink whose receivers say no in a 2xx reads Text, too.
func Exchanged(ctx context.Context, client *http.Client, req *http.Request, now time.Time) Answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := client.Do(req.WithContext(ctx))
	if err != nil {
		return Answer{Fault: Unreachable, Error: Words(err)}
	}
	defer time.AfterFunc(bodyTime, cancel).Stop()
	text := ReadText(res.Body)
	_ = res.Body.Close()
	a := judged(res.StatusCode)
	a.Text = text
	if a.Then != Delivered {
		a.Error = "HTTP " + res.Status
		a.After = retryAfter(res.Header.Get("Retry-After"), now)
	}
	return a
}
