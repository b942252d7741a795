package recordings

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"zvonar/internal/calls"
	"zvonar/recordings/audio"
	"zvonar/recordings/foreign"
)

// product is what ingest made of a file. Its audio is in the storage, durable.
type product struct {
	SHA256     string // of the 8 kHz form
	WideSHA256 string // of the 16 kHz form; empty where the source had no more than 8 kHz can hold
	Duration   time.Duration
	Checks     []calls.Check
	Print      string
}

// options of one ingest.
type options struct {
	system   bool          // a prompt of ours, which may be short
	except   string        // recording that the clip is a new version of: not a duplicate
	progress func(float64) // 0 to 1; may be nil
	once     bool          // for one call alone: kept beside the library, compared with nothing
}

// ingest spools a file, so that its size costs no memory, makes the forms of the
// line of it, checks them and puts them into the storage. Errors that are the
// file's are *calls.Error: too-large, bad-audio, recording-too-short,
// recording-has-digits; an error of r comes back wrapped.
func (l *Library) ingest(ctx context.Context, account string, r io.Reader, o options) (*product, error) {
	f, size, err := l.spool(r)
	if err != nil {
		return nil, err
	}
	defer discard(f)
	return l.convert(ctx, account, f, size, o)
}

// spool writes an upload to a file of ours; see discard.
func (l *Library) spool(r io.Reader) (*os.File, int64, error) {
	f, err := os.CreateTemp(l.cfg.Dir, uploadPattern)
	if err != nil {
		return nil, 0, fmt.Errorf("spool upload: %w", err)
	}
	n, err := io.Copy(f, io.LimitReader(r, l.cfg.MaxBytes+1))
	switch {
	case err != nil:
		err = fmt.Errorf("read the upload: %w", err)
	case n > l.cfg.MaxBytes:
		err = calls.Errorf(calls.CodeTooLarge, "the file is larger than %d bytes", l.cfg.MaxBytes).At("body.file", nil)
	default:
		return f, n, nil
	}
	discard(f)
	return nil, 0, err
}

func discard(f *os.File) {
	_ = f.Close() // nobody needs it any more
	_ = os.Remove(f.Name())
}

// convert makes a product of a spooled file. At most so many at a time as there
// are workers.
func (l *Library) convert(ctx context.Context, account string, f *os.File, size int64, o options) (*product, error) {
	select {
	case l.slots <- struct{}{}:
		defer func() { <-l.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	where := l.files
	if o.once {
		where = l.rendered
		if err := os.MkdirAll(where.dir, 0o750); err != nil {
			return nil, fmt.Errorf("store clip: %w", err)
		}
	}
	forms, err := newForms(where.dir)
	if err != nil {
		return nil, fmt.Errorf("store clip: %w", err)
	}
	defer forms.discard()
	report, err := l.decode(ctx, f, size, forms, o.progress)
	if err != nil {
		return nil, err
	}
	checks, err := l.judge(report, o)
	if err != nil {
		return nil, err
	}
	if gain := l.gain(report); gain != 1 {
		if err := forms.amplify(gain); err != nil {
			return nil, fmt.Errorf("store clip: %w", err)
		}
		checks = append(checks, calls.Check{Name: "gain_db", Value: hundredths(decibels(gain)), Level: levelOK})
	}
	p := &product{Duration: report.Duration, Print: report.Print.String()}
	if p.SHA256, p.WideSHA256, err = where.keep(forms); err != nil {
		return nil, fmt.Errorf("store clip: %w", err)
	}
	if p.Checks = checks; o.once {
		return p, nil
	}
	if p.Checks, err = l.compare(ctx, account, p, report.Print, checks, o); err != nil {
		return nil, err
	}
	return p, nil
}

// decode feeds the samples of a file of any kind to forms.
func (l *Library) decode(ctx context.Context, f *os.File, size int64, forms *forms, progress func(float64)) (*audio.Report, error) {
	kind, err := foreign.KindOf(f)
	if err != nil {
		return nil, err
	}
	if kind != foreign.WAV {
		return l.decodeForeign(ctx, kind, f, size, forms, progress)
	}
	w, err := audio.Inspect(f, size)
	if err != nil {
		return nil, err
	}
	if d := w.Duration(); d > MaxDuration {
		return nil, audio.TooLong(d)
	}
	c := audio.NewConverter(w.Rate(), w.Channels(), forms.outputs(audio.HasWide(w.Rate())))
	done, all := 0, float64(w.Frames()*int64(w.Channels()))
	err = audio.DecodeWAV(ctx, f, w, func(block []float64) error {
		if done += len(block); progress != nil {
			progress(float64(done) / all)
		}
		return c.Write(block)
	})
	if err != nil {
		return nil, err
	}
	return c.Close()
}

// decodeForeign has a child process decode the file.
func (l *Library) decodeForeign(ctx context.Context, kind foreign.Kind, f *os.File, size int64, forms *forms, progress func(float64)) (*audio.Report, error) {
	var c *audio.Converter
	begin := func(format foreign.Format) error {
		if !audio.TakesRate(format.Rate) {
			return calls.Errorf(calls.CodeBadAudio, "the file has %d samples a second: 8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100 and 48000 are read", format.Rate).At("body.file", nil)
		}
		c = audio.NewConverter(format.Rate, format.Channels, forms.outputs(audio.HasWide(format.Rate)))
		return nil
	}
	err := foreign.Decode(ctx, l.cfg.Decoder, kind, int(MaxDuration/time.Second), f, begin, func(block []float64) error {
		if progress != nil { // the child reads at the same place of the same file
			if at, err := f.Seek(0, io.SeekCurrent); err == nil {
				progress(float64(at) / float64(size))
			}
		}
		return c.Write(block)
	})
	if err != nil {
		return nil, err
	}
	return c.Close()
}

// keep puts the forms into the storage.
func (f files) keep(forms *forms) (narrow, wide string, err error) {
	if narrow, err = forms.narrow.finish(); err != nil {
		return "", "", err
	}
	if err = f.put(forms.narrow.file, narrow); err != nil || forms.wide == nil {
		return narrow, "", err
	}
	if wide, err = forms.wide.finish(); err != nil {
		return "", "", err
	}
	return narrow, wide, f.put(forms.wide.file, wideKey(narrow, wide))
}

// wideKey is where the 16 kHz form of a clip lies. It is pinned by its own hash:
// else a second upload with the same 8 kHz form could put other sound above it
// under a clip that was approved.
func wideKey(narrow, wide string) string { return narrow + "-" + wide }

// Decode turns a WAV file of size bytes, of any kind that the library takes,
// into 8 kHz mono samples. Errors are *calls.Error (bad-audio) where the file is
// to blame.
func Decode(ctx context.Context, r io.ReaderAt, size int64) ([]int16, error) {
	w, err := audio.Inspect(r, size)
	if err != nil {
		return nil, err
	}
	if d := w.Duration(); d > MaxDuration {
		return nil, audio.TooLong(d)
	}
	var pcm []int16
	c := audio.NewConverter(w.Rate(), w.Channels(), audio.Outputs{
		Narrow: func(block []int16) error { pcm = append(pcm, block...); return nil },
		Wide:   func([]int16) error { return nil },
	})
	if err := audio.DecodeWAV(ctx, r, w, c.Write); err != nil {
		return nil, err
	}
	_, err = c.Close()
	return pcm, err
}
