package recordings

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

const long = "Здравствуйте! Ваша посылка ждёт вас в пункте выдачи на улице Ленина. Нажмите один, чтобы подтвердить, или два, чтобы отказаться."

func speaking(t *testing.T, command ...string) (*Library, *memory) {
	t.Helper()
	return library(t, func(c *Config) {
		c.Confine = []string{os.Args[0], "confined"}
		c.Speech = Speech{Command: command, Voices: map[string]string{"ru-male": "ru", "ru-female": "ru+f3", "en-male": "en", "en-female": "en+f3"}, Timeout: 30 * time.Second}
	})
}

func TestATextIsReadAloudAndWaitsForAModerator(t *testing.T) {
	t.Parallel()
	l, _ := speaking(t, program(t, "espeak-ng"), "--stdin", "--stdout", "-v", "{voice}")
	seen := map[string]bool{}
	for _, s := range []Spoken{
		{Text: long, Voice: "female"}, {Text: long, Voice: "male"},
		{Text: "Good afternoon! Your parcel is waiting for you at the collection point in Baker street. Press one to confirm or two to refuse it.", Voice: "male", Title: "Parcel"},
	} {
		rec, err := l.AddText(context.Background(), "main", "bot", s)
		if err != nil {
			t.Fatal(err)
		}
		if rec.State != calls.RecordingPending || rec.Text != s.Text || rec.Voice != s.Voice || rec.Title == "" || seen[rec.SHA256] {
			t.Errorf("%+v", rec)
		}
		if c := named(t, rec, "speech_percent"); c.Value < 60 {
			t.Errorf("%+v", c)
		}
		seen[rec.SHA256] = true
	}
	_, err := l.AddText(context.Background(), "main", "bot", Spoken{Text: "Добрый день!", Voice: "male"})
	if e := wantCode(t, err, calls.CodeRecordingTooShort); e.Fields[0].Location != "body.text" || e.Extra["measured_ms"] == nil {
		t.Errorf("%+v", e)
	}
}

func TestTextsAreChecked(t *testing.T) {
	t.Parallel()
	l, _ := speaking(t, "cat")
	for name, s := range map[string]Spoken{
		"empty":      {Voice: "male"},
		"too long":   {Voice: "male", Text: strings.Repeat("я", 2001)},
		"control":    {Voice: "male", Text: "a\x00b"},
		"markup":     {Voice: "male", Text: `<audio src="http://127.0.0.1/"/>`},
		"brace":      {Voice: "male", Text: "Здравствуйте, {name!"},
		"no voice":   {Text: long},
		"long title": {Text: long, Voice: "male", Title: strings.Repeat("я", 201)},
	} {
		if _, err := l.AddText(context.Background(), "main", "bot", s); calls.CodeOf(err) != calls.CodeInvalidField {
			t.Errorf("%s: %v", name, err)
		}
	}
	silent, _ := speaking(t)
	_, err := silent.AddText(context.Background(), "main", "bot", Spoken{Text: long, Voice: "male"})
	wantCode(t, err, calls.CodeWrongState)
}

func TestASpeechEngineThatFailsIsToldFromABadText(t *testing.T) {
	t.Parallel()
	for name, command := range map[string][]string{
		"not there":    {"/nowhere/engine"},
		"fails":        {"false"},
		"says nothing": {"true"},
		"no sound":     {"cat"},
		"endless":      {"cat", "/dev/zero"},
	} {
		l, m := speaking(t, command...)
		_, err := l.AddText(context.Background(), "main", "bot", Spoken{Text: long, Voice: "male"})
		if code := calls.CodeOf(err); code != calls.CodeBadAudio && code != calls.CodeTooLarge {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(l.cfg.Dir); len(left) != 0 || len(m.state.recordings) != 0 {
			t.Errorf("%s left behind: %v", name, left)
		}
	}
}

func TestOneTextIsSpokenOnceForManyCalls(t *testing.T) {
	t.Parallel()
	count := t.TempDir() + "/asked"
	l, m := speaking(t, "sh", "-c", `echo >> "$1"; exec espeak-ng --stdin --stdout -v "$2"`, "sh", count, "{voice}")
	program(t, "espeak-ng")
	ids := make(chan string, 6)
	for range cap(ids) {
		go func() {
			rec, err := l.Spoken(context.Background(), "main", calls.SpokenText{Text: long, Voice: "male", Actor: "bot"})
			if err != nil {
				t.Error(err)
				ids <- ""
				return
			}
			ids <- rec.ID
		}()
	}
	seen := map[string]bool{}
	for range cap(ids) {
		seen[<-ids] = true
	}
	asked, err := os.ReadFile(count)
	if err != nil || len(seen) != 1 || len(m.state.recordings) != 1 || len(asked) > speakers || len(m.state.audit) != 1 {
		t.Errorf("%v, %d recordings, asked %d times, %v", seen, len(m.state.recordings), len(asked), err)
	}
	// A prompt with the same words may be too short for a callee, and another
	// account has moderators of its own.
	if _, err := l.AddText(context.Background(), "other", "bot", Spoken{Text: long, Voice: "female", System: true}); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{"main", "other"} {
		rec, err := l.Spoken(context.Background(), account, calls.SpokenText{Text: long, Voice: "female", Actor: "bot"})
		if err != nil || rec.Account != account || rec.System {
			t.Errorf("%s: %+v, %v", account, rec, err)
		}
	}
}
