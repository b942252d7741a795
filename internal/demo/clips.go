package demo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os/exec"
	"time"

	"zvonar/internal/carrier"
)

const sampleRate = 8000

// clip is audio of the demo: what is uploaded, and what callees must hear.
type clip struct {
	title string
	text  string // for speech
	notes []float64
	least time.Duration // shorter speech is filled up with silence
	pcm   []int16
}

// theClips are made anew in each run: spoken where espeak-ng is installed, else
// tunes that cannot be mistaken for one another.
func theClips() map[string]*clip {
	return map[string]*clip{
		"notice": {title: "Notice", least: 7500 * time.Millisecond,
			text: "Здравствуйте! Ваша посылка ждёт вас в пункте выдачи. " +
				"Нажмите один, чтобы узнать адрес, два, чтобы поговорить с менеджером, девять, чтобы мы больше не звонили.",
			notes: []float64{392, 440, 494, 523, 587, 523, 494, 440, 392, 330, 349, 392, 440, 349, 330, 294, 330, 392, 494, 392, 440, 523, 659, 523, 587, 494}},
		"second": {title: "Address", least: 7500 * time.Millisecond,
			text: "Пункт выдачи находится на улице Мира, дом пять, вход со двора. " +
				"Мы работаем каждый день с девяти утра до девяти вечера. Возьмите с собой паспорт. До свидания!",
			notes: []float64{659, 622, 659, 622, 659, 494, 587, 523, 440, 262, 330, 440, 494, 330, 415, 494, 523, 330, 659, 622, 659, 494, 587, 523, 440, 392}},
		"busy": {title: "Manager is busy", text: "Сейчас все менеджеры заняты.",
			notes: []float64{350, 330, 311, 294, 277, 262, 247}},
	}
}

// make fills in the audio of c.
func (c *clip) make(ctx context.Context) {
	pcm, err := speak(ctx, c.text)
	if err != nil {
		pcm = carrier.Melody(c.notes)
	}
	if missing := int(c.least.Seconds()*sampleRate) - len(pcm); missing > 0 {
		pcm = append(pcm, make([]int16, missing)...)
	}
	c.pcm = pcm
}

// speak synthesises Russian speech with espeak-ng.
func speak(ctx context.Context, text string) ([]int16, error) {
	path, err := exec.LookPath("espeak-ng")
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, "-v", "ru", "-s", "165", "--stdout", text).Output()
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	rate, pcm, err := readWAV(out)
	if err != nil {
		return nil, fmt.Errorf("espeak-ng: %w", err)
	}
	return resample(pcm, rate), nil
}

var errWAV = errors.New("not the WAV file that was expected")

// readWAV reads the 16-bit mono WAV that espeak-ng writes to a pipe, whose
// sizes are not known when its header is written.
func readWAV(b []byte) (rate int, pcm []int16, err error) {
	const header = 44
	if len(b) < header || string(b[:4]) != "RIFF" || string(b[36:40]) != "data" ||
		binary.LittleEndian.Uint16(b[22:]) != 1 || binary.LittleEndian.Uint16(b[34:]) != 16 {
		return 0, nil, errWAV
	}
	pcm = make([]int16, (len(b)-header)/2)
	if _, err := binary.Decode(b[header:], binary.LittleEndian, pcm); err != nil {
		return 0, nil, err
	}
	rate = int(binary.LittleEndian.Uint32(b[24:]))
	if rate < sampleRate || rate > 96000 {
		return 0, nil, errWAV
	}
	return rate, pcm, nil
}

// resample brings pcm to 8 kHz with a windowed sinc whose cut-off, 3.4 kHz, is
// that of the telephone line.
func resample(pcm []int16, rate int) []int16 {
	const cutoff = 3400.0
	step := float64(rate) / sampleRate
	half := int(16 * step)
	out := make([]int16, int(float64(len(pcm))/step))
	for i := range out {
		centre := float64(i) * step
		first := int(centre) - half
		var sum, weight float64
		for j := max(0, first); j <= min(len(pcm)-1, first+2*half); j++ {
			d := float64(j) - centre
			w := sinc(2*cutoff/float64(rate)*d) * (0.5 + 0.5*math.Cos(math.Pi*d/float64(half+1)))
			sum += w * float64(pcm[j])
			weight += w
		}
		out[i] = int16(max(-32768, min(32767, sum/weight)))
	}
	return out
}

func sinc(x float64) float64 {
	if math.Abs(x) < 1e-9 {
		return 1
	}
	return math.Sin(math.Pi*x) / (math.Pi * x)
}
