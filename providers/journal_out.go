package providers

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
)

// transport notes what a client sends and what comes back.
type transport struct {
	recorder
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper. The exchange is noted once the answer was
// read or closed.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	label, _ := req.Context().Value(outgoingKey{}).(Label)
	secrets := append(append([]string(nil), t.secrets...), label.Secrets...)
	x := calls.Exchange{At: t.clock.Now(), RemoteAddress: req.URL.Host}
	sent := &sample{}
	if req.Body != nil && req.Body != http.NoBody {
		if err := copyBody(req, sent); err != nil {
			return nil, err
		}
	}
	first := req.Method + " " + req.URL.String()
	resp, err := t.next.RoundTrip(req)
	x.Request = message(first, req.Header, *sent, secrets)
	if err != nil {
		label.Fault = describe(err)
		t.note(x, label)
		return nil, err
	}
	x.Status = resp.StatusCode
	got := &sample{}
	resp.Body = &heard{ReadCloser: resp.Body, got: got, done: sync.OnceFunc(func() {
		x.Answer = message(resp.Proto+" "+resp.Status, resp.Header, *got, secrets)
		t.note(x, label)
	})}
	return resp, nil
}

// copyBody reads the beginning of a body that is about to be sent, and puts it back.
func copyBody(req *http.Request, into *sample) error {
	if req.GetBody != nil {
		again, err := req.GetBody()
		if err != nil {
			return err
		}
		defer func() { _ = again.Close() }()
		_, err = io.Copy(sampler{into}, again)
		return err
	}
	all, err := io.ReadAll(req.Body)
	if err = errors.Join(err, req.Body.Close()); err != nil {
		return err
	}
	into.add(all)
	req.Body = io.NopCloser(bytes.NewReader(all))
	return nil
}

type sampler struct{ *sample }

// Write implements io.Writer.
func (s sampler) Write(b []byte) (int, error) {
	s.add(b)
	return len(b), nil
}

// heard is a body that is looked at as it is read.
type heard struct {
	io.ReadCloser
	got  *sample
	done func()
}

// Read implements io.Reader.
func (h *heard) Read(b []byte) (int, error) {
	n, err := h.ReadCloser.Read(b)
	h.got.add(b[:n])
	if err != nil {
		h.done()
	}
	return n, err
}

// Close implements io.Closer.
func (h *heard) Close() error {
	defer h.done()
	return h.ReadCloser.Close()
}

// JournalledSink notes everything that a sink says.
func (h *House) JournalledSink(s outbox.Sink) outbox.Sink {
	j := journalledSink{s, h}
	if as, ok := s.(outbox.Authenticated); ok {
		return journalledAuthenticated{j, as}
	}
	return j
}

type journalledSink struct {
	outbox.Sink
	h *House
}

// Send implements outbox.Sink.
func (s journalledSink) Send(ctx context.Context, x outbox.Exchange) outbox.Answer {
	x.Client = s.client(x)
	return s.Sink.Send(Labelled(ctx, Label{Method: string(x.Event.Type), Correlation: x.Event.CallID}), x)
}

// client is that of the exchange, which notes what is said.
func (s journalledSink) client(x outbox.Exchange) *http.Client {
	noting := *x.Client
	next := noting.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	noting.Transport = transport{recorder{journal: s.h.Journal, clock: s.h.Clock, kind: s.Kind(), account: x.To.Account, outgoing: true, secrets: x.Secrets}, next}
	return &noting
}

// Check implements outbox.Checker.
func (s journalledSink) Check(w *calls.Webhook) error { return outbox.CheckDestination(s.Sink, w) }

type journalledAuthenticated struct {
	journalledSink
	as outbox.Authenticated
}

// CredentialName implements outbox.Authenticated.
func (s journalledAuthenticated) CredentialName(w *calls.Webhook) string {
	return s.as.CredentialName(w)
}

// Refresh implements outbox.Authenticated.
func (s journalledAuthenticated) Refresh(ctx context.Context, client *http.Client, w *calls.Webhook, c calls.Credential) (calls.Credential, error) {
	x := outbox.Exchange{Client: client, Item: outbox.Item{To: w}}
	return s.as.Refresh(Labelled(ctx, Label{Method: "refresh"}), s.client(x), w, c)
}
