package voximplant

import (
	"context"
	"encoding/json"
	"os/exec"
	"slices"
	"testing"
	"time"
)

// played is what the fake VoxEngine of testdata/voxengine.js tells of a run.
type played struct {
	Reports  []map[string]any `json:"reports"`
	Done     []string         `json:"done"` // what the scenario did: callPSTN 79004443322, say …
	Listed   []string         `json:"listed"`
	Finished bool             `json:"terminated"`
}

// runScenario plays steps against the scenario: events of the client's call ("connected"),
// of the manager's ("manager:connected"), and time that goes by ("wait:5000").
func runScenario(t *testing.T, customData string, steps ...string) played {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed (scripts/need test installs it)")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, append([]string{"testdata/voxengine.js", "../../docs/voximplant/scenario.js", customData}, steps...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var p played
	if err := json.Unmarshal(out, &p); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return p
}

// events are the reports by name.
func (p played) events() (out []string) {
	for _, r := range p.Reports {
		name, _ := r["event"].(string)
		if d, ok := r["digit"].(string); ok && name == "tone" {
			name += d
		}
		out = append(out, name)
	}
	return out
}

func expect(t *testing.T, p played, events []string, done ...string) {
	t.Helper()
	if !slices.Equal(p.events(), events) {
		t.Errorf("reports: %v\nwant:    %v", p.events(), events)
	}
	for _, d := range done {
		if !slices.Contains(p.Done, d) {
			t.Errorf("it never did %q: %q", d, p.Done)
		}
	}
	if !p.Finished {
		t.Error("the session did not end")
	}
	for i, r := range p.Reports {
		if r["n"] != float64(i+1) {
			t.Errorf("report %d has number %v", i, r["n"])
		}
	}
}

// TestTheScenarioDoesWhatTheClientsTaskSays: the golden task of the client, and its
// reports are read by the client.
func TestTheScenarioDoesWhatTheClientsTaskSays(t *testing.T) {
	t.Parallel()
	task := fixture(t, "task.json")
	clip := "play https://pbx.example.com/intake/vox/s3cretpath/clips/" + clipHash
	got := runScenario(t, task, "ringing", "connected", "amd:HUMAN", "tone:1", "playbackfinished", "tone:2", "manager:connected", "record", "disconnected")
	expect(t, got, []string{"ringing", "connected", "amd", "tone1", "action", "playback", "tone2", "manager", "action", "joined", "record", "disconnected"},
		"callPSTN 79004443322 from 78005553535 amd RU 6500", "say Анна, ваш заказ & готов", "callPSTN 74242490764 from 78005553535", "join", "record", "hangup manager")
	if !slices.ContainsFunc(got.Done, func(s string) bool { return len(s) > len(clip) && s[:len(clip)] == clip }) {
		t.Errorf("the clip was not played: %q", got.Done)
	}
	r, err := newReading(callbackSettings{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newStory()
	for _, one := range got.Reports {
		body, _ := json.Marshal(one)
		facts, err := r.body(body)
		if err != nil || facts[0].attempt != "att_1" || facts[0].session != "4711" {
			t.Fatalf("%s: %+v %v", body, facts, err)
		}
		s.add(facts[0])
	}
	if !s.ended || !s.answered || len(s.recorded) != 1 || len(s.held) != 0 {
		t.Errorf("%+v", s)
	}
}

func TestTheScenarioEndsWell(t *testing.T) {
	t.Parallel()
	base := `{"v":1,"call":"c","attempt":"a","to":"79004443322","from":"78005553535","callback":"https://x/events","repeats":1,"digit_timeout_ms":5000,"max_invalid":2,"ring_timeout_ms":30000,"max_duration_ms":60000,`
	clip := base + `"play":{"url":"https://x/1.wav"}`
	menu := clip + `,"digits":[[],[{"do":"smsText"}],[{"do":"managerPhone","to":"74242490764"}],[{"do":"needBlock"}]],"manager":{"ring_timeout_ms":20000,"busy":{"text":"busy"}}`
	machine := func(does string) string {
		return clip + `,"amd":{"timeout_ms":6500,"on_machine":"` + does + `","message":{"url":"https://x/m.wav"}}}`
	}
	for name, c := range map[string]struct {
		task   string
		steps  []string
		events []string
		done   []string
	}{
		"busy":                     {menu + "}", []string{"ringing", "failed:486"}, []string{"ringing", "failed"}, nil},
		"nobody answers":           {menu + "}", []string{"ringing", "wait:30000"}, []string{"ringing", "failed"}, []string{"hangup client"}},
		"a clip alone":             {clip + "}", []string{"connected", "playbackfinished", "wait:500"}, []string{"connected", "playback", "disconnected"}, []string{"play https://x/1.wav", "hangup client"}},
		"no digit":                 {menu + "}", []string{"connected", "playbackfinished", "wait:5000"}, []string{"connected", "playback", "disconnected"}, []string{"hangup client"}},
		"a text":                   {menu + "}", []string{"connected", "tone:1", "wait:5000"}, []string{"connected", "tone1", "disconnected"}, nil},
		"blocked":                  {menu + "}", []string{"connected", "tone:3", "wait:500"}, []string{"connected", "tone3", "disconnected"}, nil},
		"wrong digits":             {menu + "}", []string{"connected", "tone:9", "tone:8"}, []string{"connected", "tone9", "tone8", "disconnected"}, []string{"hangup client"}},
		"the manager is busy":      {menu + "}", []string{"connected", "tone:2", "manager:failed:486", "playbackfinished", "wait:5000"}, []string{"connected", "tone2", "action", "playback", "disconnected"}, []string{"say busy"}},
		"the manager stays silent": {menu + "}", []string{"connected", "tone:2", "wait:20000", "disconnected"}, []string{"connected", "tone2", "action", "disconnected"}, []string{"hangup manager", "say busy"}},
		"the manager hangs up":     {menu + "}", []string{"connected", "tone:2", "manager:connected", "manager:disconnected"}, []string{"connected", "tone2", "manager", "action", "joined", "disconnected"}, []string{"hangup client"}},
		"too long":                 {menu + "}", []string{"connected", "wait:4000", "tone:1", "wait:60000"}, nil, []string{"hangup client"}},
		"a machine is left alone":  {machine("hangup"), []string{"connected", "amd:VOICEMAIL"}, []string{"connected", "amd", "disconnected"}, []string{"hangup client"}},
		"a machine hears":          {machine("message"), []string{"connected", "amd:VOICEMAIL", "playbackfinished"}, []string{"connected", "amd", "playback", "disconnected"}, []string{"play https://x/m.wav"}},
		"a machine hears the clip": {machine("play"), []string{"connected", "amd:VOICEMAIL", "playbackfinished", "wait:500"}, []string{"connected", "amd", "playback", "disconnected"}, nil},
		"taken back early":         {menu + "}", []string{"ringing", `http:{"cmd":"hangup"}`}, []string{"ringing", "failed"}, []string{"hangup client"}},
		"taken back":               {menu + "}", []string{"connected", `http:{"cmd":"hangup"}`}, []string{"connected", "disconnected"}, []string{"hangup client"}},
		"over SIP":                 {base + `"sip":"sip:100@pbx.example.com"}`, []string{"connected", "manager:connected", "tone:5", "manager:disconnected"}, []string{"connected", "joined", "tone5", "disconnected"}, []string{"callSIP sip:100@pbx.example.com from 79004443322", "join"}},
		"we are not there":         {base + `"sip":"sip:100@pbx.example.com"}`, []string{"connected", "manager:failed:503"}, []string{"connected", "disconnected"}, []string{"hangup client"}},
		"reports fail":             {menu + "}", []string{"refuse:2", "ringing", "wait:1000", "wait:1000", "failed:486"}, []string{"ringing", "failed"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := runScenario(t, c.task, c.steps...)
			if c.events == nil {
				c.events = got.events()
			}
			expect(t, got, c.events, c.done...)
		})
	}
	for _, broken := range []string{"{", `{"v":1}`, ""} {
		if got := runScenario(t, broken); !got.Finished || len(got.Done) != 0 {
			t.Errorf("%q: %+v", broken, got)
		}
	}
}

func TestTheScenarioTellsACallListOfItsTask(t *testing.T) {
	t.Parallel()
	row := `{"phone":"79004443322","from":"78005553535","play":{"url":"https://x/1.wav"}}`
	if got := runScenario(t, row, "connected", "playbackfinished", "wait:500"); len(got.Listed) != 1 || got.Listed[0][:12] != "reportResult" || !got.Finished {
		t.Errorf("%+v", got)
	}
	if got := runScenario(t, row, "failed:486"); len(got.Listed) != 1 || got.Listed[0][:11] != "reportError" || !got.Finished {
		t.Errorf("%+v", got)
	}
}
