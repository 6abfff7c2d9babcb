package walstream

// #include "native.h"
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// Event is one thing that happened. An event of a stream is valid until the next one; [Event.Clone] keeps it. Any goroutines may
// read it meanwhile.
type Event struct {
	// Never nil: noEvent when there is none.
	c         *C.walstream_event
	relation  *Relation
	truncated []*Relation
	// What a clone's C structs point to, all of it Go's; nil for an event of a stream.
	kept *kept
}

// noEvent is what an event is that is over.
var noEvent C.walstream_event

// set points to an event in C's memory. Finding the relation here leaves the accessors without a write.
func (e *Event) set(c *C.walstream_event, s *Stream) {
	e.c = c
	if r := c.relation; r == nil {
		e.relation = nil
	} else if e.relation == nil || e.relation.Version != uint64(r.version) {
		e.relation = s.relation(r)
	}
	if e.truncated != nil {
		e.truncated = nil
	}
	if c.kind == C.WALSTREAM_TRUNCATE {
		for _, r := range unsafe.Slice((**C.walstream_relation)(c.detail), int(c.detail_count)) {
			e.truncated = append(e.truncated, s.relation(r))
		}
	}
}

// Kind says what happened. 0: the event is over.
func (e *Event) Kind() Kind { return Kind(e.c.kind) }

// Flags are more about it.
func (e *Event) Flags() Flags { return Flags(e.c.flags) }

// CommitLSN is, with Seq, the event's identity: the same whenever it comes again, and rising.
func (e *Event) CommitLSN() LSN { return LSN(e.c.commit_lsn) }

// Seq numbers the events of a transaction. Rows count from 2 on.
func (e *Event) Seq() uint64 { return uint64(e.c.seq) }

// LSN is the change's own position; 0 if the server gave none.
func (e *Event) LSN() LSN { return LSN(e.c.lsn) }

// AckLSN is what to give to [Stream.Ack] once everything up to here is safe. 0: nothing ends with this event.
func (e *Event) AckLSN() LSN { return LSN(e.c.ack_lsn) }

// CommitTime is by the server's clock; the zero time when it is unknown.
func (e *Event) CommitTime() time.Time { return unixMicro(e.c.commit_time_us) }

func unixMicro(us C.int64_t) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(us)).UTC()
}

// XID is the transaction; 0 if the server gave none.
func (e *Event) XID() uint32 { return uint32(e.c.xid) }

// SubXID is the subtransaction: XID, or 0 where the protocol does not tell.
func (e *Event) SubXID() uint32 { return uint32(e.c.subxid) }

// Relation is the table of Insert, Update, Delete and RelationChange, else nil. It may be kept.
func (e *Event) Relation() *Relation { return e.relation }

// Truncated are the tables of a Truncate.
func (e *Event) Truncated() []*Relation { return e.truncated }

// New is the new row of Insert and Update; else it has no columns.
func (e *Event) New() Row { return Row{event: e} }

// Old is what is known of the old row of Update and Delete, see OldKind; maybe no columns.
func (e *Event) Old() Row { return Row{event: e, old: true} }

// OldKind says what Old holds.
func (e *Event) OldKind() OldKind { return OldKind(e.c.old_kind) }

// Name is the GID of a prepared transaction, a message's prefix, an origin's name, the file name of Timeline and ArchiveBegin; else "".
func (e *Event) Name() string { return textAt(e.c.name, e.c.name_len) }

// Payload is a message's content, a plugin's output, WAL or a piece of a backup; else nil.
func (e *Event) Payload() []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(e.c.payload)), int(e.c.payload_len))
}

// String is for a log: kind, table and identity, no values.
func (e *Event) String() string {
	if e.relation != nil {
		return fmt.Sprintf("%v %v %v/%d", e.Kind(), e.relation, e.CommitLSN(), e.Seq())
	}
	return fmt.Sprintf("%v %v/%d", e.Kind(), e.CommitLSN(), e.Seq())
}

// The rest of some kinds, as [Event.Detail] gives it.
type (
	// TypeDetail is a TypeChange: a user-made type of a column that follows. A domain carries its base type's name.
	TypeDetail struct {
		OID          uint32
		Schema, Name string
	}
	// OriginDetail is an Origin: the commit's position at the node that it first happened on.
	OriginDetail struct{ LSN LSN }
	// RollbackDetail is a RollbackPrepared: which Prepare it ends.
	RollbackDetail struct {
		PrepareEndLSN LSN
		PrepareTime   time.Time
	}
	// TimelineDetail is a Timeline, or a switch in a [History]: where the old one ends and which goes on from there.
	TimelineDetail struct {
		SwitchLSN LSN
		Old, New  uint32
	}
)

// Detail is, by kind, a TypeDetail, OriginDetail, RollbackDetail, TimelineDetail, BackupDetail, TablespaceDetail or ProgressDetail;
// else nil. It may be kept.
func (e *Event) Detail() any {
	if e.c.detail == nil {
		return nil
	}
	switch e.Kind() {
	case TypeChange:
		detail := (*C.walstream_type_detail)(e.c.detail)
		return TypeDetail{uint32(detail.oid), C.GoString(detail.schema), C.GoString(detail.name)}
	case Origin:
		return OriginDetail{LSN((*C.walstream_origin_detail)(e.c.detail).origin_lsn)}
	case RollbackPrepared:
		detail := (*C.walstream_rollback_detail)(e.c.detail)
		return RollbackDetail{LSN(detail.prepare_end_lsn), unixMicro(detail.prepare_time_us)}
	case Timeline:
		return newTimelineDetail((*C.walstream_timeline_detail)(e.c.detail))
	case BackupStart, BackupEnd:
		return newBackupDetail((*C.walstream_backup_detail)(e.c.detail))
	case ArchiveBegin:
		return newTablespaceDetail((*C.walstream_tablespace_detail)(e.c.detail))
	case BackupProgress:
		progress := (*C.walstream_progress_detail)(e.c.detail)
		return ProgressDetail{uint64(progress.done), uint64(progress.total)}
	default:
		return nil
	}
}

func newTimelineDetail(c *C.walstream_timeline_detail) TimelineDetail {
	return TimelineDetail{LSN(c.switch_lsn), uint32(c.old_timeline), uint32(c.timeline)}
}
