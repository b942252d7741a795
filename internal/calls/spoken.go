package calls

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// SpokenText is a text that a voice reads to whoever is called.
type SpokenText struct {
	Text  string // 1 to 2000 characters
	Voice string // male or female
	Actor string // who asked, as the audit log names him
	// Variables of the call, for the places in the text.
	Variables map[string]string
}

// Key names what is said, whoever asks: the hash by which the recording of it is
// found. White space does not count. Empty without a text.
func (s SpokenText) Key() string {
	text := strings.Join(strings.Fields(s.Text), " ")
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.Voice + "\x00" + text))
	return hex.EncodeToString(sum[:])
}

// TextKey is the Key of what the recording says; empty where it is a file, or a
// prompt, which may be shorter than what callees must hear.
func (r *Recording) TextKey() string {
	if r.System {
		return ""
	}
	return SpokenText{Text: r.Text, Voice: r.Voice}.Key()
}
