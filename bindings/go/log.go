package walstream

// #include "native.h"
import "C"

import (
	"context"
	"log/slog"
	"runtime/cgo"
)

// LogFunc takes a line of the library's log. It is called on a thread of the library's, or on a goroutine inside a call
// of this package, never twice at once for one stream and never after Close returned. It must not call methods of that stream.
type LogFunc func(level slog.Level, message string)

func slogFunc(logger *slog.Logger) LogFunc {
	return func(level slog.Level, message string) {
		logger.Log(context.Background(), level, message)
	}
}

// logHandle is what C keeps of a LogFunc: a number, never a Go pointer. 0: none.
type logHandle cgo.Handle

func newLogHandle(log LogFunc) logHandle {
	if log == nil {
		return 0
	}
	return logHandle(cgo.NewHandle(log))
}

// delete must come after walstream_free.
func (l logHandle) delete() {
	if l != 0 {
		cgo.Handle(l).Delete()
	}
}

func (c *config) setLog(log logHandle) {
	if log != 0 && c.err == nil {
		C.walstream_go_set_log(c.c, C.uintptr_t(log))
	}
}

//export walstream_go_log
func walstream_go_log(handle C.uintptr_t, level C.int32_t, message *C.char) {
	log := cgo.Handle(handle).Value().(LogFunc)
	log(slogLevel(level), C.GoString(message))
}

func slogLevel(level C.int32_t) slog.Level {
	switch level {
	case 0:
		return slog.LevelError
	case 1:
		return slog.LevelWarn
	case 2:
		return slog.LevelInfo
	default:
		return slog.LevelDebug
	}
}
