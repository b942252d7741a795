package foreign

import (
	"os"
	"os/exec"
	"syscall"
)

// Confined becomes the program argv under limits; it returns only where that
// fails.
func Confined(l Limits, argv []string) error {
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return err
	}
	if err := Confine(l); err != nil {
		return err
	}
	return syscall.Exec(path, argv, os.Environ())
}
