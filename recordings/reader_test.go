package recordings

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
)

const debt = "Здравствуйте, {name}! Напоминаем, что ваш долг составляет {sum}. Оплатите его, пожалуйста, до {date:genitive}. Спасибо!"

// approvedTemplate is debt, spoken and approved.
func approvedTemplate(t *testing.T, l *Library) *calls.Recording {
	t.Helper()
	rec, err := l.AddText(context.Background(), "main", "bot", Spoken{Text: debt, Voice: "female"})
	if err != nil {
		t.Fatal(err)
	}
	if len(rec.Variables) != 3 || rec.Variables[1].Kind != calls.VariableSum || rec.Variables[1].Sample == "" || rec.Variables[1].Currency != "RUB" {
		t.Errorf("%+v", rec.Variables)
	}
	if rec, err = l.Approve(context.Background(), Decision{Account: "main", ID: rec.ID, Actor: "mod"}); err != nil {
		t.Fatal(err)
	}
	return rec
}

func reader(t *testing.T, l *Library) *Reader {
	t.Helper()
	r := NewReader(l)
	if err := r.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return r
}

// await asks for a text until it was read, or failed.
func await(t *testing.T, r *Reader, ref calls.RecordingRef) (calls.RecordingRef, error) {
	t.Helper()
	done := make(chan struct{}, 1)
	full, _, err := r.Ready("main", ref, func() { done <- struct{}{} })
	if !errors.Is(err, calls.ErrNotYet) {
		return full, err
	}
	<-done
	full, _, err = r.Ready("main", ref, func() {})
	return full, err
}

func TestATextWithVariablesIsReadForEachCall(t *testing.T) {
	t.Parallel()
	l, _ := speaking(t, program(t, "espeak-ng"), "--stdin", "--stdout", "-v", "{voice}")
	rec := approvedTemplate(t, l)
	r := reader(t, l)
	seen := map[string]bool{rec.SHA256: true}
	for _, name := range []string{"Анна", "Пётр Ильич"} {
		ref, err := l.Fill(rec, map[string]string{"name": name, "sum": "1500", "date": "31.12"})
		if err != nil || ref.SHA256 != "" || ref.RecordID != *rec.RecordID || ref.Voice != "ru-female" || !strings.Contains(ref.Text, "до тридцать первого декабря") {
			t.Fatalf("%+v, %v", ref, err)
		}
		if _, _, err := l.LoadRef(ref); err == nil {
			t.Fatal("something plays that was not spoken")
		}
		full, err := await(t, r, ref)
		if err != nil || seen[full.SHA256] || full.DurationMS < 7000 {
			t.Fatalf("%+v, %v", full, err)
		}
		seen[full.SHA256] = true
		pcm, wide, err := l.LoadRef(full)
		if err != nil || int64(len(pcm))/8 != full.DurationMS || len(wide) != 2*len(pcm) {
			t.Errorf("%d and %d samples, %v", len(pcm), len(wide), err)
		}
		again, _, err := r.Ready("main", ref, nil)
		if err != nil || again != full {
			t.Errorf("it is spoken anew: %+v, %v", again, err)
		}
	}
	if _, err := l.Fill(rec, map[string]string{"name": "Анна", "sum": "1500"}); calls.CodeOf(err) != calls.CodeInvalidField {
		t.Errorf("without a date: %v", err)
	}
}

func TestWhatWasReadForCallsIsForgottenAfterADay(t *testing.T) {
	t.Parallel()
	l, _ := speaking(t, program(t, "espeak-ng"), "--stdin", "--stdout", "-v", "{voice}")
	rec, r := approvedTemplate(t, l), reader(t, l)
	ref, err := l.Fill(rec, map[string]string{"name": "Анна", "sum": "1500", "date": "31.12"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := await(t, r, ref); err != nil {
		t.Fatal(err)
	}
	later := l.cfg.Clock.(*clock.Fake)
	later.Advance(renderedLife - time.Minute)
	if full, _, err := r.Ready("main", ref, nil); err != nil { // touches it
		t.Fatalf("%+v, %v", full, err)
	}
	later.Advance(renderedLife - time.Minute)
	if done, err := l.Forget(); err != nil || done.Files != 0 {
		t.Errorf("%+v, %v", done, err)
	}
	later.Advance(time.Minute)
	if done, err := l.Forget(); err != nil || done.Files != 3 {
		t.Errorf("%+v, %v", done, err)
	}
	if _, _, err := l.LoadRef(ref); err == nil {
		t.Error("it is still there")
	}
}

func TestATextThatCannotBeReadSaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	short, broken := filepath.Join(dir, "short.wav"), filepath.Join(dir, "broken.wav")
	for name, b := range map[string][]byte{short: tone(300, 0.5, time.Second), broken: []byte("no sound")} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		command []string
		code    calls.Code // empty: it is tried again
	}{
		"too short":    {[]string{"sh", "-c", `cat >/dev/null; cat "$0"`, short}, calls.CodeRecordingTooShort},
		"no sound":     {[]string{"sh", "-c", `cat >/dev/null; cat "$0"`, broken}, ""},
		"engine fails": {[]string{"false"}, ""},
	} {
		l, _ := speaking(t, c.command...)
		r := reader(t, l)
		_, err := await(t, r, calls.RecordingRef{RecordingID: "rec_1", Text: "сто рублей", Voice: "ru-male"})
		var known *calls.Error
		if err == nil || errors.As(err, &known) != (c.code != "") || known != nil && known.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
		l.cfg.Clock.(*clock.Fake).Advance(unfitLife)
		if _, _, err := r.Ready("main", calls.RecordingRef{Text: "сто рублей", Voice: "ru-male"}, func() {}); !errors.Is(err, calls.ErrNotYet) {
			t.Errorf("%s: it is not tried again: %v", name, err)
		}
	}
}
