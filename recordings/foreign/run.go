package foreign

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// errTooMuch is output beyond its limit.
var errTooMuch = errors.New("it wrote more than is taken")

// Run starts a program of the operator's choice under limits: argv is the
// command, in its standard input, and what it writes goes to out, up to l.Output
// bytes. self is the command that calls Confined. It gets no environment of ours
// but PATH. An error has the first line of what the program said.
func Run(ctx context.Context, self, argv []string, in io.Reader, out io.Writer, l Limits) error {
	within, cancel := context.WithTimeout(ctx, l.Wall)
	defer cancel()
	args := []string{"--memory", strconv.FormatInt(l.Memory, 10), "--cpu", strconv.Itoa(int(l.CPU / time.Second)), "--files", strconv.FormatInt(l.Files, 10), "--"}
	cmd := command(within, append(append(append([]string{}, self...), args...), argv...))
	words := &capped{max: maxWords}
	bounded := &bounded{out: out, left: l.Output, stop: cancel}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, bounded, words
	err := cmd.Run()
	switch {
	case bounded.err != nil:
		return bounded.err
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(within.Err(), context.DeadlineExceeded):
		return fmt.Errorf("%s did not end within %s", argv[0], l.Wall)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(words.String()), "\n")
	return fmt.Errorf("%s: %w: %s", argv[0], err, first)
}

// bounded passes on what is written to it up to a limit, then stops the writer.
type bounded struct {
	out  io.Writer
	left int64
	stop func()
	err  error
}

// Write implements io.Writer.
func (b *bounded) Write(p []byte) (int, error) {
	if b.err == nil && int64(len(p)) > b.left {
		b.err = errTooMuch
	}
	if b.err == nil {
		b.left -= int64(len(p))
		_, b.err = b.out.Write(p)
	}
	if b.err != nil {
		b.stop()
		return 0, b.err
	}
	return len(p), nil
}
