package providers

import (
	"fmt"
	"net/http"
	"slices"

	"zvonar/internal/calls"
)

// maxText bounds what we keep of a provider's words and ids, in bytes.
const maxText = 200

// Reading says how the answers of a service are understood. Its paths are those
// of Lookup, "" where there is nothing to read.
type Reading struct {
	// Statuses, if any, are the only 2xx that are a yes.
	Statuses []int
	// SuccessPath names the value that says whether the service took the
	// request; SuccessEquals is what it then says, "true" if empty. Without a
	// path the status decides.
	SuccessPath, SuccessEquals string
	IDPath                     string // the service's own id
	ErrorPath                  string // its words for a refusal
}

// Check reports a path that could not be walked; an error names which.
func (r Reading) Check() error {
	for _, p := range []struct{ key, path string }{{"success_path", r.SuccessPath}, {"id_path", r.IDPath}, {"error_path", r.ErrorPath}} {
		if p.path == "" {
			continue
		}
		if err := CheckPath(p.path); err != nil {
			return fmt.Errorf("%s: %w", p.key, err)
		}
	}
	return nil
}

// Read decides what an answer means: the service's id, or a *calls.PlaceRefused
// where nothing happens, or a *calls.PlaceUnknown where nobody can tell.
func (r Reading) Read(a *Answer) (id string, err error) {
	if a.Status < 200 || a.Status > 299 {
		return "", r.refusal(a)
	}
	if len(r.Statuses) > 0 && !slices.Contains(r.Statuses, a.Status) {
		return "", &calls.PlaceUnknown{Reason: fmt.Sprintf("it answered with status %d, which the configuration does not name", a.Status)}
	}
	if r.SuccessPath == "" && r.IDPath == "" {
		return "", nil
	}
	v, err := ParseJSON(a.Body)
	if err != nil && r.SuccessPath == "" {
		return "", nil // a yes without an id
	}
	if err != nil {
		return "", &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer (status %d) is not JSON", a.Status), Err: err}
	}
	if r.SuccessPath != "" {
		want := r.SuccessEquals
		if want == "" {
			want = "true"
		}
		said, ok := Lookup(v, r.SuccessPath)
		switch {
		case !ok:
			return "", &calls.PlaceUnknown{Reason: fmt.Sprintf("its answer has no %s", r.SuccessPath) + r.words(v)}
		case said != want:
			return "", &calls.PlaceRefused{Reason: fmt.Sprintf("%s is %q", r.SuccessPath, clean(said)) + r.words(v)}
		}
	}
	if r.IDPath != "" {
		id, _ = Lookup(v, r.IDPath)
	}
	return clean(id), nil
}

// refusal reads an answer that is not 2xx. A 4xx was refused before anything
// happened, and so were 501, 503 and 505 and a redirect, which we do not follow.
// 408 and the other 5xx, gateways above all, say only that something went wrong
// on the way, perhaps after the telephone began to ring.
func (r Reading) refusal(a *Answer) error {
	reason := fmt.Sprintf("it answered with status %d", a.Status)
	switch {
	case a.Status == http.StatusTooManyRequests:
		reason += " (too many requests)"
	case a.Status >= 300 && a.Status < 400:
		reason += " (a redirect, which is not followed: configure the final address)"
	}
	if v, err := ParseJSON(a.Body); err == nil {
		reason += r.words(v)
	}
	if !certain(a.Status) {
		return &calls.PlaceUnknown{Reason: reason}
	}
	return &calls.PlaceRefused{Reason: reason}
}

func certain(status int) bool {
	switch status {
	case http.StatusRequestTimeout:
		return false
	case http.StatusNotImplemented, http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported:
		return true
	}
	return status >= 300 && status < 500
}

// words quotes the provider's own message.
func (r Reading) words(v any) string {
	if r.ErrorPath == "" {
		return ""
	}
	text, ok := Lookup(v, r.ErrorPath)
	if text = clean(text); !ok || text == "" || text == "null" {
		return ""
	}
	return ": " + text
}

// clean makes text from outside fit for a log and for an id.
func clean(s string) string { return calls.Clean(s, maxText) }
