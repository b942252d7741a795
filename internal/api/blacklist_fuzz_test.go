package api

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"zvonar/internal/calls"
)

// FuzzBlacklistFile reads files of strangers. Each line is told once, in order, as a
// row or as a fault; an entry that came of one comes of our own export of it again.
func FuzzBlacklistFile(f *testing.F) {
	for _, file := range []string{
		"number;reason;scope;expires_at\n8 (916) 123-45-67;\"asked; twice\";;\n79004443322;;campaign:k;2030-01-01T00:00:00Z\n12;;;\n",
		"79004443322,asked\n\n\xef\xbb\xbf79004443323,\"no \"\"more\"\"\",number:78005553535\n",
		`{"number":79161234567}` + "\n" + `{"number":"79990001122","reason":"x\ny","scope":"number:78005553535"}` + "\n{\n",
		"number,number\n\"", "number\n79004443322,x,y,z\n", strings.Repeat(",", 300), "{}", "\xff;\x00",
		"79004443322,,,9999-12-31T23:59:59-12:00\n", `{"number":"79004443322","reason":"\u0000 x "}`,
	} {
		f.Add([]byte(file))
	}
	s := &Server{cfg: Config{Country: "RU"}}
	f.Fuzz(func(t *testing.T, file []byte) {
		last := 0
		err := readRecords(bytes.NewReader(file), blockColumns, func(line int, row map[string]string, fault error) error {
			if line <= last {
				t.Fatalf("line %d after %d", line, last)
			}
			last = line
			if (row == nil) == (fault == nil) {
				t.Fatalf("line %d is %v and %v", line, row, fault)
			}
			if fault == nil {
				b, err := s.blockOfLine(row, noon)
				if soon := !b.ExpiresAt.IsZero() && b.ExpiresAt.Before(noon.Add(time.Second)); err == nil && !soon {
					comesBack(t, s, b)
				}
			}
			return nil
		})
		if n := bytes.Count(file, []byte("\n")) + 1; last > n {
			t.Fatalf("line %d of %d", last, n)
		}
		if err != nil && len(file) < importLine {
			t.Fatal(err)
		}
	})
}

// comesBack writes an entry as an export does and reads it again.
func comesBack(t *testing.T, s *Server, b calls.BlockEntry) {
	t.Helper()
	for _, format := range []string{"csv", "ndjson"} {
		var file bytes.Buffer
		out := newLineWriter(&file, format, blockColumns)
		err := out.write(viewBlock(b), []string{b.Number, b.Reason, b.Scope, stampText(b.ExpiresAt), b.Source, b.CallID, stampText(b.CreatedAt), b.Digit, stampText(b.DigitAt)})
		if err == nil {
			err = out.flush()
		}
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		err = readRecords(&file, blockColumns, func(_ int, row map[string]string, fault error) error {
			n++
			if fault != nil {
				t.Fatalf("%s of %+v: %v", format, b, fault)
			}
			again, err := s.blockOfLine(row, noon)
			again.ExpiresAt, b.ExpiresAt = again.ExpiresAt.UTC().Truncate(time.Millisecond), b.ExpiresAt.UTC().Truncate(time.Millisecond)
			if err != nil || again != b {
				t.Fatalf("%s: %+v came back as %+v, %v", format, b, again, err)
			}
			return nil
		})
		if err != nil || n != 1 {
			t.Fatalf("%s of %+v: %d entries, %v", format, b, n, err)
		}
	}
}
