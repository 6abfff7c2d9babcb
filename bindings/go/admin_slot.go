package walstream

// #include "native.h"
import "C"

import (
	"context"
	"sync"
	"unsafe"
)

// SlotRequest is what [Admin.CreateSlot] is to make. The zero value is a logical slot for pgoutput.
type SlotRequest struct {
	Physical   bool         // holds log back, and decodes nothing
	ReserveWAL bool         // a physical slot holds log back from now on, not only from its first use
	Temporary  bool         // ends with the connection that made it: the Snapshot's, else the Admin's
	TwoPhase   bool         // sends prepared transactions at their PREPARE
	Failover   bool         // synchronised to standbys (PostgreSQL 17 and later)
	Plugin     string       // output plugin of a logical slot; "": pgoutput
	Snapshot   SnapshotWish // the data as of a logical slot's start
}

func (r *SlotRequest) flags() (flags C.uint32_t) {
	for _, wish := range []struct {
		set  bool
		flag C.uint32_t
	}{
		{r.Physical, C.WALSTREAM_SLOT_PHYSICAL},
		{r.ReserveWAL, C.WALSTREAM_SLOT_RESERVE_WAL},
		{r.Temporary, C.WALSTREAM_SLOT_TEMPORARY},
		{r.TwoPhase, C.WALSTREAM_SLOT_TWO_PHASE},
		{r.Failover, C.WALSTREAM_SLOT_FAILOVER},
	} {
		if wish.set {
			flags |= wish.flag
		}
	}
	return flags
}

// SnapshotWish says whether a new logical slot comes with a [Snapshot].
type SnapshotWish uint32

// What can be wished for.
const (
	SnapshotNothing SnapshotWish = C.WALSTREAM_SNAPSHOT_NOTHING // none
	SnapshotExport  SnapshotWish = C.WALSTREAM_SNAPSHOT_EXPORT  // exported by the server's own means: no transaction needed
	SnapshotUse     SnapshotWish = C.WALSTREAM_SNAPSHOT_USE     // taken by a transaction, and exported from there
)

// CreateSlot makes a slot, and tells where it begins: 0 for a physical one. A logical slot waits for all transactions that are open
// in any database. When ctx or Cancel ends that, no slot is left. The snapshot is nil unless it was asked for, else the caller's to
// close. It keeps the connection; the next call makes another.
func (a *Admin) CreateSlot(ctx context.Context, name string, request SlotRequest) (LSN, *Snapshot, error) {
	cname, err := cString("name", name)
	if err != nil {
		return 0, nil, err
	}
	defer C.free(unsafe.Pointer(cname))
	wanted := C.walstream_slot_request{
		struct_size: C.sizeof_walstream_slot_request,
		flags:       request.flags(),
		snapshot:    C.uint32_t(request.Snapshot),
	}
	if request.Plugin != "" {
		if wanted.plugin, err = cString("plugin", request.Plugin); err != nil {
			return 0, nil, err
		}
		defer C.free(unsafe.Pointer(wanted.plugin))
	}
	var begins C.uint64_t
	var held *C.walstream_snapshot
	err = a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		return C.walstream_admin_create_slot(c, cname, &wanted, -1, &begins, &held, cerr)
	})
	if err != nil || held == nil {
		return LSN(begins), nil, err
	}
	return LSN(begins), newSnapshot(held), nil
}

// Snapshot is the data as of a slot's start. Other connections may import it until it is closed, also after the Admin was.
type Snapshot struct {
	name  string
	lsn   LSN
	c     *C.walstream_snapshot
	close sync.Once
}

func newSnapshot(c *C.walstream_snapshot) *Snapshot {
	return &Snapshot{name: C.GoString(C.walstream_snapshot_name(c)), lsn: LSN(C.walstream_snapshot_lsn(c)), c: c}
}

// Name is for SET TRANSACTION SNAPSHOT in a transaction that is REPEATABLE READ.
func (s *Snapshot) Name() string { return s.name }

// LSN tells what is in it: whatever was committed before. Everything else comes through the slot.
func (s *Snapshot) LSN() LSN { return s.lsn }

// Close ends its connection, with a temporary slot that was made on it: transactions that imported the snapshot keep it, others no
// longer can. Any goroutine; a second call does nothing. The error is always nil.
func (s *Snapshot) Close() error {
	s.close.Do(func() {
		C.walstream_snapshot_free(s.c)
		s.c = nil
	})
	return nil
}

// Switch is what becomes of a property of a slot. The zero value leaves it as it is.
type Switch int32

// The ways to turn one.
const (
	SwitchOff Switch = 1
	SwitchOn  Switch = 2
)

// SlotChange is what [Admin.AlterSlot] is to change.
type SlotChange struct {
	TwoPhase Switch // PostgreSQL 18 and later
	Failover Switch // PostgreSQL 17 and later
}

// AlterSlot changes a slot. [ErrUnsupported]: the server is too old for that.
func (a *Admin) AlterSlot(ctx context.Context, name string, change SlotChange) error {
	cname, err := cString("name", name)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cname))
	return a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		// In C -1 leaves it, 0 is off, 1 on; what is none of these it refuses.
		return C.walstream_admin_alter_slot(c, cname, C.int32_t(change.TwoPhase)-1, C.int32_t(change.Failover)-1, cerr)
	})
}

// SlotInfo is what the server says of a slot. What its version does not know is as there: false, 0, "".
type SlotInfo struct {
	Physical    bool
	Temporary   bool // ends with the connection that made it
	TwoPhase    bool // sends prepared transactions at their PREPARE
	Failover    bool // synchronised to standbys
	Active      bool // somebody reads it
	Synced      bool // a standby's copy of a slot of the primary
	Conflicting bool // invalidated by a conflict with recovery

	RestartLSN         LSN    // oldest log that it holds back; 0: none
	ConfirmedFlushLSN  LSN    // how far it is acknowledged; 0 for a physical one
	TwoPhaseAt         LSN    // from where on prepared transactions are sent at their PREPARE; 0 unknown (before PostgreSQL 18)
	SafeWALSize        int64  // bytes that may still be written before it may be lost; -1: no limit, or lost already
	ActivePID          int32  // process that reads it; 0: none
	RestartTimeline    uint32 // of RestartLSN, of a physical slot on PostgreSQL 15 and later; else 0
	XMin               uint32 // oldest transaction whose rows it keeps; 0: none
	CatalogXMin        uint32 // the same for catalogs
	Plugin             string // "" for a physical one
	Database           string // "" for a physical one
	WALStatus          string // "reserved", "extended", "unreserved", "lost"; "" while it holds back nothing
	InvalidationReason string // why it was invalidated; "": it was not
}

// ReadSlot tells what the server says of a slot. [ErrSlotMissing]: there is none.
func (a *Admin) ReadSlot(ctx context.Context, name string) (SlotInfo, error) {
	cname, err := cString("name", name)
	if err != nil {
		return SlotInfo{}, err
	}
	defer C.free(unsafe.Pointer(cname))
	var found SlotInfo
	err = a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		info := C.walstream_slot_info{struct_size: C.sizeof_walstream_slot_info}
		code := C.walstream_admin_read_slot(c, cname, &info, cerr)
		if code == C.WALSTREAM_OK {
			found = newSlotInfo(&info)
		}
		return code
	})
	return found, err
}

func newSlotInfo(c *C.walstream_slot_info) SlotInfo {
	has := func(flag C.uint32_t) bool { return c.flags&flag != 0 }
	return SlotInfo{
		Physical:           has(C.WALSTREAM_SLOT_PHYSICAL),
		Temporary:          has(C.WALSTREAM_SLOT_TEMPORARY),
		TwoPhase:           has(C.WALSTREAM_SLOT_TWO_PHASE),
		Failover:           has(C.WALSTREAM_SLOT_FAILOVER),
		Active:             has(C.WALSTREAM_SLOT_ACTIVE),
		Synced:             has(C.WALSTREAM_SLOT_SYNCED),
		Conflicting:        has(C.WALSTREAM_SLOT_CONFLICTING),
		RestartLSN:         LSN(c.restart_lsn),
		ConfirmedFlushLSN:  LSN(c.confirmed_flush_lsn),
		TwoPhaseAt:         LSN(c.two_phase_at),
		SafeWALSize:        int64(c.safe_wal_size),
		ActivePID:          int32(c.active_pid),
		RestartTimeline:    uint32(c.restart_timeline),
		XMin:               uint32(c.xmin),
		CatalogXMin:        uint32(c.catalog_xmin),
		Plugin:             C.GoString(c.plugin),
		Database:           C.GoString(c.database),
		WALStatus:          C.GoString(c.wal_status),
		InvalidationReason: C.GoString(c.invalidation_reason),
	}
}

// DropSlot drops a slot. While somebody reads it that fails with [ErrSlotInUse] or, with wait, waits for the reader's end. When ctx or
// Cancel ends that, the slot is still there.
func (a *Admin) DropSlot(ctx context.Context, name string, wait bool) error {
	cname, err := cString("name", name)
	if err != nil {
		return err
	}
	defer C.free(unsafe.Pointer(cname))
	var waits C.int32_t
	if wait {
		waits = 1
	}
	return a.call(ctx, func(c *C.walstream_admin, cerr **C.walstream_error) C.int32_t {
		return C.walstream_admin_drop_slot(c, cname, waits, -1, cerr)
	})
}
