package zvonobot

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// clientSettings are the settings of a configured provider of this kind.
type clientSettings struct {
	URL     string         `yaml:"url"`     // where /apiCalls/METHOD is; "": that of Zvonobot
	APIKey  string         `yaml:"api_key"` // from the cabinet
	Timeout calls.Duration `yaml:"timeout"` // of one request; 0: providers.Wait
	TLS     providers.TLS  `yaml:"tls"`
	// Rate is how many requests a second go out at most; Poll how often it is asked what
	// became of calls, besides its webhooks.
	Rate float64        `yaml:"rate"`
	Poll calls.Duration `yaml:"poll"`
	// Records names its records by ours: record_id or recording_id → its id.
	Records map[string]int64 `yaml:"records"`
	// Texts lets clips that were made of text go out as texts, in its own voice.
	Texts *bool `yaml:"texts"`
	// Female is the gender of a female voice, 0 or 1; the male one is the other.
	Female int `yaml:"female"`
	// DutyPhone asks for a number of its carousel where a call names none of its own.
	DutyPhone *bool `yaml:"duty_phone"`
	// RecordField asks for the sound of the talk, where the flow wants it; "-": never.
	RecordField string         `yaml:"record_field"`
	RecordWait  calls.Duration `yaml:"record_wait"` // for the link to it, once the talk is over
	// Remove lets calls be taken back, which only some of its brands can.
	Remove bool `yaml:"remove"`
	// Ignore names options of flows that may be passed over because it cannot do them.
	Ignore []string `yaml:"ignore"`
	// Causes maps words of hangupCause or comment to our outcomes; Canceled is what a
	// call comes to where no word is known.
	Causes   map[string]string `yaml:"causes"`
	Canceled string            `yaml:"canceled"`
}

// recordWait is how long the link to the sound of a talk is waited for.
const recordWait = 5 * time.Minute

// The defaults of the client.
const (
	defaultURL   = "https://lk.zvonobot.ru"
	defaultRate  = 5
	defaultPoll  = 15 * time.Second
	shortestPoll = time.Second
	recordField  = "needRecording"
	noField      = "-"
)

// readClient reads and checks settings; an error names the key.
func readClient(s providers.Settings) (clientSettings, error) {
	var c clientSettings
	if err := s.Decode(&c); err != nil {
		return c, err
	}
	c.URL = strings.TrimRight(orText(c.URL, defaultURL), "/")
	c.RecordField = orText(c.RecordField, recordField)
	c.Canceled = orText(c.Canceled, string(calls.OutcomeNoAnswer))
	if c.Rate == 0 {
		c.Rate = defaultRate
	}
	if c.Poll == 0 {
		c.Poll = calls.Duration(defaultPoll)
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil:
		return c, fmt.Errorf("url: write it like %s", defaultURL)
	case c.APIKey == "":
		return c, fmt.Errorf("api_key: is missing; make one in the profile of the cabinet, and put it into a file with api_key_file")
	case c.Rate < 0.01 || c.Rate > 1000:
		return c, fmt.Errorf("rate: 0.01 to 1000 requests a second")
	case time.Duration(c.Poll) < shortestPoll || time.Duration(c.Poll) > time.Hour:
		return c, fmt.Errorf("poll: %s to 1h", shortestPoll)
	case c.Timeout < 0 || time.Duration(c.Timeout) > 5*time.Minute:
		return c, fmt.Errorf("timeout: at most 5m")
	case c.Female != 0 && c.Female != 1:
		return c, fmt.Errorf("female: 0 or 1")
	}
	for _, name := range c.Ignore {
		if !slices.Contains(ignorable(), name) {
			return c, fmt.Errorf("ignore: there is no option %q; there are %s", name, strings.Join(ignorable(), ", "))
		}
	}
	if err := checkOutcome("canceled", c.Canceled); err != nil {
		return c, err
	}
	for word, o := range c.Causes {
		if err := checkOutcome("causes."+word, o); err != nil {
			return c, err
		}
	}
	for ours, theirs := range c.Records {
		if theirs <= 0 {
			return c, fmt.Errorf("records.%s: must be the id of a record of theirs", ours)
		}
	}
	return c, nil
}

func checkOutcome(key, name string) error {
	if !slices.Contains(readable, calls.Outcome(name)) {
		return fmt.Errorf("%s: %q is no outcome of a call that came to no talk; write one of %v", key, name, readable)
	}
	return nil
}

func orText(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// facadeSettings are the settings of the facade.
type facadeSettings struct {
	// RepeatWindow is how long the same order rings nobody a second time.
	RepeatWindow time.Duration `yaml:"repeat_window"`
	// UploadSource is the source of a createRecord that brings a file, UploadField the
	// field it is in; MaxFile bounds such a body, in bytes.
	UploadSource string `yaml:"upload_source"`
	UploadField  string `yaml:"upload_field"`
	MaxFile      int64  `yaml:"max_file"`
	// MaxPhones bounds the phones of a create and the ids of a get; MaxBody a body, in bytes.
	MaxPhones int   `yaml:"max_phones"`
	MaxBody   int64 `yaml:"max_body"`
	Female    int   `yaml:"female"` // the gender of a female voice
	// Voice reads texts that name no gender: female or male.
	Voice string `yaml:"voice"`
	// Unmoderated says what is done with a call whose clip waits for a moderator: hold
	// or refuse.
	Unmoderated string `yaml:"unmoderated"`
	// Remove and Templates switch on what only white-label brands have.
	Remove    bool       `yaml:"remove"`
	Templates []template `yaml:"templates"`
	// SmartDelay says what smartDelay minutes of a template call do: spread the calls
	// over them, or ignore.
	SmartDelay string `yaml:"smart_delay"`
	// WebhookStatuses are those of which the webhook of a call tells.
	WebhookStatuses []string `yaml:"webhook_statuses"`
	// MergeParameters puts the members of webhookParameters into the webhooks beside
	// the text of it.
	MergeParameters *bool             `yaml:"merge_parameters"`
	RecordField     string            `yaml:"record_field"`
	Balance         string            `yaml:"balance"` // as userInfo tells it
	Cost            string            `yaml:"cost"`    // of every call
	Languages       []language        `yaml:"languages"`
	Causes          map[string]string `yaml:"causes"` // outcome → hangupCause
}

// template is a call that createWithTemplate names by its id.
type template struct {
	ID      int64             `yaml:"id"`
	Name    string            `yaml:"name"`
	Account string            `yaml:"account"` // "": every account
	Record  string            `yaml:"record"`  // record_id of an approved clip
	Text    string            `yaml:"text"`    // or what is read aloud; {name} is a variable
	Voice   string            `yaml:"voice"`   // of the text: female or male
	Digits  map[string]action `yaml:"digits"`  // by digit
}

// action is what a digit does in a template, one of:
type action struct {
	Record       string `yaml:"record"`
	ManagerPhone string `yaml:"managerPhone"`
	SMSText      string `yaml:"smsText"`
	NeedBlock    bool   `yaml:"needBlock"`
}

type language struct {
	Code string `yaml:"code" json:"code"`
	Name string `yaml:"name" json:"name"`
}

// What the settings of the facade may say.
const (
	unmoderatedHold   = "hold"
	unmoderatedRefuse = "refuse"
	delaySpread       = "spread"
	delayIgnore       = "ignore"
	voiceFemale       = "female"
	voiceMale         = "male"
)

// readFacade reads and checks settings; an error names the key.
func readFacade(s providers.Settings) (facadeSettings, error) {
	f := facadeSettings{RepeatWindow: providers.RepeatWindow, UploadSource: "file", UploadField: "file", MaxFile: 16 << 20, MaxPhones: maxTold, MaxBody: 4 << 20, Voice: voiceFemale, Unmoderated: unmoderatedHold, SmartDelay: delaySpread,
		WebhookStatuses: []string{statusFinished, statusCanceled}, RecordField: recordField, Balance: "0.00", Cost: "0.00",
		Languages: []language{{"ru-RU", "Русский"}, {"en-US", "English"}}}
	if err := s.Decode(&f); err != nil {
		return f, err
	}
	switch {
	case f.MaxPhones < 1 || f.MaxPhones > 100000:
		return f, fmt.Errorf("max_phones: 1 to 100000")
	case f.MaxBody < 1<<10 || f.MaxBody > 64<<20:
		return f, fmt.Errorf("max_body: 1024 to 67108864 bytes")
	case f.MaxFile < 1<<10 || f.MaxFile > 64<<20:
		return f, fmt.Errorf("max_file: 1024 to 67108864 bytes")
	case f.UploadSource == "" || f.UploadSource == "text" || !calls.Printable(f.UploadSource):
		return f, fmt.Errorf("upload_source: a word other than text")
	case f.UploadField == "" || !calls.Printable(f.UploadField) || slices.Contains([]string{"apiKey", "source", "text", "name", "gender"}, f.UploadField):
		return f, fmt.Errorf("upload_field: a name that no other field has")
	case f.Female != 0 && f.Female != 1:
		return f, fmt.Errorf("female: 0 or 1")
	case f.Voice != voiceFemale && f.Voice != voiceMale:
		return f, fmt.Errorf("voice: female or male")
	case f.Unmoderated != unmoderatedHold && f.Unmoderated != unmoderatedRefuse:
		return f, fmt.Errorf("unmoderated: hold or refuse")
	case f.SmartDelay != delaySpread && f.SmartDelay != delayIgnore:
		return f, fmt.Errorf("smart_delay: spread or ignore")
	}
	for _, st := range f.WebhookStatuses {
		if rank[st] == 0 {
			return f, fmt.Errorf("webhook_statuses: %q is no status", st)
		}
	}
	for o := range f.Causes {
		if !slices.Contains(calls.Outcomes(), calls.Outcome(o)) {
			return f, fmt.Errorf("causes: %q is no outcome", o)
		}
	}
	if err := providers.CheckRepeatWindow(f.RepeatWindow); err != nil {
		return f, err
	}
	return f, f.checkTemplates()
}

func (f *facadeSettings) checkTemplates() error {
	seen := map[int64]bool{}
	for i, t := range f.Templates {
		if t.ID <= 0 || seen[t.ID] {
			return fmt.Errorf("templates[%d].id: every template has a whole number of its own", i)
		}
		seen[t.ID] = true
		if (t.Record == "") == (t.Text == "") {
			return fmt.Errorf("templates[%d]: name a record or a text, one of them", i)
		}
		if t.Voice != "" && t.Voice != voiceFemale && t.Voice != voiceMale {
			return fmt.Errorf("templates[%d].voice: female or male", i)
		}
		if _, err := t.digits(); err != nil {
			return fmt.Errorf("templates[%d].digits: %w", i, err)
		}
	}
	return nil
}

// digits is the map of a template.
func (t template) digits() (calls.DigitMap, error) {
	var m calls.DigitMap
	for key, a := range t.Digits {
		d, err := strconv.Atoi(key)
		if err != nil {
			return nil, fmt.Errorf("%q is no digit", key)
		}
		it := ivrIn{Digit: number(d), ManagerPhone: text(a.ManagerPhone), SMSText: text(a.SMSText)}
		if a.NeedBlock {
			it.NeedBlock = 1
		}
		if a.Record != "" {
			it.Record = &recordIn{ID: text(a.Record)}
		}
		if err := it.into(&m, nil); err != nil {
			return nil, err
		}
	}
	return m, nil
}
