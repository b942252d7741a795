package providers

import (
	"context"
	"io"
	"net/http"
	"strconv"

	"zvonar/internal/calls"
)

// Journalled notes every request that next answers, with the answer. The handlers
// below it say more of it with [Named]. provider is "" where next is a facade.
// secrets are hidden wherever they stand, besides those with names (see Mask).
func (h *House) Journalled(kind, provider string, next http.Handler, secrets ...string) http.Handler {
	rec := recorder{journal: h.Journal, clock: h.Clock, kind: kind, provider: provider, secrets: secrets}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		in, asked, told := &incoming{}, &sample{}, &listener{ResponseWriter: w}
		in.label, _ = r.Context().Value(outgoingKey{}).(Label) // of the debug console, which is its own client
		x := calls.Exchange{At: h.Clock.Now(), RemoteAddress: r.RemoteAddr}
		first := r.Method + " " + r.URL.RequestURI() + " " + r.Proto
		r = r.WithContext(context.WithValue(r.Context(), incomingKey{}, in))
		header := r.Header.Clone()
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.TeeReader(r.Body, sampler{asked}), r.Body}
		completed := false
		defer func() {
			in.mu.Lock()
			label := in.label
			in.mu.Unlock()
			hide := append(append([]string(nil), secrets...), label.Secrets...)
			x.Request = message(first, header, *asked, hide)
			if told.code == 0 && completed {
				told.code = http.StatusOK
			}
			if x.Status = told.code; x.Status != 0 {
				x.Answer = message(strconv.Itoa(x.Status)+" "+http.StatusText(x.Status), told.Header(), told.sample, hide)
			} else if label.Fault == "" {
				label.Fault = "something failed on our side; the log tells more"
			}
			rec.note(x, label)
		}()
		next.ServeHTTP(told, r)
		completed = true
	})
}

// listener is an answer that is looked at as it is written.
type listener struct {
	http.ResponseWriter
	sample
	code int
}

// WriteHeader implements http.ResponseWriter.
func (l *listener) WriteHeader(code int) {
	if l.code == 0 && code >= 200 {
		l.code = code
	}
	l.ResponseWriter.WriteHeader(code)
}

// Write implements http.ResponseWriter.
func (l *listener) Write(b []byte) (int, error) {
	if l.code == 0 {
		l.code = http.StatusOK
	}
	l.add(b)
	return l.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (l *listener) Unwrap() http.ResponseWriter { return l.ResponseWriter }
