package config

import "testing"

func TestSizesAreReadAndWrittenAlike(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "64MB": 64 << 20, "512KB": 512 << 10, "2GB": 2 << 30, "1B": 1, "1024GB": 1 << 40} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s.Bytes() != want || s.String() != text {
			t.Errorf("%q is read as %d, %v, and written as %q; want %d", text, s.Bytes(), err, s, want)
		}
	}
	for _, text := range []string{"", "64", "MB", "-1MB", "1.5GB", "64mb", "64 MB", "1025GB", "99999999999999999999B"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is read as %d", text, s.Bytes())
		}
	}
}
