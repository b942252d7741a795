package media

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// TestASoundRingKeepsWhatItHoldsInOrder: however far the reader is behind.
func TestASoundRingKeepsWhatItHoldsInOrder(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var r soundRing
	var payload [maxPayload]byte
	written, read, refused := 0, 0, 0
	say := func(i int) []byte { return bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 10+i%150) }
	for range 5000 {
		for range rng.IntN(40) {
			words := say(written)
			if !r.write(soundRecord{at: time.Duration(written), n: len(words), codec: written % 3}, words) {
				refused++
				break
			}
			written++
		}
		for range rng.IntN(60) {
			rec, ok := r.take(&payload)
			if !ok {
				if read != written {
					t.Fatalf("%d of %d records are there", read, written)
				}
				break
			}
			if rec.at != time.Duration(read) || rec.codec != read%3 || !bytes.Equal(payload[:rec.n], say(read)) {
				t.Fatalf("record %d is %+v", read, rec)
			}
			read++
		}
	}
	if refused == 0 || read < 50000 {
		t.Errorf("%d records were read, %d times the ring was full", read, refused)
	}
}
