package sdp

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"
)

// mutations is how many mutated descriptions TestMutatedDescriptions reads; make
// fuzz says 1,000,000.
var mutations = flag.Int("mutations", 20000, "mutated descriptions to read and answer")

// TestMutatedDescriptions reads good descriptions with a few bytes changed, by the
// way of a call: parse, answer or accept, write, read what we wrote.
func TestMutatedDescriptions(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, uint64(*mutations)))
	answered, refused := 0, 0
	for range *mutations {
		b := []byte(goodDescriptions[r.IntN(len(goodDescriptions))])
		for range 1 + r.IntN(6) {
			b = mutated(r, b)
		}
		if answers(t, b) {
			answered++
		} else {
			refused++
		}
	}
	if answered < *mutations/20 || refused < *mutations/20 {
		t.Errorf("%d answered, %d refused: the mutations test one side only", answered, refused)
	}
	t.Logf("%d answered, %d refused", answered, refused)
}

// goodDescriptions are offers as PBXs, carriers and browsers make them.
var goodDescriptions = []string{
	"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n",
	"v=0\r\no=root 1821 1821 IN IP4 192.0.2.9\r\ns=Asterisk PBX\r\nc=IN IP4 192.0.2.9\r\nb=AS:384\r\nt=0 0\r\nm=audio 11424 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=maxptime:150\r\na=rtcp:11425\r\nm=video 9078 RTP/AVP 31\r\na=inactive\r\n",
	"v=0\no=FS 1 2 IN IP6 2001:db8::1\ns=FS\nc=IN IP6 2001:db8::1\nt=0 0\nm=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\na=sendonly\na=rtcp-mux\n",
	"v=0\r\no=- 4 4 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 8\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\r\na=inactive\r\nm=image 5000 udptl t38\r\na=T38FaxVersion:0\r\n",
	"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\nm=audio 0 RTP/AVP 8\r\nc=IN IP4 192.0.2.9/127\r\nm=audio 4002 RTP/AVP 8 0\r\nc=IN IP4 192.0.2.9\r\na=recvonly\r\n",
}

// mutated changes, doubles, cuts out or moves a piece of b.
func mutated(r *rand.Rand, b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	i := r.IntN(len(b))
	j := min(len(b), i+1+r.IntN(16))
	switch r.IntN(5) {
	case 0:
		b[i] = byte(r.IntN(256))
	case 1:
		b[i] = "\r\n:;=/ 0129-\x00"[r.IntN(13)]
	case 2:
		b = append(b[:j:j], b[i:]...)
	case 3:
		b = append(b[:i:i], b[j:]...)
	default: // a whole line goes elsewhere
		lines := strings.SplitAfter(string(b), "\n")
		x, y := r.IntN(len(lines)), r.IntN(len(lines))
		lines[x], lines[y] = lines[y], lines[x]
		b = []byte(strings.Join(lines, ""))
	}
	return b
}
