package mango

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/outbox"
	"zvonar/providers"
)

// noticeTime is how long an external system may take for the result of a command.
const noticeTime = 3 * time.Second

// notifyResult posts what a command came to: result/PATH without "commands/". Of
// callbacks the sink tells, once for each, also after a crash.
func (f *facade) notifyResult(q *query, code int) {
	f.notify(q, pathResult+resultPath(q.method.path), resultNotice{Command: q.common.Command, Result: number(code)})
}

// notify posts a notice to the external systems of the key, once the answer has left;
// nobody tries it again.
func (f *facade) notify(q *query, path string, body any) {
	_ = http.NewResponseController(q.w).Flush()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.r.Context()), noticeTime)
	defer cancel()
	var to []*calls.Webhook
	err := f.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		to, err = tx.Webhooks(q.key.Account)
		return err
	})
	if err != nil {
		f.log.Warn("the result of a command was not told", "err", err)
		return
	}
	notice, err := newForm(q.key.Public, q.key.Secret, body)
	if err != nil {
		return
	}
	for _, w := range to {
		if w.Kind != Kind || w.Key != q.key.ID || w.Disabled {
			continue
		}
		client := f.house.Guarded
		if w.FromConfig {
			client = f.house.Trusted
		}
		if a := deliver(ctx, client, w.URL, path, notice, f.house.Clock.Now()); a.Then != outbox.Delivered {
			f.log.Debug("the result of a command did not reach the external system", "path", path, "err", a.Error)
		}
	}
}

// deliver posts one notice below the address of an external system.
func deliver(ctx context.Context, client *http.Client, base, path string, notice form, now time.Time) outbox.Answer {
	req, err := http.NewRequest(http.MethodPost, below(base, path), bytes.NewReader(notice.encode()))
	if err != nil {
		return outbox.Answer{Fault: outbox.Unwanted, Error: "the URL cannot be read"}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("User-Agent", "zvonar")
	return outbox.Exchanged(providers.Labelled(ctx, providers.Label{Method: path}), client, req, now)
}
