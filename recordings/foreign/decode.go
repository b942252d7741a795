package foreign

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"zvonar/internal/calls"
)

// blockFrames is how much of the pipe is read at a time.
const blockFrames = 4096

// Format of the samples that a file holds.
type Format struct{ Rate, Channels int }

// Decode has a file decoded by a child process: self is the command that calls
// Child (see [Args]). The child reads f from its start and shares its place in
// it, which tells how far it is. begin is called once, then emit with blocks of
// interleaved samples, full scale ±1, valid until it returns; at most maxSeconds
// and a frame of them. Errors are *calls.Error (bad-audio) where the file is to
// blame, or those of begin, emit and ctx.
func Decode(ctx context.Context, self []string, kind Kind, maxSeconds int, f *os.File, begin func(Format) error, emit func([]float64) error) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, decoderLimits.Wall)
	defer cancel()
	argv := append(append([]string{}, self...), Args(kind, maxSeconds)...)
	cmd := command(within, argv)
	words := &capped{max: maxWords}
	cmd.Stdin, cmd.Stderr = f, words
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the decoder: %w", err)
	}
	taken := receive(bufio.NewReaderSize(pipe, 64<<10), begin, emit)
	switch {
	case errors.Is(taken, errPipe):
		_ = pipe.Close() // whatever it still writes, nobody reads; it may have words
	case taken != nil:
		cancel()
	}
	ended := cmd.Wait()
	switch {
	case taken != nil && !errors.Is(taken, errPipe):
		return taken
	case ctx.Err() == nil && errors.Is(within.Err(), context.DeadlineExceeded):
		return bad("the file takes too long to decode")
	case ended != nil:
		return fault(ctx, kind, cmd, ended, words.String())
	}
	return taken
}

// Args are the arguments of the child behind its command.
func Args(kind Kind, maxSeconds int) []string {
	return []string{"--kind", string(kind), "--seconds", strconv.Itoa(maxSeconds)}
}

// errPipe is a stream that ended too early; the child's end says why.
var errPipe = errors.New("the decoder broke off")

// receive reads what the child sends. Nothing in it is believed.
func receive(r *bufio.Reader, begin func(Format) error, emit func([]float64) error) error {
	head := make([]byte, pipeHead)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(magic)]) != magic {
		return errPipe
	}
	rate, channels := binary.LittleEndian.Uint32(head[len(magic):]), binary.LittleEndian.Uint32(head[len(magic)+4:])
	if rate > math.MaxInt32 || channels < 1 || channels > 2 {
		return errPipe
	}
	if err := begin(Format{int(rate), int(channels)}); err != nil {
		return err
	}
	b := make([]byte, 4*blockFrames*channels)
	out := make([]float64, blockFrames*channels)
	for {
		n, err := io.ReadFull(r, b)
		n -= n % int(4*channels)
		for i := range n / 4 {
			out[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:])))
		}
		if e := emit(out[:n/4]); e != nil {
			return e
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return errPipe
		}
	}
}

// fault says in words why a child failed.
func fault(ctx context.Context, kind Kind, cmd *exec.Cmd, err error, words string) error {
	if cause := ctx.Err(); cause != nil {
		return cause
	}
	words = strings.TrimSpace(words)
	if cmd.ProcessState.ExitCode() == exitRefused && words != "" && calls.Printable(words) {
		return bad(words)
	}
	e := bad(fmt.Sprintf("the %s file cannot be decoded within the limits of time and memory, or is damaged", kind))
	e.Err = fmt.Errorf("decoder: %w: %s", err, words)
	return e
}

// command makes a child that gets nothing of ours but its arguments.
func command(ctx context.Context, argv []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "GOMAXPROCS=2", "GOTRACEBACK=none"}
	cmd.Dir = os.TempDir()
	cmd.SysProcAttr = ownGroup()
	cmd.Cancel = func() error { return killGroup(cmd.Process.Pid) }
	cmd.WaitDelay = time.Second
	return cmd
}

// capped keeps the first max bytes of what is written to it.
type capped struct {
	bytes.Buffer
	max int
}

// Write implements io.Writer.
func (c *capped) Write(p []byte) (int, error) {
	if room := c.max - c.Len(); room > 0 {
		c.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
