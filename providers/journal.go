package providers

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// Label is what the journal cannot see in the bytes of an exchange.
type Label struct {
	Method      string // the provider's name of it
	Account     string
	Correlation string // our call
	Fault       string // what was wrong with the request, in words
	Test        bool   // sent by a person from the debug console
	// Secrets are hidden besides those with names, see Mask.
	Secrets []string
}

// with is l with what more knows better.
func (l Label) with(more Label) Label {
	for _, f := range []struct{ to, from *string }{{&l.Method, &more.Method}, {&l.Account, &more.Account},
		{&l.Correlation, &more.Correlation}, {&l.Fault, &more.Fault}} {
		if *f.from != "" {
			*f.to = *f.from
		}
	}
	l.Test = l.Test || more.Test
	l.Secrets = append(slices.Clip(l.Secrets), more.Secrets...)
	return l
}

type (
	outgoingKey struct{}
	incomingKey struct{}
)

// Labelled gives the requests that clients send with the context a label, on top of
// the one it has.
func Labelled(ctx context.Context, l Label) context.Context {
	have, _ := ctx.Value(outgoingKey{}).(Label)
	return context.WithValue(ctx, outgoingKey{}, have.with(l))
}

// Named tells the journal what the request is that a facade or an intake answers;
// ctx is that of the request. It may be called often, until the handler returns;
// what is empty stays as it was.
func Named(ctx context.Context, l Label) {
	if in, ok := ctx.Value(incomingKey{}).(*incoming); ok {
		in.mu.Lock()
		in.label = in.label.with(l)
		in.mu.Unlock()
	}
}

// incoming is the label of a request that is being answered.
type incoming struct {
	mu    sync.Mutex
	label Label
}

// keptSlack is how much more than is kept is looked at, so that a secret at the
// cut is known whole, in bytes.
const keptSlack = 4 << 10

// sample is the beginning of a body as it went by, and how long the body was.
type sample struct {
	bytes []byte
	size  int64
}

func (s *sample) add(b []byte) {
	s.size += int64(len(b))
	if room := calls.MaxExchange + keptSlack - len(s.bytes); room > 0 {
		s.bytes = append(s.bytes, b[:min(len(b), room)]...)
	}
}

// message is a first line, headers and a body as they are kept: masked and cut.
func message(first string, header http.Header, body sample, secrets []string) string {
	var b strings.Builder
	b.WriteString(first)
	b.WriteByte('\n')
	for _, name := range sortedNames(header) {
		for _, value := range header[name] {
			b.WriteString(name + ": " + value + "\n")
		}
	}
	if body.size > 0 {
		b.WriteString("\n" + readable(header.Get("Content-Type"), body))
	}
	return cutText(Mask(strings.ToValidUTF8(b.String(), "\uFFFD"), secrets...), calls.MaxExchange)
}

func sortedNames(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// readable is a body in words where it is no text.
func readable(contentType string, body sample) string {
	media, _, _ := mime.ParseMediaType(contentType)
	for _, binary := range []string{"audio/", "video/", "image/", "application/octet-stream", "application/zip"} {
		if strings.HasPrefix(media, binary) {
			return fmt.Sprintf("(%d bytes of %s)", body.size, media)
		}
	}
	return string(body.bytes)
}

// recorder writes exchanges of one side into the journal.
type recorder struct {
	journal        Journal
	clock          clock.Clock
	kind, provider string
	account        string
	outgoing       bool
	secrets        []string
}

// note gives the journal an exchange whose texts are ready.
func (r recorder) note(x calls.Exchange, l Label) {
	if r.journal == nil {
		return
	}
	x.Kind, x.Provider, x.Outgoing, x.Account = r.kind, r.provider, r.outgoing, r.account
	if l.Account != "" {
		x.Account = l.Account
	}
	x.Method, x.Correlation, x.Test = calls.Clean(l.Method, 64), l.Correlation, l.Test
	if l.Fault != "" {
		x.Fault = cutText(Mask(l.Fault, append(slices.Clip(r.secrets), l.Secrets...)...), 512)
	}
	x.TookMS = r.clock.Now().Sub(x.At).Milliseconds()
	r.journal.Note(x)
}
