package providerstest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"zvonar/internal/calls"
)

// Asked is what was asked of a call that exists, in order: "transfer CALL TARGET",
// "play CALL CLIP", "record CALL true", "hold CALL ROLE true".
func (e *Engine) Asked() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.asked)
}

// control notes a request about a call; one that is over is in the wrong state.
func (e *Engine) control(account, id, format string, args ...any) (*calls.Call, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return nil, e.fail
	}
	c := e.store.CallByID(account, id)
	switch {
	case c == nil:
		return nil, calls.Errorf(calls.CodeNotFound, "there is no such call")
	case c.Over():
		return nil, calls.Errorf(calls.CodeWrongState, "the call is over")
	}
	e.asked = append(e.asked, fmt.Sprintf(format, args...))
	return c, nil
}

// Transfer implements engine.API.
func (e *Engine) Transfer(_ context.Context, account, id, target string) (*calls.Call, error) {
	return e.control(account, id, "transfer %s %s", id, target)
}

// Play implements engine.API.
func (e *Engine) Play(_ context.Context, account, id string, clip calls.ClipID) (*calls.Call, error) {
	return e.control(account, id, "play %s %s", id, clip)
}

// Record implements engine.API.
func (e *Engine) Record(_ context.Context, account, id string, on bool) (*calls.Call, error) {
	return e.control(account, id, "record %s %v", id, on)
}

// Hold implements engine.API.
func (e *Engine) Hold(_ context.Context, account, id string, role calls.Role, on bool) (*calls.Call, error) {
	return e.control(account, id, "hold %s %s %v", id, role, on)
}

// Captures are the sounds of the calls whose ids are in it.
type Captures map[string]string

// Path implements providers.Captures.
func (c Captures) Path(_, call string) (string, error) {
	if file, ok := c[call]; ok {
		return file, nil
	}
	return "", calls.ErrNotFound
}

// Texts takes every text.
type Texts struct {
	mu   sync.Mutex
	Sent []calls.SMS
	Err  error
}

// Send implements providers.Texts.
func (t *Texts) Send(_ context.Context, account, from, to, text string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.Err != nil {
		return "", t.Err
	}
	t.Sent = append(t.Sent, calls.SMS{Account: account, From: from, To: to, Text: text})
	return fmt.Sprintf("sms_%d", len(t.Sent)), nil
}

// All are the texts that were sent.
func (t *Texts) All() []calls.SMS {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.Sent)
}
