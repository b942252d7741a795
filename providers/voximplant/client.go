package voximplant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/engine"
	"zvonar/providers"
)

// Kind is the name of the system.
const Kind = "voximplant"

// client is one configured provider.
type client struct {
	name     string
	house    *providers.House
	settings settings
	api      *api
	read     *reading
	clips    *clips
	feed     *feed
	metrics  *providers.Metrics

	mu       sync.Mutex
	sessions map[string]running // by attempt
}

// running is a session that was started: where it can be spoken to.
type running struct{ id, url string }

var (
	_ providers.Provider = (*client)(nil)
	_ providers.Canceler = (*client)(nil)
	_ providers.Follower = (*client)(nil)
	_ providers.Intake   = (*client)(nil)
	_ providers.Tester   = (*client)(nil)
	_ providers.Chooser  = (*client)(nil)
)

// newClient makes the client of a configured provider.
func newClient(h *providers.House, name string, from providers.Settings) (providers.Provider, error) {
	c := &client{name: name, house: h, sessions: map[string]running{}, feed: newFeed()}
	if err := from.Decode(&c.settings); err != nil {
		return nil, err
	}
	if err := c.settings.check(); err != nil {
		return nil, err
	}
	hidden := []string{c.settings.APIKey}
	web, err := h.Client(providers.ClientConfig{Kind: Kind, Provider: name, Timeout: time.Duration(c.settings.Timeout), TLS: c.settings.TLS, Secrets: hidden})
	if err != nil {
		return nil, err
	}
	if c.api, err = newAPI(&c.settings, web, h.Clock); err != nil {
		return nil, err
	}
	if c.read, err = newReading(c.settings.Callbacks, c.settings.FailedCodes); err != nil {
		return nil, err
	}
	if c.metrics, err = providers.NewMetrics(h.Metrics); err != nil {
		return nil, err
	}
	c.clips = newClips(h.Library, func() string { return h.IntakeURL(name) })
	return c, nil
}

// Can implements providers.Provider.
func (c *client) Can() providers.Capabilities {
	if c.settings.Answers == "sip" {
		return providers.Capabilities{MatchCaller: true, Ready: engine.ReadyAnswer}
	}
	return providers.Capabilities{Plays: true}
}

// Place starts one session that calls the client. It sends one request and never a
// second one. Errors are *calls.PlaceRefused or *calls.PlaceUnknown.
func (c *client) Place(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	begun := c.house.Clock.Now()
	result, err := c.start(ctx, r)
	took := c.house.Clock.Now().Sub(begun)
	c.metrics.Placed(c.name, took, err)
	log := c.house.Log.With("provider", c.name, "call", r.CallID, "attempt", r.Attempt, "to", calls.Mask(r.To), "took", took)
	if err != nil {
		log.Warn("the provider did not start a session", "err", err)
		return result, err
	}
	log.Info("the provider started a session", "session", result.ProviderCallID)
	return result, nil
}

func (c *client) start(ctx context.Context, r calls.PlaceRequest) (calls.PlaceResult, error) {
	data, err := c.customData(ctx, r)
	if err != nil {
		return calls.PlaceResult{}, err
	}
	c.feed.asked(r.Attempt, data, c.house.Clock.Now())
	s := &c.settings
	f := fields{}.number("rule_id", s.RuleID).text("script_custom_data", data).number("user_id", s.UserID).text("user_name", s.UserName).
		number("application_id", s.ApplicationID).text("application_name", s.ApplicationName).
		text("server_location", s.ServerLocation).text("reference_ip", s.ReferenceIP)
	answer, err := c.api.send(ctx, "StartScenarios", f, nil, providers.Label{Account: r.Account, Correlation: r.CallID, Secrets: []string{c.house.IntakeURL(c.name)}})
	if err != nil {
		return calls.PlaceResult{}, err
	}
	var got started
	if err := c.api.read(answer, &got); err != nil {
		return calls.PlaceResult{}, err
	}
	if e := (envelope{Result: got.Result}); !e.yes() {
		return calls.PlaceResult{}, &calls.PlaceUnknown{Reason: "its answer has no result 1"}
	}
	id := calls.Clean(got.Session.String(), 64)
	address := got.SecureURL
	if address == "" {
		address = got.URL
	}
	c.remember(r.Attempt, running{id: id, url: address})
	return calls.PlaceResult{ProviderCallID: id}, nil
}

// customData writes the task of a call.
func (c *client) customData(ctx context.Context, r calls.PlaceRequest) (string, error) {
	m := taskMaker{settings: &c.settings, callback: c.callbackURL(),
		speak: func(ref calls.RecordingRef) *speech { return c.speech(ctx, r.Account, ref) },
		phone: func(target string) (string, error) { return c.phone(ctx, r.Account, target) }}
	if m.callback == "" {
		return "", &calls.PlaceRefused{Reason: "nobody could hear its reports: configure where we are reached from outside (http.public_url)"}
	}
	data, err := m.make(r)
	var no *calls.PlaceRefused
	switch {
	case errors.As(err, &no):
		return "", no
	case err != nil:
		return "", &calls.PlaceRefused{Reason: "the task could not be written", Err: err}
	case len(data) > c.settings.CustomData:
		return "", &calls.PlaceRefused{Reason: fmt.Sprintf("the task has %d bytes, more than max_custom_data allows: shorten the flow", len(data))}
	}
	return data, nil
}

// callbackURL is where the scenario reports.
func (c *client) callbackURL() string {
	at := c.house.IntakeURL(c.name)
	if at == "" {
		return ""
	}
	return strings.TrimSuffix(at, "/") + "/events"
}

// speech is a clip as the scenario plays it: by its address, or as a text.
func (c *client) speech(ctx context.Context, account string, ref calls.RecordingRef) *speech {
	text, voice := ref.Text, ref.Voice
	if text == "" && c.settings.Play == "text" {
		_ = c.house.Store.View(ctx, func(tx calls.ReadTx) error {
			rec, err := tx.Recording(account, ref.RecordingID)
			if err == nil && rec.Version == ref.Version {
				text, voice = rec.Text, rec.Voice
			}
			return nil // without a text it is played by its address
		})
	}
	if text != "" && (c.settings.Play == "text" || ref.SHA256 == "") {
		if i := strings.LastIndexByte(voice, '-'); i >= 0 && c.settings.Voices[voice] == "" {
			voice = voice[i+1:]
		}
		return &speech{Text: text, Voice: c.settings.Voices[voice]}
	}
	return &speech{URL: c.clips.address(ref)}
}

// phone is the number at which a manager is reached from outside.
func (c *client) phone(ctx context.Context, account, target string) (string, error) {
	if target != "" && strings.Trim(target, "0123456789") == "" && len(target) > 8 {
		return target, nil
	}
	var who *calls.Employee
	err := c.house.Store.View(ctx, func(tx calls.ReadTx) (err error) {
		id := strings.TrimPrefix(target, "employee:")
		if who, err = tx.EmployeeByExtension(account, id); errors.Is(err, calls.ErrNotFound) {
			who, err = tx.Employee(account, id)
		}
		return err
	})
	if err != nil || who == nil || who.Phone == "" {
		return "", &calls.PlaceRefused{Reason: fmt.Sprintf("it cannot reach the manager %q: give a number, or an employee with a phone", calls.Clean(target, 64)), Err: err}
	}
	return who.Phone, nil
}

// maxSessions bounds the sessions that are remembered, those of the lost ones too.
const maxSessions = 20_000

func (c *client) remember(attempt string, s running) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.sessions) < maxSessions {
		c.sessions[attempt] = s
	}
}

func (c *client) forget(attempt string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.sessions, attempt)
}

// Cancel implements providers.Canceler: it tells the running scenario to hang up.
func (c *client) Cancel(ctx context.Context, r calls.PlaceRequest, placed calls.PlaceResult) error {
	c.mu.Lock()
	s, ok := c.sessions[r.Attempt]
	c.mu.Unlock()
	if !ok || s.url == "" {
		return &calls.PlaceUnknown{Reason: "no session is known of the call: it cannot be taken back"}
	}
	if strings.HasPrefix(c.settings.URL, "https:") && !strings.HasPrefix(s.url, "https:") {
		return &calls.PlaceUnknown{Reason: "the session has no address with TLS: it is not spoken to"}
	}
	body, err := json.Marshal(map[string]string{"cmd": "hangup", "call": r.CallID, "attempt": r.Attempt})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(string(body)))
	if err != nil {
		return &calls.PlaceUnknown{Reason: "the address of the session cannot be read"}
	}
	req.Header.Set("Content-Type", "application/json")
	answer, err := c.api.client.Send(providers.Labelled(ctx, providers.Label{Method: "HttpRequest", Account: r.Account, Correlation: r.CallID, Secrets: []string{s.url}}), req)
	if err != nil {
		return err
	}
	if answer.Status == http.StatusNotFound || answer.Status == http.StatusGone {
		return nil // the session is over
	}
	_, err = providers.Reading{}.Read(answer)
	return err
}
