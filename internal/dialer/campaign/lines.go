package campaign

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

const (
	maxLine    = 64 << 10 // bytes of one line, or of one record of several
	maxColumns = 100
)

// What keeps a record from being read.
var (
	errLong    = errors.New("the line is longer than 64 KiB")
	errQuote   = errors.New("a quote is opened and never closed")
	errAfter   = errors.New("something follows a closing quote: double a quote that is part of the text")
	errColumns = errors.New("the line has more than 100 columns")
)

// lines reads a list line by line. What was read too far can be put back.
type lines struct {
	r    *bufio.Reader
	n    int64 // number of the line read last, from 1
	at   int64 // of the line that the record read last began on
	back [][]byte
}

// next is the following line without its end; it belongs to the caller. A line
// that is too long is passed over whole.
func (l *lines) next() ([]byte, error) {
	if len(l.back) > 0 {
		line := l.back[0]
		l.back = l.back[1:]
		l.n++
		return line, nil
	}
	part, err := l.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		l.n++
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		return nil, errLong
	}
	if err != nil && (!errors.Is(err, io.EOF) || len(part) == 0) {
		return nil, err
	}
	l.n++
	return bytes.Clone(bytes.TrimRight(part, "\r\n")), nil
}

// putBack makes lines that were read be read again.
func (l *lines) putBack(list [][]byte) {
	l.back = append(append([][]byte{}, list...), l.back...)
	l.n -= int64(len(list))
}

// record reads one record of CSV (RFC 4180): a quoted field may go over several
// lines. A record that is broken costs its first line and no other.
func (l *lines) record(comma byte) (fields []string, err error) {
	line, err := l.next()
	l.at = l.n
	if err != nil {
		return nil, err
	}
	whole, more := line, [][]byte(nil)
	for {
		fields, err = split(whole, comma)
		if !errors.Is(err, errQuote) {
			if err != nil {
				l.putBack(more)
			}
			return fields, err
		}
		next, e := l.next()
		if e != nil && !errors.Is(e, io.EOF) && !errors.Is(e, errLong) {
			return nil, e
		}
		if e != nil || len(whole)+len(next) > maxLine {
			if e == nil {
				more = append(more, next)
			}
			l.putBack(more)
			return nil, errQuote
		}
		more = append(more, next)
		whole = append(append(whole, '\n'), next...)
	}
}

// split parts one record.
func split(line []byte, comma byte) (fields []string, err error) {
	for {
		if len(fields) == maxColumns {
			return nil, errColumns
		}
		if len(line) == 0 || line[0] != '"' {
			end := bytes.IndexByte(line, comma)
			if end < 0 {
				return append(fields, string(line)), nil
			}
			fields, line = append(fields, string(line[:end])), line[end+1:]
			continue
		}
		text, rest, ok := quoted(line[1:])
		if !ok {
			return nil, errQuote
		}
		fields = append(fields, text)
		if len(rest) == 0 {
			return fields, nil
		}
		if rest[0] != comma {
			return nil, errAfter
		}
		line = rest[1:]
	}
}

// quoted reads a field up to its closing quote.
func quoted(line []byte) (text string, rest []byte, ok bool) {
	var b []byte
	for {
		end := bytes.IndexByte(line, '"')
		if end < 0 {
			return "", nil, false
		}
		b = append(b, line[:end]...)
		line = line[end+1:]
		if len(line) == 0 || line[0] != '"' {
			return string(b), line, true
		}
		b, line = append(b, '"'), line[1:]
	}
}
