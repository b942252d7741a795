package config

import (
	"fmt"
	"strconv"
	"strings"
)

// Size is a number of bytes: "64MB", "512KB", "2GB", "0". The units are powers
// of 1024.
type Size int64

var sizeUnits = []struct {
	name  string
	bytes int64
}{{"GB", 1 << 30}, {"MB", 1 << 20}, {"KB", 1 << 10}, {"B", 1}}

// maxSize keeps a Size far from overflow.
const maxSize = 1 << 40

// Bytes is the size in bytes.
func (s Size) Bytes() int64 { return int64(s) }

// String writes what UnmarshalText reads.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits {
		if int64(s)%u.bytes == 0 {
			return strconv.FormatInt(int64(s)/u.bytes, 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

// MarshalText is String.
func (s Size) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a whole number with a unit; 0 needs none.
func (s *Size) UnmarshalText(b []byte) error {
	number, unit := string(b), int64(0)
	if number == "0" {
		*s = 0
		return nil
	}
	for _, u := range sizeUnits {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 40)
	if err != nil || unit == 0 || int64(n) > maxSize/unit {
		return fmt.Errorf("%s is not a size; write it like 512KB, 64MB or 2GB", quote(string(b)))
	}
	*s = Size(int64(n) * unit)
	return nil
}
