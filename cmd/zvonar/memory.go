package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// limitMemory has the collector work as hard as it must above half of the memory
// that there is, unless the environment says otherwise (GOMEMLIMIT).
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		if n := memoryOf("/proc/meminfo", "/sys/fs/cgroup/memory.max"); n > 0 {
			debug.SetMemoryLimit(n / 2)
		}
	}
}

// memoryOf is how many bytes this process may use: what the machine has, or its
// control group where that is less; 0 where neither can be read.
func memoryOf(machine, group string) int64 {
	var most int64
	if text, err := os.ReadFile(machine); err == nil {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
				kib, _ := strconv.ParseInt(f[1], 10, 64) // 0 is not known
				most = kib << 10
			}
		}
	}
	if text, err := os.ReadFile(group); err == nil {
		// "max" is no limit.
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (most == 0 || n < most) {
			most = n
		}
	}
	return most
}
