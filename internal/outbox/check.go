package outbox

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"zvonar/internal/calls"
)

// Check judges a destination that somebody wants: its kind must be known, and its
// address, secret and settings must be what the kind understands. Errors are
// *calls.Error with the place of the fault in the body of a request.
func (o *Outbox) Check(w *calls.Webhook) error {
	s, known := o.sinks[kindOf(w)]
	if !known {
		return calls.Errorf(calls.CodeInvalidField, "there is no kind %q of destinations; known: %s", w.Kind,
			strings.Join(slices.Sorted(maps.Keys(o.sinks)), ", ")).At("body.kind", w.Kind)
	}
	return CheckDestination(s, w)
}

// CheckDestination has a sink judge a destination.
func CheckDestination(s Sink, w *calls.Webhook) error {
	if c, ok := s.(Checker); ok {
		return c.Check(w)
	}
	if raw := bytes.TrimSpace(w.Settings); len(raw) > 0 && string(raw) != "{}" && string(raw) != "null" {
		return calls.Errorf(calls.CodeInvalidField, "destinations of this kind have no settings").At("body.settings", nil)
	}
	return nil
}

func kindOf(w *calls.Webhook) string {
	if w.Kind == "" {
		return calls.KindWebhook
	}
	return w.Kind
}

// Check implements Checker.
func (webhook) Check(w *calls.Webhook) error {
	if err := CheckSecret(w.Secret); err != nil {
		return calls.Errorf(calls.CodeInvalidField, "%s", err.Error()).At("body.secret", nil)
	}
	return CheckDestination(plain{}, w)
}

// plain is a webhook whose secret was judged.
type plain struct{ Sink }
