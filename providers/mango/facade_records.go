package mango

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"zvonar/providers"
)

// fileLife is how long the address of a file can be used once somebody was sent there.
const fileLife = 5 * time.Minute

// hasCapture reports whether the sound of a call can be had. recording_id is the id
// of the call.
func (f *facade) hasCapture(account, call string) bool {
	if f.house.Captures == nil {
		return false
	}
	_, err := f.house.Captures.Path(account, call)
	return err == nil
}

// recordingPost is queries/recording/post.
func (f *facade) recordingPost(q *query) outcome {
	var b struct {
		Recording text `json:"recording_id"`
		Action    text `json:"action"`
	}
	if err := q.form.parse(&b); err != nil {
		return refused(codeBadJSON, "json cannot be read")
	}
	if b.Action != actionDownload && b.Action != actionPlay {
		return refused(codeBadParams, "action is download or play")
	}
	if !f.hasCapture(q.key.Account, string(b.Recording)) {
		return refused(codeNoRecord, "there is no such recording")
	}
	f.sendToFile(q.w, q.r, string(b.Recording))
	return outcome{done: true}
}

// sendToFile leads to the sound of a call, for a while.
func (f *facade) sendToFile(w http.ResponseWriter, r *http.Request, call string) {
	link := f.house.Links.URL(call, f.house.Clock.Now().Add(fileLife))
	if strings.HasPrefix(link, "/") { // nobody configured how we are reached: as the asker reached us
		scheme := "http"
		if r.TLS != nil {
			scheme = "https"
		}
		link = scheme + "://" + r.Host + link
	}
	w.Header().Set("Location", link)
	w.WriteHeader(http.StatusFound)
}

// recordingLink is GET queries/recording/link/ID/ACTION/KEY/EXPIRES/SIGN.
func (f *facade) recordingLink(w http.ResponseWriter, r *http.Request) {
	fail := func(status, code int, why string) {
		providers.Named(r.Context(), providers.Label{Method: "queries/recording/link", Fault: why})
		writeJSON(w, status, map[string]any{"result": code, "message": meaningOf(code).words})
	}
	if !f.set.RecordLinks {
		fail(http.StatusForbidden, codeUnsupported, "links to recordings are switched off")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		fail(http.StatusMethodNotAllowed, codeBadFormat, "it is no GET")
		return
	}
	// The id may hold slashes, so the rest is counted from the end.
	_, rest, _ := strings.Cut(r.URL.Path, "/link/")
	fields := strings.Split(strings.Trim(rest, "/"), "/")
	if n := len(fields); n >= 5 {
		fields = append([]string{strings.Join(fields[:n-4], "/")}, fields[n-4:]...)
	} else {
		fail(http.StatusNotFound, codeMissing, "the address is not complete")
		return
	}
	recording, action, public, until, signature := fields[0], fields[1], fields[2], fields[3], fields[4]
	key, err := f.house.Keys.Find(r, Kind, public)
	if err != nil {
		fail(http.StatusForbidden, codeBadKey, "the key is unknown, or may not be used from there")
		return
	}
	providers.Named(r.Context(), providers.Label{Method: "queries/recording/link", Account: key.Account, Secrets: append(key.Secrets(f.house.Clock.Now()), signature)})
	if !signed(signature, public, until+recording, key.Secrets(f.house.Clock.Now())) {
		f.house.Keys.Wrong(r)
		fail(http.StatusForbidden, codeBadSign, "the signature is wrong")
		return
	}
	seconds, err := strconv.ParseInt(until, 10, 64)
	switch {
	case err != nil || action != actionDownload && action != actionPlay:
		fail(http.StatusBadRequest, codeBadParams, "the address is wrong")
	case f.house.Clock.Now().Unix() >= seconds:
		fail(http.StatusForbidden, codeBadParams, "the link has expired")
	case !providers.NeedListen.MetBy(key.Roles) || !f.hasCapture(key.Account, recording):
		fail(http.StatusNotFound, codeNoRecord, "there is no such recording")
	default:
		f.sendToFile(w, r, recording)
	}
}
