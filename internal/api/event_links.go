package api

import (
	"context"
	"encoding/json"

	"zvonar/internal/calls"
)

// mayFollowLinks tells whether whoever asks may see links to talks: they open without
// a token. Who asks for calls may have his events sent to him with them, whoever only
// looks on may not.
func mayFollowLinks(ctx context.Context) bool { return requestOf(ctx).token.May(calls.PermCaller) }

// withoutLink is an event as it is shown to those who may not listen.
func withoutLink(e calls.Event) calls.Event {
	var data map[string]json.RawMessage
	if e.Type != calls.CallRecordingReady || json.Unmarshal(e.Data, &data) != nil {
		return e
	}
	data["url"] = json.RawMessage(`""`)
	e.Data, _ = json.Marshal(data) // of what was JSON
	return e
}
