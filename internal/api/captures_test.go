package api

import (
	"bytes"
	"io"
	"io/fs"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// shelf is captures in memory.
type shelf map[string]string

type volume struct{ *bytes.Reader }

func (volume) Close() error { return nil }

func (s shelf) Read(call string) (io.ReadSeekCloser, error) {
	text, found := s[call]
	if !found {
		return nil, fs.ErrNotExist
	}
	return volume{bytes.NewReader([]byte(text))}, nil
}

func TestACaptureOpensForOperatorsAndByItsLinkAndLeavesATrace(t *testing.T) {
	t.Parallel()
	links := calls.CaptureLinks{Key: []byte(strings.Repeat("k", 32))}
	h := newHouse(t, func(c *Config) { c.Captures, c.CaptureLinks = shelf{"call_1": "RIFFsound"}, links })
	for _, id := range []string{"call_1", "call_2"} {
		h.put(func(tx calls.Tx) error {
			return tx.InsertCall(&calls.Call{ID: id, Account: calls.MainAccount, Direction: calls.Out, Status: calls.StatusCompleted, To: "79004443322", CreatedAt: noon})
		})
	}
	link := links.URL("call_1", noon.Add(time.Hour))
	for _, tc := range []struct {
		name, path string
		header     []string
		code       int
	}{
		{"operator", "/v1/calls/call_1/recording", as(h.tokens[calls.PermOperator]), 200},
		{"caller", "/v1/calls/call_1/recording", as(h.tokens[calls.PermCaller]), 403},
		{"viewer", "/v1/calls/call_1/recording", as(h.tokens[calls.PermViewer]), 403},
		{"nobody", "/v1/calls/call_1/recording", []string{"Authorization", ""}, 401},
		{"link", link, []string{"Authorization", ""}, 200},
		{"link of another call", strings.Replace(link, "call_1", "call_2", 1), []string{"Authorization", ""}, 403},
		{"link that is over", links.URL("call_1", noon.Add(-time.Hour)), []string{"Authorization", ""}, 403},
		{"forged", "/v1/calls/call_1/recording?expires=99999999999&signature=00", []string{"Authorization", ""}, 403},
		{"a part", "/v1/calls/call_1/recording", append(as(h.tokens[calls.PermOperator]), "Range", "bytes=4-8"), 206},
		{"not captured", "/v1/calls/call_2/recording", as(h.tokens[calls.PermOperator]), 404},
		{"no call", "/v1/calls/call_9/recording", as(h.tokens[calls.PermOperator]), 404},
	} {
		got := h.do("GET", tc.path, "", tc.header...)
		if got.code != tc.code || tc.code == 200 && got.body != "RIFFsound" || tc.code == 206 && got.body != "sound" {
			t.Errorf("%s: %d %s", tc.name, got.code, got.body)
		}
	}
	audit := h.do("GET", "/v1/audit?action=call.listen", "").body
	if strings.Count(audit, `"call.listen"`) != 3 || strings.Count(audit, `"link"`) != 1 {
		t.Errorf("the trace: %s", audit)
	}
}
