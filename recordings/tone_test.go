package recordings

import (
	"encoding/binary"
	"math"
	"time"

	"zvonar/recordings/audio"
)

// sine is d of a sine at 8 kHz; what amp takes beyond full scale is cut.
func sine(hz, amp float64, d time.Duration) []int16 {
	pcm := make([]int16, int(d*audio.Narrow/time.Second))
	for i := range pcm {
		x := amp * math.Sin(2*math.Pi*hz*float64(i)/audio.Narrow)
		pcm[i] = int16(math.Round(32767 * max(-1, min(x, 1))))
	}
	return pcm
}

func wav(pcm []int16) []byte {
	b := audio.Header(1, audio.Narrow, 16, uint32(2*len(pcm)))
	for _, s := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

func tone(hz, amp float64, d time.Duration) []byte { return wav(sine(hz, amp, d)) }
