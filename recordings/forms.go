package recordings

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"math"
	"os"

	"zvonar/recordings/audio"
)

// clipPattern names files of clips that are being made.
const clipPattern = ".clip-*"

// forms are the files of the clip that is being made, one for each rate.
type forms struct {
	dir    string
	narrow *clipFile
	wide   *clipFile // nil until outputs asks for it
	err    error
}

func newForms(dir string) (*forms, error) {
	f, err := newClipFile(dir, audio.Narrow)
	return &forms{dir: dir, narrow: f}, err
}

// outputs take what a converter makes.
func (f *forms) outputs(wide bool) audio.Outputs {
	if wide {
		f.wide, f.err = newClipFile(f.dir, audio.Wide)
	}
	return audio.Outputs{Narrow: f.narrow.write, Wide: func(pcm []int16) error {
		if f.err != nil {
			return f.err
		}
		return f.wide.write(pcm)
	}}
}

// discard removes what was not put into the storage.
func (f *forms) discard() {
	f.narrow.discard()
	if f.wide != nil {
		f.wide.discard()
	}
}

// amplify multiplies all samples by gain.
func (f *forms) amplify(gain float64) error {
	if err := f.narrow.amplify(gain); err != nil || f.wide == nil {
		return err
	}
	return f.wide.amplify(gain)
}

// clipFile is a canonical WAV file that is being written: 16 bit, mono.
type clipFile struct {
	file *os.File
	rate uint32
	out  *bufio.Writer
	buf  []byte
	len  uint32 // bytes of samples
}

func newClipFile(dir string, rate uint32) (*clipFile, error) {
	f, err := os.CreateTemp(dir, clipPattern)
	if err != nil {
		return nil, err
	}
	c := &clipFile{file: f, rate: rate, out: bufio.NewWriterSize(f, 64<<10)}
	_, err = c.out.Write(make([]byte, audio.HeaderLen)) // its length is known at the end
	return c, err
}

func (c *clipFile) write(pcm []int16) error {
	c.buf = c.buf[:0]
	for _, s := range pcm {
		c.buf = binary.LittleEndian.AppendUint16(c.buf, uint16(s))
	}
	c.len += uint32(len(c.buf))
	_, err := c.out.Write(c.buf)
	return err
}

// finish completes the file and gives the hash of its bytes.
func (c *clipFile) finish() (sha string, err error) {
	if err := c.out.Flush(); err != nil {
		return "", err
	}
	if _, err := c.file.WriteAt(audio.Header(1, c.rate, 16, c.len), 0); err != nil {
		return "", err
	}
	if _, err := c.file.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, c.file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// amplify multiplies what was written by gain, in place.
func (c *clipFile) amplify(gain float64) error {
	if err := c.out.Flush(); err != nil {
		return err
	}
	b := make([]byte, 64<<10)
	for at, end := int64(audio.HeaderLen), audio.HeaderLen+int64(c.len); at < end; {
		block := b[:min(int64(len(b)), end-at)]
		if _, err := c.file.ReadAt(block, at); err != nil {
			return err
		}
		for i := 0; i < len(block); i += 2 {
			x := math.Round(gain * float64(int16(binary.LittleEndian.Uint16(block[i:]))))
			binary.LittleEndian.PutUint16(block[i:], uint16(int16(max(math.MinInt16, min(x, math.MaxInt16)))))
		}
		if _, err := c.file.WriteAt(block, at); err != nil {
			return err
		}
		at += int64(len(block))
	}
	return nil
}

func (c *clipFile) discard() {
	_ = c.file.Close()           // what was put away is synced
	_ = os.Remove(c.file.Name()) // gone already where it was put away
}
