package main

import (
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// sayingsCSV are texts by language: greetings and announcements of machines, and what
// people say when they answer (short, business). We wrote them.
//
//go:embed sayings.csv
var sayingsCSV string

// festivalSCM prepares festival for a folder and a voice.
//
//go:embed festival.scm
var festivalSCM string

// saying is a line of sayingsCSV.
type saying struct{ lang, sub, text string }

// human reports whether people say it.
func (s *saying) human() bool { return s.sub == "short" || s.sub == "business" }

// synthetic lets a voice of festival say all that is written in its language. The
// table's voice is festival's name of it, and input the encoding that it reads.
func synthetic(ctx context.Context, s *source, found []*input, to *shelf) error {
	said, err := sayings(s.lang)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "sounds")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	files, err := speak(ctx, s, found[0], said, dir)
	if err != nil {
		return err
	}
	sounds, err := decode(ctx, files, 30, nil)
	if err != nil {
		return err
	}
	voice := plain("festival_" + s.voice)
	for i, x := range sounds {
		whole := phrases(x, files[i], 30)
		if len(whole) == 0 {
			continue
		}
		rnd := chance(voice + said[i].text)
		var c *clip
		if said[i].human() {
			c = answer(whole[0], rnd)
			c.label = "human"
		} else {
			c = greeting(whole[0], rnd)
		}
		c.sub, c.lang, c.voice, c.real = said[i].sub, s.lang, voice, "tts"
		c.source, c.licence = "deb "+s.pkg+" by festival", s.licence
		to.keep(c)
	}
	return to.err
}

// sayings are the texts of a language.
func sayings(lang string) ([]*saying, error) {
	rows, err := csv.NewReader(strings.NewReader(sayingsCSV)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("sayings.csv: %w", err)
	}
	var out []*saying
	for _, row := range rows[1:] {
		if row[0] == lang {
			out = append(out, &saying{row[0], row[1], row[2]})
		}
	}
	return out, nil
}

// speak writes a file for each saying into dir. found is any file of the voice.
func speak(ctx context.Context, s *source, found *input, said []*saying, dir string) ([]*input, error) {
	root, _, ok := strings.Cut(found.path, "/voices/")
	if !ok {
		return nil, fmt.Errorf("%s is not below voices", found.path)
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	var script strings.Builder
	_, _ = fmt.Fprintf(&script, festivalSCM, root, s.voice)
	var files []*input
	for i, one := range said {
		name := fmt.Sprintf("%02d.wav", i)
		files = append(files, &input{path: filepath.Join(dir, name), name: name, voice: s.voice, lang: s.lang})
		fmt.Fprintf(&script, "(say %q \"%s\")\n", files[i].path, one.text)
	}
	written := filepath.Join(dir, "say.scm")
	if err := os.WriteFile(written, encode(script.String(), s.input), 0o600); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "festival", "-b", written)
	cmd.Dir = root // where the lexicon of Czech is looked for
	told, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("festival: %w: %s", err, told[max(0, len(told)-300):])
	}
	return files, nil
}

// czech are the letters of ISO 8859-2 that differ from ISO 8859-1, as far as Czech
// has them.
var czech = strings.NewReplacer("ě", "\xec", "š", "\xb9", "č", "\xe8", "ř", "\xf8", "ž", "\xbe", "ů", "\xf9", "ň", "\xf2", "ť", "\xbb",
	"ď", "\xef", "Š", "\xa9", "Č", "\xc8", "Ř", "\xd8", "Ž", "\xae", "Ě", "\xcc",
	"á", "\xe1", "é", "\xe9", "í", "\xed", "ý", "\xfd", "ó", "\xf3", "ú", "\xfa", "Ú", "\xda", "Á", "\xc1")

// encode writes a text in the encoding that a voice reads.
func encode(text string, encoding []string) []byte {
	switch strings.Join(encoding, "") {
	case "latin1":
		out := make([]byte, 0, len(text))
		for _, r := range text {
			out = append(out, byte(r))
		}
		return out
	case "latin2":
		return []byte(czech.Replace(text))
	}
	return []byte(text)
}
