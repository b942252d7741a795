package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

var (
	noisy   = regexp.MustCompile(`(?:^|;)snr(\d+)`)
	speaker = regexp.MustCompile(`^[a-z]{2}_(allison)$`) // one person who recorded several languages
)

// ReadManifest reads a CSV file with a header line: file (relative to dir) and
// label are needed; sub, voice, real, onset_ms, beep_at_ms and aug are read if they
// are there. Without a voice every file counts as one of its own. decode reads the
// sound of a file, 8 kHz mono.
func ReadManifest(r io.Reader, dir string, decode func(path string) ([]int16, error)) ([]*Sound, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("the manifest is no CSV: %w", err)
	}
	if len(rows) == 0 {
		return nil, errors.New("the manifest is empty")
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[strings.TrimSpace(name)] = i
	}
	for _, name := range []string{"file", "label"} {
		if _, ok := column[name]; !ok {
			return nil, fmt.Errorf("the manifest has no column %q", name)
		}
	}
	var out []*Sound
	for i, row := range rows[1:] {
		get := func(name string) string {
			if k, ok := column[name]; ok {
				return row[k]
			}
			return ""
		}
		s := &Sound{
			File: get("file"), Label: get("label"), Sub: get("sub"), Voice: get("voice"), Real: get("real") == "real",
			Onset: milliseconds(get("onset_ms")), Beep: milliseconds(get("beep_at_ms")),
		}
		if m := noisy.FindStringSubmatch(get("aug")); m != nil {
			s.SNR = max(0, milliseconds(m[1]))
		}
		if m := speaker.FindStringSubmatch(s.Voice); m != nil {
			s.Voice = m[1]
		}
		if s.Voice == "" {
			s.Voice = s.File
		}
		if s.PCM, err = decode(filepath.Join(dir, s.File)); err != nil {
			return nil, fmt.Errorf("line %d: %w", i+2, err)
		}
		out = append(out, s)
	}
	return out, nil
}

// milliseconds is -1 where nothing is written.
func milliseconds(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}

// Beside marks the sounds of more as learned from and never judged, beside sounds
// that are. A voice must not be on both sides: what is heard of it in training would
// flatter the report.
func Beside(sounds, more []*Sound) error {
	judged := map[string]string{}
	for _, s := range sounds {
		judged[s.Voice] = s.File
	}
	for _, s := range more {
		if file, ok := judged[s.Voice]; ok {
			return fmt.Errorf("%s is of the voice %q, as %s is, which is judged: a voice is either judged or learned from beside", s.File, s.Voice, file)
		}
		s.Aside = true
	}
	return nil
}
