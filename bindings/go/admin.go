package walstream

// #include "native.h"
import "C"

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Admin is a connection for single questions and commands. It keeps its connection, and makes a new one when the server has
// ended it, or a call was ended while it ran; temporary slots end with it. One goroutine at a time may be inside a call, another
// one gets [ErrBusy]; Cancel and Close may be called from any goroutine at any moment. A call whose ctx ends returns ctx's error
// once the server has called off what it was doing.
type Admin struct {
	// Held for reading by every call into c, for writing by Close, which frees it.
	mu     sync.RWMutex
	c      *C.walstream_admin
	closed atomic.Bool
	// Whoever set it is inside a call.
	calling   atomic.Bool
	cancelled atomic.Bool
}

// OpenAdmin connects, to the database that conninfo names. Of the options, those about connecting matter: connect_timeout_ms, and
// mode=physical, which connects without a database, as pg_hba.conf's entries for replication allow it. Then there are no logical
// slots to make, and [Admin.ReadSlot] tells a physical slot's position only (PostgreSQL 15 and later).
//
// When ctx ends first, an attempt to connect goes on for connect_timeout_ms at most, and is given up then.
func OpenAdmin(ctx context.Context, conninfo string, options ...Option) (*Admin, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	settings := newSettings(options)
	open := func() (*Admin, error) { return openAdmin(conninfo, settings.pairs) }
	return await(ctx, open, func(late *Admin) { late.Close() })
}

func openAdmin(conninfo string, pairs [][2]string) (*Admin, error) {
	var c *C.walstream_admin
	err := configured(conninfo, pairs, 0, func(text *C.char, config *C.walstream_config) error {
		var cerr *C.walstream_error
		return takeError(C.walstream_admin_open(text, config, &c, &cerr), cerr)
	})
	if err != nil {
		return nil, err
	}
	return &Admin{c: c}, nil
}

// call is one command. It copies what C gives before it returns: the next call ends that.
func (a *Admin) call(ctx context.Context, command func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t) error {
	if a.closed.Load() {
		return errAdminClosed
	}
	if !a.calling.CompareAndSwap(false, true) {
		return errAdminBusy
	}
	defer a.calling.Store(false)
	a.mu.RLock()
	defer a.mu.RUnlock()
	// Before ctx is listened to: one that has ended already would cancel what comes after this.
	if err := ctx.Err(); err != nil {
		return err
	}
	defer a.cancelAtEndOf(ctx)()
	for {
		// Close sets this before it interrupts, so that nothing begins that it would have to wait for.
		if a.closed.Load() {
			return errAdminClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		var cerr *C.walstream_error
		code := command(a.c, &cerr)
		if code != C.WALSTREAM_WOKEN {
			return takeError(code, cerr)
		}
		// Maybe by the ctx of a call that was over by then: the library sent nothing, so that it can be done again.
		if a.cancelled.Swap(false) && !a.closed.Load() && ctx.Err() == nil {
			return context.Canceled
		}
	}
}

// cancelAtEndOf ends the call in C when ctx ends, until the function that it returns is called. That one waits for a cancel that has
// begun: it could otherwise come late and end another call. The caller holds mu, so that there is something to cancel.
func (a *Admin) cancelAtEndOf(ctx context.Context) func() {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		C.walstream_admin_cancel(a.c)
		close(done)
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// interrupt ends the call in C, or else the next one; that then looks why.
func (a *Admin) interrupt() {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.c != nil {
		C.walstream_admin_cancel(a.c)
	}
}

// Cancel ends the call in progress, or else the next one: it returns [context.Canceled] once the server has called off what it
// was doing. Where one call is meant, its ctx does the same.
func (a *Admin) Cancel() {
	a.cancelled.Store(true)
	a.interrupt()
}

// Close ends the call in progress, which returns [ErrClosed], and the connection, with the temporary slots that were made on it.
// Calls after it return ErrClosed. Snapshots stay. The error is always nil.
func (a *Admin) Close() error {
	// The one call that may be inside has looked at closed before; no other gets in after it.
	if a.closed.Swap(true) {
		return nil
	}
	a.interrupt()
	a.mu.Lock()
	defer a.mu.Unlock()
	C.walstream_admin_free(a.c)
	a.c = nil
	return nil
}

// System is which server answers.
type System struct {
	SystemID      uint64 // made by initdb, the same on all standbys
	Timeline      uint32 // the one that the server is on
	FlushLSN      LSN    // how far its log is flushed
	Database      string // the connection's; "" on one without
	ServerVersion int    // as in server_version_num: 150004 is 15.4
}

// Identify tells which server, timeline and database this is, and how far its log is flushed.
func (a *Admin) Identify(ctx context.Context) (System, error) {
	var found System
	err := a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		system := C.walstream_system{struct_size: C.sizeof_walstream_system}
		code := C.walstream_admin_identify(c, &system, cerr)
		if code == C.WALSTREAM_OK {
			found = System{
				SystemID:      uint64(system.system_id),
				Timeline:      uint32(system.timeline),
				FlushLSN:      LSN(system.flush_lsn),
				Database:      C.GoString(system.database),
				ServerVersion: int(system.server_version),
			}
		}
		return code
	})
	return found, err
}

// Show gives the value of a setting, as SHOW prints it: "16MB". [ErrArgument]: the server knows no such setting.
func (a *Admin) Show(ctx context.Context, name string) (string, error) {
	cname, err := cString("name", name)
	if err != nil {
		return "", err
	}
	defer C.free(unsafe.Pointer(cname))
	var value string
	err = a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		var text *C.char
		code := C.walstream_admin_show(c, cname, &text, cerr)
		if code == C.WALSTREAM_OK {
			value = C.GoString(text)
		}
		return code
	})
	return value, err
}

// History is how a timeline came to be.
type History struct {
	Timeline uint32           // the one asked for
	FileName string           // "0000000A.history"
	Content  []byte           // the file, to be stored as it is
	Switches []TimelineDetail // what led to this timeline, oldest first
}

// TimelineHistory gives a timeline's history file, and its switches. Timeline 1 has none: both are empty then.
func (a *Admin) TimelineHistory(ctx context.Context, timeline uint32) (History, error) {
	var found History
	err := a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		history := C.walstream_history{struct_size: C.sizeof_walstream_history}
		code := C.walstream_admin_timeline_history(c, C.uint32_t(timeline), &history, cerr)
		if code == C.WALSTREAM_OK {
			found = newHistory(&history)
		}
		return code
	})
	return found, err
}

func newHistory(c *C.walstream_history) History {
	history := History{
		Timeline: uint32(c.timeline),
		FileName: C.GoString(c.file_name),
		Content:  bytes.Clone(unsafe.Slice((*byte)(unsafe.Pointer(c.content)), int(c.content_len))),
	}
	for _, detail := range unsafe.Slice(c.switches, int(c.switch_count)) {
		history.Switches = append(history.Switches, newTimelineDetail(&detail))
	}
	return history
}
