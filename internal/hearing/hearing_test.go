package hearing

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
	"zvonar/internal/clock"
	"zvonar/media"
	"zvonar/media/amd"
)

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// memStore keeps fingerprints; nothing else is asked of it.
type memStore struct {
	calls.Store
	rows []*calls.Fingerprint
}

type memTx struct {
	calls.Tx
	s *memStore
}

func (s *memStore) Update(_ context.Context, fn func(calls.Tx) error) error { return fn(memTx{s: s}) }
func (s *memStore) View(_ context.Context, fn func(calls.ReadTx) error) error {
	return fn(memTx{s: s})
}

func (t memTx) Fingerprints(account string) (list []*calls.Fingerprint, err error) {
	for _, f := range t.s.rows {
		if account == "" || f.Account == account {
			list = append(list, f)
		}
	}
	return list, nil
}

func (t memTx) InsertFingerprint(f *calls.Fingerprint) error {
	t.s.rows = append(t.s.rows, f)
	return nil
}

func (t memTx) DeleteFingerprint(account, id string) (bool, error) {
	for i, f := range t.s.rows {
		if f.Account == account && f.ID == id {
			t.s.rows = append(t.s.rows[:i:i], t.s.rows[i+1:]...)
			return true, nil
		}
	}
	return false, nil
}

func newAnnouncements(t *testing.T, s *memStore, c *clock.Fake) *Announcements {
	t.Helper()
	a := New(Config{Store: s, Countries: []string{"RU"}, Clock: c, IDs: clock.NewIDs(c, nil), Refresh: time.Minute,
		Deaf: func(trunk string) bool { return trunk == "deaf" }})
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Stop(context.Background()) })
	return a
}

// chirps is sound that is known again: syllables of three lines that move.
func chirps(seed, ms int) []int16 {
	pcm := make([]int16, ms*8)
	state := uint32(seed*2654435761 + 1)
	random := func() float64 {
		state = state*1664525 + 1013904223
		return float64(state>>8) / (1 << 24)
	}
	for from := 0; from < len(pcm); {
		n := min(int(640+1200*random()), len(pcm)-from)
		hz := [3]float64{300 + 600*random(), 900 + 1000*random(), 1900 + 1000*random()}
		for i := range n {
			x := 0.0
			for k, f := range hz {
				x += math.Sin(2*math.Pi*f*float64(i)/8000+float64(k)) * 2000
			}
			pcm[from+i] = int16(x * math.Sin(math.Pi*float64(i)/float64(n)))
		}
		from += n
	}
	return pcm
}

func tone(ms int, hz float64) []int16 {
	pcm := make([]int16, ms*8)
	for i := range pcm {
		pcm[i] = int16(6000 * math.Sin(2*math.Pi*hz*float64(i)/8000))
	}
	return pcm
}

func wav(pcm []int16) *bytes.Reader {
	var b bytes.Buffer
	le := binary.LittleEndian
	head := append([]byte("RIFF"), make([]byte, 40)...)
	le.PutUint32(head[4:], uint32(36+2*len(pcm)))
	copy(head[8:], "WAVEfmt ")
	le.PutUint32(head[16:], 16)
	le.PutUint16(head[20:], 1)
	le.PutUint16(head[22:], 1)
	le.PutUint32(head[24:], 8000)
	le.PutUint32(head[28:], 16000)
	le.PutUint16(head[32:], 2)
	le.PutUint16(head[34:], 16)
	copy(head[36:], "data")
	le.PutUint32(head[40:], uint32(2*len(pcm)))
	b.Write(head)
	for _, x := range pcm {
		b.Write(le.AppendUint16(nil, uint16(x)))
	}
	return bytes.NewReader(b.Bytes())
}

// customer asks for ears of a call of account.
func customer(a *Announcements, account, trunk string, report func(calls.Heard)) media.Analyser {
	return a.Ears(calls.DialRequest{Account: account, Trunk: trunk, Role: calls.RoleCustomer}, report)
}

func say(ears media.Analyser, pcm []int16) {
	for i := 0; i < len(pcm); i += 160 {
		ears.Hear(media.Sound{PCM: pcm[i:min(i+160, len(pcm))], Fresh: i == 0})
	}
}

func TestWhatIsAddedIsHeardOnTheLinesOfItsAccount(t *testing.T) {
	t.Parallel()
	a := newAnnouncements(t, &memStore{}, clock.NewFake(noon))
	f, err := a.Add(context.Background(), "main", "anna", "выключен", calls.MeansUnreachable, wav(chirps(1, 5000)))
	if err != nil || f.DurationMS != 5000 || f.AddedBy != "anna" || !f.CreatedAt.Equal(noon) {
		t.Fatalf("%+v, %v", f, err)
	}
	var mine, others []calls.Heard
	say(customer(a, "main", "t", func(h calls.Heard) { mine = append(mine, h) }), chirps(1, 5000)[4000:])
	say(customer(a, "other", "t", func(h calls.Heard) { others = append(others, h) }), chirps(1, 5000))
	if len(mine) != 1 || mine[0].Kind != calls.HeardKnown || mine[0].Meaning != calls.MeansUnreachable || mine[0].Detail != "выключен" || len(others) != 0 {
		t.Errorf("heard %+v; on another account %+v", mine, others)
	}
	if err := a.Remove(context.Background(), "other", f.ID); !errors.Is(err, calls.ErrNotFound) {
		t.Errorf("removed by another account: %v", err)
	}
	if err := a.Remove(context.Background(), "main", f.ID); err != nil || a.Book("main") != nil {
		t.Errorf("%v; the book still has it", err)
	}
}

func TestEarsHearTonesThroughLossesAndSilenceThatIsNotSent(t *testing.T) {
	t.Parallel()
	a := newAnnouncements(t, &memStore{}, clock.NewFake(noon))
	var all []calls.Heard
	ears := customer(a, "main", "t", func(h calls.Heard) { all = append(all, h) })
	gap, lost := 0, false
	for range 3 {
		pcm := tone(360, 425)
		for i := 0; i < len(pcm); i += 160 {
			if i == 800 { // one packet does not come
				gap, lost = 160, true
				continue
			}
			ears.Hear(media.Sound{PCM: pcm[i : i+160], Gap: gap, Lost: lost})
			gap, lost = 0, false
		}
		ears.Hear(media.Sound{Pause: true})
		gap = 350 * 8
	}
	if len(all) != 1 || all[0].Kind != calls.HeardBusy || all[0].Verdict() != calls.VerdictAnnouncement {
		t.Errorf("heard %+v", all)
	}
}

func TestNobodyListensToManagersAndDeafTrunks(t *testing.T) {
	t.Parallel()
	a := newAnnouncements(t, &memStore{}, clock.NewFake(noon))
	if customer(a, "main", "deaf", nil) != nil {
		t.Error("a deaf trunk has ears")
	}
	if a.Ears(calls.DialRequest{Role: calls.RoleCustomer, Trunk: "main", EarlyMedia: calls.EarlyOff}, nil) != nil {
		t.Error("a flow that wants nobody to listen has ears")
	}
	if a.Ears(calls.DialRequest{Role: calls.RoleCustomer, Trunk: "deaf", EarlyMedia: calls.EarlyListen}, nil) == nil {
		t.Error("a flow that wants it has no ears on a deaf trunk")
	}
	if a.Ears(calls.DialRequest{Role: calls.RoleManager}, nil) != nil {
		t.Error("a manager is listened to")
	}
}

func TestChangesOfOtherNodesAreRead(t *testing.T) {
	t.Parallel()
	s, c := &memStore{}, clock.NewFake(noon)
	a := newAnnouncements(t, s, c)
	other := newAnnouncements(t, s, clock.NewFake(noon))
	if _, err := other.Add(context.Background(), "main", "x", "x", calls.MeansBusy, wav(chirps(2, 4000))); err != nil {
		t.Fatal(err)
	}
	s.rows = append(s.rows, &calls.Fingerprint{ID: "fp_broken", Account: "main", Print: []byte("no print")})
	if a.Book("main") != nil {
		t.Fatal("known before it was read")
	}
	c.Advance(time.Minute)
	if a.Book("main") == nil {
		t.Error("not known after a minute")
	}
}

func TestBadAnnouncementsAreRefusedWithWords(t *testing.T) {
	t.Parallel()
	s := &memStore{}
	a := newAnnouncements(t, s, clock.NewFake(noon))
	good := chirps(3, 4000)
	cases := []struct {
		title   string
		meaning calls.Meaning
		file    *bytes.Reader
		want    string
	}{
		{"x", "purple", wav(good), "unreachable, busy"},
		{"", calls.MeansBusy, wav(good), "a title"},
		{"a\nb", calls.MeansBusy, wav(good), "a title"},
		{"x", calls.MeansBusy, wav(make([]int16, 80000)), "too little sound"},
		{"x", calls.MeansBusy, wav(good[:8000]), "too little sound"},
		{"x", calls.MeansBusy, bytes.NewReader([]byte("not a file")), ""},
	}
	for _, tc := range cases {
		_, err := a.Add(context.Background(), "main", "x", tc.title, tc.meaning, tc.file)
		var known *calls.Error
		if !errors.As(err, &known) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q %s: %v", tc.title, tc.meaning, err)
		}
	}
	for range calls.MaxFingerprints {
		s.rows = append(s.rows, &calls.Fingerprint{Account: "main"})
	}
	if _, err := a.Add(context.Background(), "main", "x", "x", calls.MeansBusy, wav(good)); err == nil || !strings.Contains(err.Error(), "remove one") {
		t.Errorf("one too many: %v", err)
	}
}

func TestAFileIsTestedAsACallWouldHearIt(t *testing.T) {
	t.Parallel()
	a := newAnnouncements(t, &memStore{}, clock.NewFake(noon))
	if _, err := a.Add(context.Background(), "main", "x", "занят", calls.MeansBusy, wav(chirps(4, 4000))); err != nil {
		t.Fatal(err)
	}
	pcm := append(make([]int16, 4000), chirps(4, 4000)...)
	for range 3 {
		pcm = append(pcm, make([]int16, 350*8)...)
		pcm = append(pcm, tone(350, 425)...)
	}
	list, err := a.Test(context.Background(), "main", wav(pcm))
	if err != nil || len(list) != 2 || list[0].Kind != calls.HeardKnown || list[1].Kind != calls.HeardBusy {
		t.Fatalf("%+v, %v", list, err)
	}
	if f := list[0]; f.FromMS < 400 || f.FromMS > 1100 || f.TellMS < 1000 || f.TellMS > 2200 {
		t.Errorf("%+v", f)
	}
}

func TestAMachineThatSpeaksBeforeTheAnswerIsToldAndWithABeepItIsVoicemail(t *testing.T) {
	t.Parallel()
	var got []calls.HeardKind
	e := &ears{report: func(h calls.Heard) { got = append(got, h.Kind) }}
	beep := amd.Event{Kind: amd.Beeped, Finding: amd.Finding{Kind: amd.Beep, Hz: 1000, Confidence: 0.9}}
	e.told(beep) // before words it is none of a voicemail
	e.told(amd.Event{Kind: amd.Decided, Verdict: amd.Human, Cause: "short_greeting"})
	e.told(amd.Event{Kind: amd.Revised, Verdict: amd.Machine, Cause: "long_greeting", Confidence: 0.97})
	e.told(beep)
	e.told(beep)
	if want := []calls.HeardKind{calls.HeardBeep, calls.HeardSpeech, calls.HeardBeep, calls.HeardVoicemail, calls.HeardBeep}; !slices.Equal(got, want) {
		t.Errorf("told %v, want %v", got, want)
	}
	got, e = nil, &ears{report: e.report}
	e.told(amd.Event{Kind: amd.Heard, Finding: amd.Finding{Kind: amd.Known, Meaning: "unreachable"}})
	e.told(amd.Event{Kind: amd.Decided, Verdict: amd.Machine, Cause: "long_greeting"})
	if want := []calls.HeardKind{calls.HeardKnown}; !slices.Equal(got, want) {
		t.Errorf("words that are known: told %v, want %v", got, want)
	}
}
