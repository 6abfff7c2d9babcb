package walstream

// #include "native.h"
import "C"

import "sync"

// Kind says what happened. Skip kinds that you do not know: later versions may add some.
type Kind uint32

// The kinds of events.
const (
	Begin            Kind = C.WALSTREAM_BEGIN
	Commit           Kind = C.WALSTREAM_COMMIT
	Origin           Kind = C.WALSTREAM_ORIGIN
	RelationChange   Kind = C.WALSTREAM_RELATION // first row of a relation, or its definition changed
	TypeChange       Kind = C.WALSTREAM_TYPE
	Insert           Kind = C.WALSTREAM_INSERT
	Update           Kind = C.WALSTREAM_UPDATE
	Delete           Kind = C.WALSTREAM_DELETE
	Truncate         Kind = C.WALSTREAM_TRUNCATE
	Message          Kind = C.WALSTREAM_MESSAGE
	BeginPrepare     Kind = C.WALSTREAM_BEGIN_PREPARE
	Prepare          Kind = C.WALSTREAM_PREPARE
	CommitPrepared   Kind = C.WALSTREAM_COMMIT_PREPARED
	RollbackPrepared Kind = C.WALSTREAM_ROLLBACK_PREPARED
	StreamStart      Kind = C.WALSTREAM_STREAM_START
	StreamStop       Kind = C.WALSTREAM_STREAM_STOP
	StreamCommit     Kind = C.WALSTREAM_STREAM_COMMIT
	StreamAbort      Kind = C.WALSTREAM_STREAM_ABORT
	StreamPrepare    Kind = C.WALSTREAM_STREAM_PREPARE
	Interrupted      Kind = C.WALSTREAM_INTERRUPTED // delivery=as-sent: forget the unfinished transactions, they come again
	Position         Kind = C.WALSTREAM_POSITION    // idle_advance=host: nothing is pending
	Raw              Kind = C.WALSTREAM_RAW         // output of another plugin, unparsed
	WAL              Kind = C.WALSTREAM_WAL
	Timeline         Kind = C.WALSTREAM_TIMELINE
	BackupStart      Kind = C.WALSTREAM_BACKUP_START
	ArchiveBegin     Kind = C.WALSTREAM_ARCHIVE_BEGIN
	BackupData       Kind = C.WALSTREAM_BACKUP_DATA
	BackupProgress   Kind = C.WALSTREAM_BACKUP_PROGRESS
	ManifestBegin    Kind = C.WALSTREAM_MANIFEST_BEGIN
	BackupEnd        Kind = C.WALSTREAM_BACKUP_END
)

// String is the kind's name, such as "INSERT".
func (k Kind) String() string {
	if names := kindNames(); int(k) < len(names) {
		return names[k]
	}
	return C.GoString(C.walstream_kind_name(C.uint32_t(k)))
}

// kindNames asks the library once.
var kindNames = sync.OnceValue(func() (names [BackupEnd + 1]string) {
	for k := range names {
		names[k] = C.GoString(C.walstream_kind_name(C.uint32_t(k)))
	}
	return names
})

// Flags are an event's flags.
type Flags uint32

// The flags of events.
const (
	Streamed        Flags = C.WALSTREAM_EVENT_STREAMED         // sent before its commit (delivery=as-sent)
	Transactional   Flags = C.WALSTREAM_EVENT_TRANSACTIONAL    // Message: belongs to the transaction
	Cascade         Flags = C.WALSTREAM_EVENT_TRUNCATE_CASCADE // Truncate
	RestartIdentity Flags = C.WALSTREAM_EVENT_RESTART_IDENTITY // Truncate
	NoIdentity      Flags = C.WALSTREAM_EVENT_NO_IDENTITY      // CommitLSN and Seq identify nothing
)

// Has tells whether all of these flags are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// OldKind says what an event tells of the old row.
type OldKind uint32

// What is known of the old row.
const (
	OldNone OldKind = C.WALSTREAM_OLD_NONE // nothing: an Update without it did not change the key
	OldKey  OldKind = C.WALSTREAM_OLD_KEY  // the replica identity; other columns are NotSent
	OldFull OldKind = C.WALSTREAM_OLD_FULL // the whole row (REPLICA IDENTITY FULL)
)

// ValueKind says how a value came.
type ValueKind uint32

// How a value can come.
const (
	Null      ValueKind = C.WALSTREAM_VALUE_NULL
	Text      ValueKind = C.WALSTREAM_VALUE_TEXT      // the type's text form
	Binary    ValueKind = C.WALSTREAM_VALUE_BINARY    // the type's send form
	Unchanged ValueKind = C.WALSTREAM_VALUE_UNCHANGED // a stored-apart (TOAST) value that the update did not touch; not sent
	NotSent   ValueKind = C.WALSTREAM_VALUE_NOT_SENT  // old rows of kind OldKey: not part of the key
)

// String is a word, such as "unchanged".
func (k ValueKind) String() string {
	names := [...]string{Null: "null", Text: "text", Binary: "binary", Unchanged: "unchanged", NotSent: "not sent"}
	if int(k) < len(names) {
		return names[k]
	}
	return "unknown"
}
