package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"zvonar/media/capture"
)

// clip is a sound with what is known of it.
type clip struct {
	label, sub, lang, voice, real, source, licence string
	onset, end                                     int // ms; where speech begins, where its first utterance ends (0: not told)
	beepAt, beepHz                                 int // ms and Hz; 0 without
	pcm                                            []float64
}

// header names the columns of manifest.csv.
var header = []string{
	"file", "label", "sub", "lang", "voice", "real", "source", "licence", "beep_at_ms", "beep_hz", "onset_ms", "utt1_end_ms", "duration_ms", "aug", "note",
}

// shelf is the folder that is written.
type shelf struct {
	dir   string
	rows  [][]string
	count map[string]int // of a label and a voice
	err   error          // the first that keep met
}

// keep puts a clip and remembers an error.
func (s *shelf) keep(c *clip) {
	if s.err == nil {
		s.err = s.put(c)
	}
}

// longest is how much of a sound is kept.
const longest = 12 * rate

// put writes a clip as LABEL/VOICE_NN.wav and remembers its line.
func (s *shelf) put(c *clip) error {
	if s.count == nil {
		s.count = map[string]int{}
	}
	s.count[c.label+c.voice]++
	file := fmt.Sprintf("%s/%s_%02d.wav", c.label, c.voice, s.count[c.label+c.voice])
	pcm := c.pcm[:min(len(c.pcm), longest)]
	if err := os.MkdirAll(filepath.Join(s.dir, c.label), 0o755); err != nil {
		return err
	}
	sound, err := wav(pcm)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.dir, file), sound, 0o644)
	}
	if err != nil {
		return err
	}
	s.rows = append(s.rows, []string{
		file, c.label, c.sub, c.lang, c.voice, c.real, c.source, c.licence, told(c.beepAt), told(c.beepHz),
		strconv.Itoa(c.onset), told(c.end), strconv.Itoa(len(pcm) * 1000 / rate), "", "",
	})
	return nil
}

// told leaves out what is not there.
func told(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// manifest writes manifest.csv of all that was put, in one step.
func (s *shelf) manifest() error {
	var b strings.Builder
	w := csv.NewWriter(&b)
	if err := w.WriteAll(append([][]string{header}, s.rows...)); err != nil {
		return err
	}
	path := filepath.Join(s.dir, "manifest.csv")
	if err := os.WriteFile(path+".new", []byte(b.String()), 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// from names where a sound comes from.
func from(s *source, in *input) string { return "deb " + s.pkg + ":" + filepath.Base(in.name) }

// plain is a name that can be part of a file's.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.", r) {
			return r
		}
		return '-'
	}, name)
}

// wav is a file of 16 bit, mono.
func wav(pcm []float64) ([]byte, error) {
	words := make([]int16, len(pcm))
	for i, v := range pcm {
		words[i] = int16(math.Round(32767 * max(-1, min(1, v))))
	}
	var b bytes.Buffer
	err := capture.WriteWAV(&b, rate, words)
	return b.Bytes(), err
}
