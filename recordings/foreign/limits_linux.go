package foreign

import (
	"errors"
	"runtime/debug"

	"golang.org/x/sys/unix"
)

// Confine limits this process, and what it executes, for the rest of its life.
func Confine(l Limits) error {
	set := func(what int, limit uint64) error {
		return unix.Setrlimit(what, &unix.Rlimit{Cur: limit, Max: limit})
	}
	errs := []error{set(unix.RLIMIT_CORE, 0), unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)}
	if l.Memory > 0 && !underRace {
		errs = append(errs, set(unix.RLIMIT_DATA, uint64(l.Memory)))
		debug.SetMemoryLimit(l.Memory / 2)
	}
	if l.CPU > 0 {
		errs = append(errs, set(unix.RLIMIT_CPU, uint64(l.CPU.Seconds())))
	}
	switch {
	case l.NoFiles:
		errs = append(errs, set(unix.RLIMIT_FSIZE, 0))
	case l.Files > 0:
		errs = append(errs, set(unix.RLIMIT_FSIZE, uint64(l.Files)))
	}
	return errors.Join(errs...)
}
