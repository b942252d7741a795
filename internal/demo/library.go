package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"zvonar/internal/calls"
	"zvonar/internal/client"
	"zvonar/media/capture"
)

// upload brings the clips into the library and approves them, as a moderator
// would. The notice comes first: inbound calls were configured to hear the first
// record_id.
func (w *world) upload(ctx context.Context, clips map[string]*clip) (ids map[string]int64, err error) {
	ids = map[string]int64{}
	for _, name := range []string{"notice", "second", "busy"} {
		c := clips[name]
		c.make(ctx)
		if ids[name], err = add(ctx, w.api, c); err != nil {
			return nil, fmt.Errorf("clip %q: %w", c.title, err)
		}
	}
	if ids["notice"] != firstRecord {
		return nil, fmt.Errorf("the first clip got record_id %d instead of %d", ids["notice"], firstRecord)
	}
	return ids, nil
}

// add uploads and approves one clip and returns its record_id.
func add(ctx context.Context, api *client.Client, c *clip) (int64, error) {
	var wav bytes.Buffer
	if err := capture.WriteWAV(&wav, sampleRate, c.pcm); err != nil {
		return 0, err
	}
	system := c.least == 0
	rec, err := api.AddRecording(ctx, c.title+".wav", c.title, system, &wav)
	if err != nil {
		return 0, err
	}
	if rec, err = api.Moderate(ctx, rec.RecordingID, "approve", client.Decision{}); err != nil {
		return 0, err
	}
	if rec.RecordID == nil {
		return 0, fmt.Errorf("it was approved and has no record_id")
	}
	return *rec.RecordID, nil
}

// eventLog reads the event log from its start.
func eventLog(ctx context.Context, api *client.Client) ([]calls.Event, error) {
	var all []calls.Event
	for after := int64(0); ; {
		var page struct{ Items []calls.Event }
		if err := api.Do(ctx, http.MethodGet, "/v1/events?limit=500&after="+strconv.FormatInt(after, 10), nil, &page); err != nil {
			return nil, err
		}
		if len(page.Items) == 0 {
			return all, nil
		}
		all = append(all, page.Items...)
		after = page.Items[len(page.Items)-1].Pos
	}
}
