package walstream

// #cgo !walstream_static pkg-config: walstream
// #cgo walstream_static pkg-config: --static walstream
// #cgo walstream_static LDFLAGS: -l:libwalstream.a -Wl,--as-needed
// #include "native.h"
import "C"

import (
	"context"
	"fmt"
	"strings"
	"unsafe"
)

// Version is that of the C library in use.
func Version() string { return C.GoString(C.walstream_version()) }

// checkABI tells a library that this package was not built for.
func checkABI() error {
	if found := C.walstream_abi_version(); found != C.WALSTREAM_VERSION_MAJOR {
		return &Error{
			Code:    ErrUnsupported,
			Message: fmt.Sprintf("libwalstream has ABI %d, this program was built for %d", found, C.WALSTREAM_VERSION_MAJOR),
			Hint:    "rebuild the program, or install the library that it was built with",
		}
	}
	return nil
}

// config builds a walstream_config. The first failure sticks.
type config struct {
	c   *C.walstream_config
	err error
}

func newConfig() *config {
	config := &config{c: C.walstream_config_new()}
	if config.c == nil {
		config.err = &Error{Code: ErrMemory, Message: "out of memory"}
	}
	return config
}

func (c *config) free() { C.walstream_config_free(c.c) }

func (c *config) set(key, value string) {
	if c.err != nil {
		return
	}
	ckey, err := cString("option", key)
	if err != nil {
		c.err = err
		return
	}
	defer C.free(unsafe.Pointer(ckey))
	cvalue, err := cString("option "+key, value)
	if err != nil {
		c.err = err
		return
	}
	defer C.free(unsafe.Pointer(cvalue))
	var cerr *C.walstream_error
	c.err = takeError(C.walstream_config_set(c.c, ckey, cvalue, &cerr), cerr)
}

// configured calls with conninfo and options as C takes them. They are C's until it returns.
func configured(conninfo string, pairs [][2]string, log logHandle, call func(*C.char, *C.walstream_config) error) error {
	config := newConfig()
	defer config.free()
	for _, pair := range pairs {
		config.set(pair[0], pair[1])
	}
	config.setLog(log)
	if config.err != nil {
		return config.err
	}
	text, err := cString("conninfo", conninfo)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(text))
	return call(text, config.c)
}

// cString gives a C copy, to be freed. C would read a text with a NUL in it as another one.
func cString(what, text string) (*C.char, error) {
	if strings.IndexByte(text, 0) >= 0 {
		return nil, &Error{Code: ErrArgument, Message: what + ": a NUL in the text", Hint: "leave it out"}
	}
	return C.CString(text), nil
}

// await waits for a call that C offers no end to. When ctx ends first, drop gets what comes later.
func await[T any](ctx context.Context, call func() (T, error), drop func(T)) (T, error) {
	type result struct {
		value T
		err   error
	}
	var none T
	if err := ctx.Err(); err != nil {
		return none, err
	}
	// Without a buffer: a result that was sent was also taken.
	results := make(chan result)
	go func() {
		value, err := call()
		select {
		case results <- result{value, err}:
		case <-ctx.Done():
			if err == nil {
				drop(value)
			}
		}
	}()
	select {
	case came := <-results:
		return came.value, came.err
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// textAt is C's memory as a string, without a copy.
func textAt(start *C.char, size C.uint32_t) string {
	return unsafe.String((*byte)(unsafe.Pointer(start)), int(size))
}

// takeError makes a Go error of a C one, and frees that. Codes of 0 and above are none.
func takeError(code C.int32_t, c *C.walstream_error) error {
	if code >= 0 {
		return nil
	}
	if c == nil {
		return &Error{Code: Code(code), Message: Code(code).text()}
	}
	defer C.walstream_error_free(c)
	return &Error{
		Code:     Code(c.code),
		SQLState: C.GoString(c.sqlstate),
		Message:  C.GoString(c.message),
		Detail:   C.GoString(c.detail),
		Hint:     C.GoString(c.hint),
		Errno:    errno(c.os_errno),
		flags:    uint32(c.flags),
	}
}
