package walstream

// #include "native.h"
import "C"

import (
	"os"
	"syscall"
)

// ready is the library's descriptor, with Go's poller: a goroutine that waits for events holds no thread, and no call into C lasts long enough
// for Go's scheduler to look after it, which costs more than the call.
type ready struct {
	file *os.File
	conn syscall.RawConn
}

func newReady(c *C.walstream_stream) (*ready, error) {
	// The library closes its own. A child process that is started meanwhile must not get ours.
	syscall.ForkLock.RLock()
	fd, err := syscall.Dup(int(C.walstream_ready_fd(c)))
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, newWaitError(err)
	}
	file := os.NewFile(uintptr(fd), "walstream")
	conn, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, newWaitError(err)
	}
	return &ready{file, conn}, nil
}

// wait calls try until it says true: at once, and whenever the descriptor is readable. An error: the descriptor is closed.
func (r *ready) wait(try func(uintptr) bool) error {
	if err := r.conn.Read(try); err != nil {
		return newWaitError(err)
	}
	return nil
}

// close ends a wait.
func (r *ready) close() {
	if r != nil {
		r.file.Close()
	}
}

func newWaitError(err error) *Error {
	errno, _ := err.(syscall.Errno)
	hint := "close the stream and open it again"
	if errno == syscall.EMFILE || errno == syscall.ENFILE {
		hint = "close what is not needed, or raise the limit of open files (ulimit -n)"
	}
	return &Error{Code: ErrIO, Message: "cannot wait for the stream: " + err.Error(), Hint: hint, Errno: errno}
}
