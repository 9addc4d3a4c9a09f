package drills_test

import "golang.org/x/sys/unix"

// room lets no file of a process grow beyond so many bytes, as on a disk that is full.
func room(pid int, bytes uint64) error {
	var l unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &l); err != nil {
		return err
	}
	l.Cur = min(bytes, l.Max)
	return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &l, nil)
}
