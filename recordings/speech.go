package recordings

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"zvonar/internal/calls"
	"zvonar/recordings/foreign"
)

// Bounds of texts and of the program that speaks them.
const (
	maxText      = 2000 // characters
	speechMemory = 2 << 30
	speechCPU    = 2 * time.Minute
	speechFiles  = 1 << 30 // sound libraries that engines link make large shared files
)

// Speech is who speaks texts: a program or a service.
type Speech struct {
	// Command with its arguments, of which {voice} stands for the voice; empty:
	// there is none. It reads the text (UTF-8) from its standard input and
	// writes a WAV file to its standard output.
	Command []string
	// URL of a service, where there is no command: it gets POST requests with
	// {"text","language","voice"} and these headers, and answers with a WAV file.
	// With neither texts are not spoken.
	URL     string
	Headers map[string]string
	// Voices by language and gender: ru-male, ru-female, en-male, en-female.
	Voices  map[string]string
	Timeout time.Duration // of one text
}

// Spoken is a text that becomes a recording.
type Spoken struct {
	Title  string // empty: the beginning of the text
	Text   string // 1 to 2000 characters
	Voice  string // male or female
	System bool   // as in Add
}

// AddText has a text read aloud and takes it in as Add takes a file; the
// moderator sees the text, too. Errors are those of Add, invalid-field for the
// text and the voice, and wrong-state where no speech engine is configured.
func (l *Library) AddText(ctx context.Context, account, actor string, s Spoken) (rec *calls.Recording, err error) {
	if s, err = l.toSpeak(s); err != nil {
		return nil, err
	}
	p, err := l.spoken(ctx, account, s)
	if err != nil {
		return nil, err
	}
	rec = l.fresh(account, s.Title, actor, s.System, p)
	rec.Text, rec.Voice = s.Text, s.Voice
	if err := l.insert(ctx, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// toSpeak completes and checks what is to be spoken.
func (l *Library) toSpeak(s Spoken) (Spoken, error) {
	s.Text = strings.Join(strings.Fields(s.Text), " ")
	if s.Title == "" {
		s.Title = opening(s.Text)
	}
	if err := s.check(); err != nil {
		return s, err
	}
	if err := checkTitle(s.Title); err != nil {
		return s, err
	}
	if len(l.cfg.Speech.Command) == 0 && l.cfg.Speech.URL == "" {
		return s, calls.Errorf(calls.CodeWrongState, "no speech engine is configured: set recordings.tts.command or .url, or upload a file")
	}
	return s, nil
}

// spoken has a text read and counts it; errors are about the text.
func (l *Library) spoken(ctx context.Context, account string, s Spoken) (p *product, err error) {
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	if p, err = l.speak(ctx, account, s); err != nil {
		return nil, inText(err)
	}
	return p, nil
}

func (s *Spoken) check() error {
	n := utf8.RuneCountInString(s.Text)
	switch {
	case n == 0 || n > maxText || !calls.Printable(s.Text):
		return calls.Errorf(calls.CodeInvalidField, "a text has 1 to %d characters and no control characters", maxText).At("body.text", nil)
	case strings.ContainsAny(s.Text, "<>{}"):
		return calls.Errorf(calls.CodeInvalidField, "a text has no markup and no braces: write what is to be said").At("body.text", nil)
	case s.Voice != "male" && s.Voice != "female":
		return calls.Errorf(calls.CodeInvalidField, "the voice must be male or female").At("body.voice", s.Voice)
	}
	return nil
}

// inText moves what is wrong with the clip to the text it was made of.
func inText(err error) error {
	var e *calls.Error
	if !errors.As(err, &e) {
		return err
	}
	moved := *e
	moved.Fields = nil
	return moved.At("body.text", nil)
}

// opening is a title for a text: its first words.
func opening(text string) string {
	const most = 60
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}

// speak has the text read into a file and makes a clip of it.
func (l *Library) speak(ctx context.Context, account string, s Spoken) (*product, error) {
	r, w := io.Pipe()
	gone := make(chan struct{})
	defer func() {
		_ = r.Close() // the engine ends where nobody listens
		<-gone
	}()
	voice := l.cfg.Speech.Voices[language(s.Text)+"-"+s.Voice]
	go func() {
		defer close(gone)
		var err error // nil is the end
		if len(l.cfg.Speech.Command) > 0 {
			err = l.speakCommand(ctx, s, voice, w)
		} else {
			err = l.speakHTTP(ctx, s, voice, w)
		}
		_ = w.CloseWithError(err)
	}()
	p, err := l.ingest(ctx, account, r, options{system: s.System})
	var told *calls.Error
	if err != nil && !errors.As(err, &told) && ctx.Err() == nil {
		l.cfg.Log.Error("the text could not be spoken", "account", account, "error", err)
		return nil, &calls.Error{Code: calls.CodeBadAudio, Detail: "the speech engine failed: the daemon's log says why", Err: fmt.Errorf("speech: %w", err)}
	}
	return p, err
}

// speakCommand has the program write the WAV file to w.
func (l *Library) speakCommand(ctx context.Context, s Spoken, voice string, w io.Writer) error {
	argv := make([]string, len(l.cfg.Speech.Command))
	for i, a := range l.cfg.Speech.Command {
		argv[i] = strings.ReplaceAll(a, "{voice}", voice)
	}
	limits := foreign.Limits{Memory: speechMemory, CPU: speechCPU, Wall: l.cfg.Speech.Timeout, Output: l.cfg.MaxBytes, Files: speechFiles}
	return foreign.Run(ctx, l.cfg.Confine, argv, strings.NewReader(s.Text), w, limits)
}

// language is that of most letters: ru or en.
func language(text string) string {
	cyrillic, latin := 0, 0
	for _, r := range text {
		switch {
		case unicode.Is(unicode.Cyrillic, r):
			cyrillic++
		case unicode.Is(unicode.Latin, r):
			latin++
		}
	}
	if latin > cyrillic {
		return "en"
	}
	return "ru"
}
