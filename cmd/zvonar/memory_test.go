package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheSmallerOfMachineAndGroupIsTheMemoryThereIs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	machine := write("meminfo", "MemTotal:        2048 kB\nMemFree:          100 kB\n")
	none := filepath.Join(dir, "none")
	for _, tc := range []struct {
		machine, group string
		want           int64
	}{
		{machine, none, 2 << 20},
		{machine, write("max", "max\n"), 2 << 20},
		{machine, write("less", "1048576\n"), 1 << 20},
		{machine, write("more", "9999999999\n"), 2 << 20},
		{none, write("alone", "4096\n"), 4096},
		{none, none, 0},
	} {
		if got := memoryOf(tc.machine, tc.group); got != tc.want {
			t.Errorf("%s, %s: %d bytes; want %d", tc.machine, tc.group, got, tc.want)
		}
	}
}
