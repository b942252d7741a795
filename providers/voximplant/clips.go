package voximplant

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"zvonar/internal/calls"
	"zvonar/providers"
)

// clips serves the clips of calls to the scenario that plays them, at
// /clips/HASH-SEAL.wav below the intake: for clips that are spoken for one call
// /clips/sHASH-SEAL.wav. The seal is of the intake's address, which holds its secret, so
// that only what we named in a task can be fetched, also after a restart.
type clips struct {
	library providers.Library
	base    func() string
}

func newClips(l providers.Library, base func() string) *clips { return &clips{l, base} }

// sealLength is how many hex digits of a seal an address has.
const sealLength = 32

func (c *clips) seal(name string) string {
	h := hmac.New(sha256.New, []byte(c.base()))
	h.Write([]byte("clip " + name))
	return hex.EncodeToString(h.Sum(nil))[:sealLength]
}

// address is where a clip is fetched.
func (c *clips) address(ref calls.RecordingRef) string {
	name := ref.SHA256
	if ref.Spoken() {
		name = "s" + name
	}
	return strings.TrimSuffix(c.base(), "/") + "/clips/" + name + "-" + c.seal(name) + ".wav"
}

// serve answers GET and HEAD, ranges too. What is played is 8 kHz mono.
func (c *clips) serve(w http.ResponseWriter, req *http.Request, path string) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "clips are fetched"})
		return
	}
	name, seal, ok := strings.Cut(strings.TrimSuffix(path, ".wav"), "-")
	if !ok || !hmac.Equal([]byte(seal), []byte(c.seal(name))) {
		http.NotFound(w, req)
		return
	}
	ref := calls.RecordingRef{SHA256: name}
	if sha, spoken := strings.CutPrefix(name, "s"); spoken {
		ref.SHA256, ref.Text = sha, "spoken"
	}
	pcm, _, err := c.library.LoadRef(ref)
	if err != nil {
		providers.Named(req.Context(), providers.Label{Fault: "the clip cannot be read"})
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Content-Type", "audio/wav")
	w.Header().Set("ETag", `"`+name+`"`)
	w.Header().Set("Cache-Control", "private, max-age=86400")
	http.ServeContent(w, req, "clip.wav", time.Time{}, bytes.NewReader(wave(pcm)))
}

// wave writes 8 kHz mono samples as a WAV file (RIFF, PCM 16 bits).
func wave(pcm []int16) []byte {
	const rate, size = 8000, 2
	b := make([]byte, 0, 44+len(pcm)*size)
	le := binary.LittleEndian
	b = append(b, "RIFF"...)
	b = le.AppendUint32(b, uint32(36+len(pcm)*size))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // PCM
	b = le.AppendUint16(b, 1) // channel
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*size)
	b = le.AppendUint16(b, size)
	b = le.AppendUint16(b, 8*size)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(pcm)*size))
	for _, s := range pcm {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}
