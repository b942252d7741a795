package rostelecom

import (
	"context"
	"errors"
	"net/url"
	"time"

	"zvonar/internal/calls"
)

// Record asks for the link of a session's record until it is there. The link works
// once, for a while, and from one address only: ours, or records.ip.
func (p *Provider) Record(ctx context.Context, session, correlation string) (string, error) {
	q := sessionQuery{Domain: p.set.Domain, SessionID: session, IPAddress: p.set.Records.IP}
	var link string
	err := p.until(ctx, p.set.Records.Tries, time.Duration(p.set.Records.Pause), func() (again bool, err error) {
		var out struct {
			URL text `json:"url"`
		}
		if err := p.ask(ctx, methodGetRecord, correlation, q, &out); err != nil {
			return true, err
		}
		u, err := url.Parse(string(out.URL))
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return true, errors.New("the answer has no link yet")
		}
		link = calls.Clean(string(out.URL), 2000)
		return false, nil
	})
	return link, err
}
