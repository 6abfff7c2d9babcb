package walstream

// #include "native.h"
import "C"

import (
	"strings"
	"syscall"
)

// Code says what went wrong. It is an error itself, for errors.Is:
//
//	if errors.Is(err, walstream.ErrSlotLost) {
//		// start over from a fresh copy of the tables
//	}
type Code int32

// What an [Error] can be.
const (
	ErrArgument    Code = C.WALSTREAM_E_ARGUMENT     // an unknown option, a value that is not allowed
	ErrState       Code = C.WALSTREAM_E_STATE        // the call does not fit the stream's state
	ErrBusy        Code = C.WALSTREAM_E_BUSY         // another goroutine is reading this stream, or inside a call of this Admin
	ErrClosed      Code = C.WALSTREAM_E_CLOSED       // the stream or Admin was closed
	ErrConnect     Code = C.WALSTREAM_E_CONNECT      // the server was not reached, or lost for longer than the options allow
	ErrAuth        Code = C.WALSTREAM_E_AUTH         // the server refused user, password, certificate or host
	ErrServer      Code = C.WALSTREAM_E_SERVER       // an error of the server that no other code names
	ErrSlotMissing Code = C.WALSTREAM_E_SLOT_MISSING // the slot does not exist
	ErrSlotInUse   Code = C.WALSTREAM_E_SLOT_IN_USE  // another connection reads the slot
	ErrSlotLost    Code = C.WALSTREAM_E_SLOT_LOST    // the server invalidated the slot: what it had not sent is gone
	ErrPublication Code = C.WALSTREAM_E_PUBLICATION  // a publication does not exist
	ErrGap         Code = C.WALSTREAM_E_GAP          // changes were skipped, or lie on another timeline
	ErrWrongSystem Code = C.WALSTREAM_E_WRONG_SYSTEM // another database cluster answers at this address
	ErrProtocol    Code = C.WALSTREAM_E_PROTOCOL     // bytes that are not what the protocol allows
	ErrAckAhead    Code = C.WALSTREAM_E_ACK_AHEAD    // an acknowledgement beyond what was handed out
	ErrIO          Code = C.WALSTREAM_E_IO           // a file or descriptor failed
	ErrMemory      Code = C.WALSTREAM_E_MEMORY       // out of memory
	ErrUnsupported Code = C.WALSTREAM_E_UNSUPPORTED  // this server cannot do what an option asks for
	ErrPanic       Code = C.WALSTREAM_E_PANIC        // a bug of the library, caught at its boundary
	ErrDiverged    Code = C.WALSTREAM_E_DIVERGED     // a resent transaction differs from the part already handed out
)

// String is the code's name in C, such as "WALSTREAM_E_SLOT_LOST".
func (c Code) String() string { return C.GoString(C.walstream_code_name(C.int32_t(c))) }

// Error makes a code a target for errors.Is.
func (c Code) Error() string { return "walstream: " + c.text() }

// text is "slot lost".
func (c Code) text() string {
	return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(c.String(), "WALSTREAM_E_")), "_", " ")
}

// Error is a failure of the library, or one that the server reported. errors.As finds it, errors.Is compares its Code.
type Error struct {
	Code     Code
	SQLState string        // five characters, or "" when it is not the server's
	Message  string        // one line: what happened, to which object
	Detail   string        // the server's DETAIL, or ""
	Hint     string        // what to do, or ""
	Errno    syscall.Errno // of a failed system call, else 0
	flags    uint32
}

// Error is the message, with its SQLSTATE and hint.
func (e *Error) Error() string {
	var text strings.Builder
	text.WriteString("walstream: ")
	text.WriteString(e.Message)
	if e.SQLState != "" {
		text.WriteString(" (SQLSTATE " + e.SQLState + ")")
	}
	if e.Hint != "" {
		text.WriteString("; " + e.Hint)
	}
	return text.String()
}

// Is compares the code.
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// Unwrap gives the failed system call's error, if it was one.
func (e *Error) Unwrap() error {
	if e.Errno == 0 {
		return nil
	}
	return e.Errno
}

// Fatal tells whether the stream is over: every later read fails alike, only Close is left.
func (e *Error) Fatal() bool { return e.flags&C.WALSTREAM_ERROR_FATAL != 0 }

// Retriable tells whether the same call may succeed later without any change.
func (e *Error) Retriable() bool { return e.flags&C.WALSTREAM_ERROR_RETRIABLE != 0 }

func errno(number C.int32_t) syscall.Errno { return syscall.Errno(number) }

var (
	errClosed = &Error{
		Code: ErrClosed, Message: "the stream is closed", Hint: "open another one",
		flags: C.WALSTREAM_ERROR_FATAL,
	}
	errAdminClosed = &Error{
		Code: ErrClosed, Message: "the Admin is closed", Hint: "open another one",
		flags: C.WALSTREAM_ERROR_FATAL,
	}
	errAdminBusy = &Error{
		Code: ErrBusy, Message: "another goroutine is inside a call of this Admin", Hint: "use an Admin for each goroutine",
		flags: C.WALSTREAM_ERROR_RETRIABLE,
	}
	errBusy = &Error{
		Code: ErrBusy, Message: "another goroutine is reading this stream", Hint: "read in one goroutine at a time",
		flags: C.WALSTREAM_ERROR_RETRIABLE,
	}
)
