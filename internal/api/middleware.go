package api

import (
	"context"
	"errors"
	"mime"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
)

// request is what is known of one request besides its bytes.
type request struct {
	id    string
	w     http.ResponseWriter
	r     *http.Request
	token *calls.Token // set by authorize
	// facadeKey is the key that a facade found for the request, see FacadeKeys.
	facadeKey [32]byte
	stream    bool // a live stream: its duration says nothing
	// release gives back the place among the requests in progress; a stream
	// does it early. May be called twice.
	release func()
}

type requestKey struct{}

// requestOf finds the request a handler works for.
func requestOf(ctx context.Context) *request {
	if q, ok := ctx.Value(requestKey{}).(*request); ok {
		return q
	}
	return &request{token: &calls.Token{}, release: func() {}}
}

// answer is a ResponseWriter that remembers what was answered.
type answer struct {
	http.ResponseWriter
	code int
}

func (a *answer) WriteHeader(code int) {
	if a.code == 0 && code >= 200 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// chain puts around next what every request gets: an id, a time limit, a place
// among the requests in progress, a limit of its body, a count, and a guard
// against panics.
func (s *Server) chain(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.clock.Now()
		a := &answer{ResponseWriter: w}
		q := &request{id: s.cfg.IDs.New("req_"), w: a}
		r = r.WithContext(context.WithValue(r.Context(), requestKey{}, q))
		q.r = r
		a.Header().Set("X-Request-Id", q.id)
		a.Header().Set("X-Content-Type-Options", "nosniff")
		a.Header().Set("Cache-Control", "no-store")
		defer func() {
			if s.recovered(recover(), q, a) {
				panic(http.ErrAbortHandler)
			}
			s.metrics.answered(routeOf(r), r.Method, a.code, s.clock.Now().Sub(start), q.stream)
		}()
		if p := s.admit(q, r); p != nil {
			p.write(a, q.id)
			return
		}
		q.release = sync.OnceFunc(func() { <-s.busy })
		defer q.release()
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTimeout))
		next.ServeHTTP(a, r)
	})
}

// recovered answers a panic with a problem. It reports whether the connection
// must be cut because half an answer is out already.
func (s *Server) recovered(cause any, q *request, a *answer) (cut bool) {
	if cause == nil {
		return false
	}
	if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	s.log.Error("a handler panicked", "request", q.id, "method", q.r.Method, "route", routeOf(q.r), "cause", cause, "stack", string(debug.Stack()))
	if a.code != 0 {
		return true
	}
	newProblem(calls.CodeInternal, "something failed on our side; the daemon's log tells more under this request_id").write(a, q.id)
	return false
}

// admit takes a place among the requests in progress and limits the body; nil
// means that the place is taken and must be given back.
func (s *Server) admit(q *request, r *http.Request) *Problem {
	limit := s.bodyLimit(r)
	mounted := isMounted(r) // says in its own words what is too large
	if r.ContentLength > limit && !mounted {
		return newProblem(calls.CodeTooLarge, "the body has "+strconv.FormatInt(r.ContentLength, 10)+" bytes, at most "+strconv.FormatInt(limit, 10)+" are read")
	}
	if p := checkContentType(r); p != nil && !mounted {
		return p
	}
	select {
	case s.busy <- struct{}{}:
	default:
		return newProblem(calls.CodeOverloaded, "too many requests are in progress; try again")
	}
	// One byte more than allowed, so that a JSON body at the limit is told from
	// one beyond it.
	if !mounted {
		limit++
	}
	r.Body = http.MaxBytesReader(q.w, r.Body, limit)
	return nil
}

func (s *Server) bodyLimit(r *http.Request) int64 {
	switch {
	case isUpload(r):
		return s.cfg.MaxUpload
	case isContactList(r), isNumberList(r):
		return maxContactList
	}
	return s.cfg.MaxBody
}

// checkContentType refuses a body that does not say it is JSON, before it is
// taken for broken JSON (curl -d says it is a form).
func checkContentType(r *http.Request) *Problem {
	ct := r.Header.Get("Content-Type")
	if ct == "" || r.ContentLength == 0 || isUpload(r) || isContactList(r) || isNumberList(r) || isTextCallback(r) {
		return nil
	}
	media, _, err := mime.ParseMediaType(ct)
	if err == nil && (media == "application/json" || strings.HasSuffix(media, "+json")) {
		return nil
	}
	p := newProblem(calls.CodeBadJSON, "send the body as JSON with the header Content-Type: application/json")
	p.Errors = []ProblemField{{Location: "header.Content-Type", Message: "must be application/json", Value: echo("", ct)}}
	return p
}

// noSuchPath is told where nothing is.
const noSuchPath = "there is no such path; /openapi.json lists what there is"

// route sends a request to its endpoint, and answers with a problem where there
// is none.
func (s *Server) route() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.serveMounted(w, r) {
			return
		}
		if isTextCallback(r) {
			s.serveTextCallback(w, r)
			return
		}
		if call, is := captureOfLink(r); is {
			s.serveLink(w, r, call)
			return
		}
		h, pattern := s.mux.Handler(r)
		if pattern != "" {
			s.mux.ServeHTTP(w, r)
			return
		}
		probe := &headerProbe{header: http.Header{}}
		h.ServeHTTP(probe, r)
		p := newProblem(calls.CodeNotFound, noSuchPath)
		if probe.code == http.StatusMethodNotAllowed {
			allow := probe.header.Get("Allow")
			w.Header().Set("Allow", allow)
			p = newProblem(calls.CodeNotFound, "this path takes "+allow+" only")
			p.Status, p.Title = http.StatusMethodNotAllowed, "Method not allowed"
			p.Type = "/problems/method-not-allowed"
		}
		p.write(w, requestOf(r.Context()).id)
	})
}

// headerProbe learns what the mux would have answered.
type headerProbe struct {
	header http.Header
	code   int
}

func (p *headerProbe) Header() http.Header         { return p.header }
func (p *headerProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *headerProbe) WriteHeader(code int)        { p.code = code }

// routeOf is the pattern a request matched, without its method.
func routeOf(r *http.Request) string {
	_, path, ok := strings.Cut(r.Pattern, " ")
	if !ok {
		return "other"
	}
	return path
}

// isUpload reports whether r brings a file: a new recording, a new version of one,
// one of another zvonar, or an announcement.
func isUpload(r *http.Request) bool {
	if rest, ok := strings.CutPrefix(r.URL.Path, "/v1/fingerprints"); ok {
		return r.Method == http.MethodPost && (rest == "" || rest == "/test")
	}
	rest, ok := strings.CutPrefix(r.URL.Path, "/v1/recordings")
	return ok && r.Method == http.MethodPost && (rest == "" || rest == "/import" || strings.HasSuffix(rest, "/versions"))
}
