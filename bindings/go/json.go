package walstream

// #include "native.h"
import "C"

import (
	"runtime"
	"slices"
	"unsafe"
)

// JSON is the event as one line of JSON, without the newline; docs/json.md describes it. Every binding gives the same bytes.
func (e *Event) JSON() ([]byte, error) { return e.AppendJSON(nil) }

// MarshalJSON is JSON, for encoding/json.
func (e *Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil) }

// AppendJSON appends what JSON gives. It allocates nothing when to has room (for a NUL, too).
func (e *Event) AppendJSON(to []byte) ([]byte, error) {
	if e.c == &noEvent {
		return to, &Error{Code: ErrState, Message: "the event is over", Hint: "use it before the next one, or Clone it"}
	}
	if e.kept != nil {
		var pinner runtime.Pinner
		defer pinner.Unpin()
		e.kept.pin(&pinner)
	}
	for {
		room := to[len(to):cap(to)]
		written := C.walstream_go_to_json(e.c, (*C.char)(unsafe.Pointer(unsafe.SliceData(room))), C.size_t(len(room)))
		if written.code != C.WALSTREAM_OK {
			return to, takeError(written.code, nil)
		}
		needed := int(written.needed)
		if needed < len(room) {
			return to[:len(to)+needed], nil
		}
		to = slices.Grow(to, needed+1)
	}
}
