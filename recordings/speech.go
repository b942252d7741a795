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
	Text   string // 1 to 2000 characters; {name} is a variable, see compile
	Voice  string // male or female
	System bool   // as in Add; without variables
	// Reserve keeps the record_id for it that its approval will publish.
	Reserve bool
	// Variables say more of those in the text.
	Variables []calls.Variable
}

// utterance is what a voice reads.
type utterance struct {
	text  string
	voice string // language and gender: "ru-female"
	options
}

// AddText has a text read aloud and takes it in as Add takes a file; the
// moderator sees the text, too. Errors are those of Add, invalid-field for the
// text and the voice, and wrong-state where no speech engine is configured.
func (l *Library) AddText(ctx context.Context, account, actor string, s Spoken) (rec *calls.Recording, err error) {
	s, u, err := l.toSpeak(s)
	if err != nil {
		return nil, err
	}
	p, err := l.spoken(ctx, account, u)
	if err != nil {
		return nil, err
	}
	rec = l.fresh(account, s.Title, actor, s.System, p)
	rec.Text, rec.Voice, rec.Variables = s.Text, s.Voice, s.Variables
	if err := l.insert(ctx, rec, s.Reserve); err != nil {
		return nil, err
	}
	return rec, nil
}

// toSpeak completes and checks what is to be spoken: a text with variables is
// heard with their samples.
func (l *Library) toSpeak(s Spoken) (Spoken, utterance, error) {
	s.Text = strings.Join(strings.Fields(s.Text), " ")
	if s.Title == "" {
		s.Title = opening(s.Text)
	}
	u := utterance{options: options{system: s.System}}
	if err := s.check(); err != nil {
		return s, u, err
	}
	if err := checkTitle(s.Title); err != nil {
		return s, u, err
	}
	t, err := compile(s.Text, s.Variables)
	if err != nil {
		return s, u, err
	}
	if s.Variables = t.variables; s.System && len(t.variables) > 0 {
		return s, u, textFault("a prompt says the same to everybody: it has no variables")
	}
	u.voice = string(t.language) + "-" + s.Voice
	if u.text, err = t.fill(t.samples()); err != nil {
		return s, u, err
	}
	if !l.speaks() {
		return s, u, calls.Errorf(calls.CodeWrongState, "no speech engine is configured: set recordings.tts.command or .url, or upload a file")
	}
	return s, u, nil
}

// speaks reports whether there is a speech engine.
func (l *Library) speaks() bool { return len(l.cfg.Speech.Command) > 0 || l.cfg.Speech.URL != "" }

// spoken has a text read and counts it; errors are about the text.
func (l *Library) spoken(ctx context.Context, account string, u utterance) (p *product, err error) {
	begun := l.cfg.Clock.Now()
	defer func() { l.metrics.uploaded(err, l.cfg.Clock.Now().Sub(begun)) }()
	p, err = l.speak(ctx, account, u)
	var told *calls.Error
	switch {
	case err == nil:
		return p, nil
	case !errors.As(err, &told) && ctx.Err() == nil:
		l.cfg.Log.Error("the text could not be spoken", "account", account, "error", err)
		err = &calls.Error{Code: calls.CodeBadAudio, Detail: "the speech engine failed: the daemon's log says why", Err: fmt.Errorf("speech: %w", err)}
	}
	return nil, inText(err)
}

func (s *Spoken) check() error {
	n := utf8.RuneCountInString(s.Text)
	switch {
	case n == 0 || n > maxText || !calls.Printable(s.Text):
		return calls.Errorf(calls.CodeInvalidField, "a text has 1 to %d characters and no control characters", maxText).At("body.text", nil)
	case strings.ContainsAny(s.Text, "<>"):
		return calls.Errorf(calls.CodeInvalidField, "a text has no markup: write what is to be said").At("body.text", nil)
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

// speak has the text read into a file and makes a clip of it. What is wrong with the
// sound is a *calls.Error; other errors are the engine's, or ctx's.
func (l *Library) speak(ctx context.Context, account string, u utterance) (*product, error) {
	r, w := io.Pipe()
	gone := make(chan struct{})
	defer func() {
		_ = r.Close() // the engine ends where nobody listens
		<-gone
	}()
	go func() {
		defer close(gone)
		var err error // nil is the end
		if len(l.cfg.Speech.Command) > 0 {
			err = l.speakCommand(ctx, u, w)
		} else {
			err = l.speakHTTP(ctx, u, w)
		}
		_ = w.CloseWithError(err)
	}()
	return l.ingest(ctx, account, r, u.options)
}

// speakCommand has the program write the WAV file to w.
func (l *Library) speakCommand(ctx context.Context, u utterance, w io.Writer) error {
	argv := make([]string, len(l.cfg.Speech.Command))
	for i, a := range l.cfg.Speech.Command {
		argv[i] = strings.ReplaceAll(a, "{voice}", l.cfg.Speech.Voices[u.voice])
	}
	limits := foreign.Limits{Memory: speechMemory, CPU: speechCPU, Wall: l.cfg.Speech.Timeout, Output: l.cfg.MaxBytes, Files: speechFiles}
	return foreign.Run(ctx, l.cfg.Confine, argv, strings.NewReader(u.text), w, limits)
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
