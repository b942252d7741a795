package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

// FileSender is the sender for development: it writes every text as one line
// of JSON to a file instead of sending it. Safe for concurrent use.
type FileSender struct {
	path  string
	clock clock.Clock
	mu    sync.Mutex
}

// NewFileSender makes a sender that appends to path, by custom
// data_dir/sms.jsonl, which is made (0600) with the first text.
func NewFileSender(path string, clk clock.Clock) *FileSender {
	return &FileSender{path: path, clock: clk}
}

// Send implements Sender. The file gives no ids.
func (f *FileSender) Send(_ context.Context, m calls.SMS) (string, error) { return "", f.write(m) }

func (f *FileSender) write(m calls.SMS) error {
	line, err := json.Marshal(struct {
		At     string `json:"at"`
		ID     string `json:"id"`
		CallID string `json:"call_id"`
		To     string `json:"to"`
		From   string `json:"from"`
		Text   string `json:"text"`
	}{f.clock.Now().UTC().Format("2006-01-02T15:04:05.000Z07:00"), m.ID, m.CallID, m.To, m.From, m.Text})
	if err != nil {
		return &TextRefused{Reason: "the text cannot be written as JSON", Err: err}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	file, err := os.OpenFile(f.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return &TextRefused{Reason: "the file of texts cannot be opened", Again: true, Err: err}
	}
	_, err = file.Write(append(line, '\n'))
	if closing := file.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write the file of texts: %w", err)
	}
	return nil
}
