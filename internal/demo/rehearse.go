package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/carrier"
	"zvonar/internal/client"
)

// Rehearsal says which campaign is played to the test carrier.
type Rehearsal struct {
	From      *client.Client // the daemon that has it; it is only read
	Campaign  string
	Contacts  int      // at most so many of those that wait
	Countries []string // that may be called
	// Mix is how callees behave, by suffixes of magic numbers: each contact gets
	// the next one.
	Mix []string
	// Told hears how it gets on.
	Told func(client.Campaign)
}

// Mix is the behaviour of callees where nobody says otherwise: of ten, four
// listen, one presses a digit, one has voicemail, two do not answer, one is busy,
// one rejects.
func Mix() []string {
	return []string{"1000", "2000", "3000", "1000", "0486", "2001", "1101", "0480", "2000", "0603"}
}

// Rehearse plays a campaign with the real daemon on loopback and a test carrier in
// place of the trunk: same flow, clips, contacts and pace, and nobody is rung, no
// manager either.
// Windows are open and numbers have no caps, so that it ends.
func Rehearse(ctx context.Context, cfg Config, r Rehearsal) (m client.Campaign, err error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	original, err := r.From.Campaign(ctx, r.Campaign)
	if err != nil {
		return m, err
	}
	list, err := r.contacts(ctx)
	if err != nil {
		return m, err
	}
	if len(list) == 0 {
		return m, errors.New("no contact of the campaign waits: there is nobody to rehearse with")
	}
	w, err := r.stage(ctx, cfg, original, list)
	if w != nil {
		defer func() { err = errors.Join(err, w.close()) }()
	}
	if err != nil {
		return m, err
	}
	known := map[string]string{}
	body, err := r.script(ctx, w.api, original, known)
	if err != nil {
		return m, err
	}
	lines, err := r.cast(ctx, w.api, list, known)
	if err != nil {
		return m, err
	}
	if m, err = w.api.CreateCampaign(ctx, body); err != nil {
		return m, err
	}
	if _, err := w.api.ImportContacts(ctx, m.ID, url.Values{"format": {"ndjson"}}, bytes.NewReader(lines)); err != nil {
		return m, err
	}
	if m, err = w.api.MoveCampaign(ctx, m.ID, calls.CampaignStart, ""); err != nil {
		return m, err
	}
	return r.watch(ctx, w.api, m)
}

// watch waits for the end of the rehearsal.
func (r *Rehearsal) watch(ctx context.Context, api *client.Client, m client.Campaign) (client.Campaign, error) {
	ticks := time.NewTicker(500 * time.Millisecond)
	defer ticks.Stop()
	for m.State == calls.CampaignIsRunning {
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return m, ctx.Err()
		}
		var err error
		if m, err = api.Campaign(ctx, m.ID); err != nil {
			return m, err
		}
		if r.Told != nil {
			r.Told(m)
		}
	}
	if m.PauseReason != nil {
		return m, fmt.Errorf("the campaign paused itself: %s", *m.PauseReason)
	}
	return m, nil
}

// contacts reads those that wait.
func (r *Rehearsal) contacts(ctx context.Context) (list []client.Contact, err error) {
	rows, err := r.From.ExportContacts(ctx, r.Campaign, url.Values{"format": {"jsonl"}, "state": {"waiting"}})
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // only read
	for d := json.NewDecoder(rows); len(list) < r.Contacts; {
		var t client.Contact
		if err := d.Decode(&t); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("the contacts cannot be read: %w", err)
		}
		list = append(list, t)
	}
	return list, nil
}

// cast makes the list of the twin's contacts, as NDJSON, with their own clips.
func (r *Rehearsal) cast(ctx context.Context, api *client.Client, list []client.Contact, known map[string]string) ([]byte, error) {
	var out bytes.Buffer
	for _, t := range list {
		line := map[string]any{"number": t.Number, "ref": fmt.Sprintf("rehearsal-%d", t.N), "variables": t.Variables, "timezone": t.Timezone}
		if t.RecordID != nil {
			twin, err := r.clip(ctx, api, *t.RecordID, known)
			if err != nil {
				return nil, fmt.Errorf("recording %s of contact %d: %w", *t.RecordID, t.N, err)
			}
			line["record_id"] = twin
		}
		b, err := json.Marshal(line)
		if err != nil {
			return nil, err
		}
		out.Write(append(b, '\n'))
	}
	return out.Bytes(), nil
}

// stage starts the carrier, to which the contacts' numbers mean how they behave,
// and a daemon that knows no other trunk.
func (r *Rehearsal) stage(ctx context.Context, cfg Config, m client.Campaign, list []client.Contact) (w *world, err error) {
	w = &world{}
	if w.dir, err = os.MkdirTemp(cfg.TempDir, "zvonar-dry-run-"); err != nil {
		return w, fmt.Errorf("temporary directory: %w", err)
	}
	sipPort, err := freePort()
	if err != nil {
		return w, err
	}
	aliases := map[string]string{}
	for i, t := range list {
		aliases[t.Number] = r.Mix[i%len(r.Mix)]
	}
	w.carrier, err = carrier.New(carrier.Config{PortMin: 22000, PortMax: 23998, PeerAddr: fmt.Sprintf("sip:127.0.0.1:%d", sipPort),
		Pace: pace, Aliases: aliases, Log: cfg.Log.With("part", "carrier")})
	if err != nil {
		return w, err
	}
	if err := w.carrier.Start(ctx); err != nil {
		return w, err
	}
	trunk, lines := "main", []string{}
	if m.Trunk != nil {
		trunk = *m.Trunk
	}
	for _, n := range m.From {
		if !strings.Contains(n, ":") {
			lines = append(lines, n)
		}
	}
	if len(lines) == 0 {
		lines = []string{line}
	}
	quoted, err := json.Marshal(lines) // which YAML understands
	if err != nil {
		return w, err
	}
	countries := slices.Clone(r.Countries)
	if !slices.Contains(countries, "RU") {
		countries = append(countries, "RU") // where the stand-in lives
	}
	file := filepath.Join(w.dir, "zvonar.yaml")
	text := fmt.Sprintf(`node: dry-run
data_dir: %q
store_reserve: 0
log: {level: warn, format: text}
http: {listen: "127.0.0.1:0"}
admin: {listen: "127.0.0.1:0"}
sip: {listen: ["udp://127.0.0.1:%d"]}
media: {ip: 127.0.0.1, ports: 20000-21998, codecs: [PCMA, PCMU]}
trunks:
  - {name: %q, uri: "sip:%s", accept_from: [127.0.0.1/32], numbers: %s, max_calls: 100, max_cps: 50, codecs: [PCMA]}
dialer: {window: {from: "00:00", to: "24:00"}, max_attempts_per_day: 0, ring_timeout: 5s, countries: [%s]}
`, filepath.Join(w.dir, "data"), sipPort, trunk, w.carrier.Addr(), quoted, strings.Join(countries, ", "))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return w, fmt.Errorf("configuration of the daemon: %w", err)
	}
	if w.system, err = cfg.Start(ctx, Overrides{ConfigFile: file, Log: cfg.Log}); err != nil {
		return w, fmt.Errorf("the daemon did not start: %w", err)
	}
	w.http = &http.Client{Transport: &http.Transport{}}
	w.api = &client.Client{Base: w.system.APIBase(), Token: w.system.Token(), HTTP: w.http, Pause: 200 * time.Millisecond}
	return w, nil
}

// standIn answers for every manager, at once talks a little, and hangs up: nobody
// of the real ones is rung.
const standIn = carrier.Prefix + "9006"

// script brings the clips of the campaign over and makes the body of its twin.
func (r *Rehearsal) script(ctx context.Context, api *client.Client, m client.Campaign, known map[string]string) (map[string]any, error) {
	var flow map[string]any
	if err := json.Unmarshal(m.Flow, &flow); err != nil {
		return nil, err
	}
	if err := r.recast(ctx, api, flow, known); err != nil {
		return nil, err
	}
	delete(flow, "clips")
	body := map[string]any{"name": "dry run of " + m.Name, "pace": m.Pace}
	if m.Bridge == nil {
		body["flow"] = flow
		return body, nil
	}
	body["bridge"] = map[string]any{"manager": standIn, "order": m.Bridge.Order, "anonymous": m.Bridge.Anonymous}
	if clip, _ := flow["record"].(string); clip != "" {
		body["record_id"] = clip
	}
	return body, nil
}

// recast names, everywhere in a flow, the copies of clips and the manager's stand-in.
func (r *Rehearsal) recast(ctx context.Context, api *client.Client, v any, known map[string]string) error {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if err := r.recast(ctx, api, e, known); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, member := range v {
			id, is := member.(string)
			switch {
			case !is || id == "":
				if err := r.recast(ctx, api, member, known); err != nil {
					return err
				}
			case key == "managerPhone":
				v[key] = standIn
			case key == "record" || strings.HasSuffix(key, "_record"):
				twin, err := r.clip(ctx, api, id, known)
				if err != nil {
					return fmt.Errorf("recording %s: %w", id, err)
				}
				v[key] = twin
			}
		}
	}
	return nil
}

// clip copies an approved recording, once, and gives its new name.
func (r *Rehearsal) clip(ctx context.Context, api *client.Client, id string, known map[string]string) (string, error) {
	if twin, ok := known[id]; ok {
		return twin, nil
	}
	sound, err := r.From.RecordingAudio(ctx, id, 0)
	if err != nil {
		return "", err
	}
	defer func() { _ = sound.Close() }() // only read
	rec, err := api.AddRecording(ctx, "clip.wav", id, true, sound)
	if err == nil {
		rec, err = api.Moderate(ctx, rec.RecordingID, "approve", client.Decision{})
	}
	if err != nil {
		return "", err
	}
	known[id] = rec.RecordingID
	return rec.RecordingID, nil
}
