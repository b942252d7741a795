package foreign

import "syscall"

// ownGroup makes the child a group of its own, so that what it starts goes with
// it, and has it killed should the daemon be.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

func killGroup(pid int) error { return syscall.Kill(-pid, syscall.SIGKILL) }
