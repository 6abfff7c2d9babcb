/*
 * walstream.h: PostgreSQL's replication stream, for any language.
 *
 *   config_new, config_set ... -> open -> start -> { next_batch | next_event -> ack_lsn } -> stop -> free
 *
 * Return codes. Zero: done. Positive: nothing to read (TIMEOUT, WOKEN, END). Negative: failed. A function
 * that takes `walstream_error **error` accepts NULL there. Otherwise it stores NULL on a code >= 0 and
 * a new error, to be given to walstream_error_free, on a negative one. What *error held before is
 * overwritten, not freed.
 *
 * Threads. One thread at a time may be inside start, next_event, next_batch or stop of one
 * stream; a second one gets WALSTREAM_E_BUSY and disturbs nothing. Everything marked "any
 * thread" may be called beside it. Different streams are independent.
 *
 * walstream_free. Calls of other threads that are inside the stream then return
 * WALSTREAM_E_CLOSED before free does. A call that begins after free is a bug in the host, as with free(3).
 *
 * Lifetimes. What an event points to lives as long as the event. Events of a batch live until
 * walstream_batch_free, wherever the stream is by then. The event of walstream_next_event lives
 * until the next call of next_event, next_batch or free on that stream. stop does not end it.
 *
 * Text is UTF-8 as the server sent it (a SQL_ASCII database sends its bytes unchanged), followed by a NUL
 * that the length does not count. No public pointer to text is NULL unless its comment says so.
 *
 * fork. A child may call only walstream_free, walstream_batch_free, walstream_error_free, walstream_admin_free,
 * walstream_snapshot_free and walstream_report_free; they give back nothing and leave the parent's connection alone.
 * Signals are blocked on the library's threads.
 *
 * 64-bit targets only. Structs without struct_size never change; those with it, and the event (see
 * walstream_batch_events), only grow at their end.
 */

#ifndef WALSTREAM_H
#define WALSTREAM_H

#include <stddef.h>
#include <stdint.h>
#define WALSTREAM_VERSION_MAJOR 0
#define WALSTREAM_VERSION_MINOR 1
#define WALSTREAM_VERSION_PATCH 0


/**
 * Room for walstream_lsn_format: "FFFFFFFF/FFFFFFFF" and the NUL.
 */
#define WALSTREAM_LSN_BUFFER 18

/**
 * Room for walstream_position.
 */
#define WALSTREAM_POSITION_BUFFER 64

/**
 * What a call came to. Functions return it as int32_t. Values are never reused.
 */
enum walstream_code
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  WALSTREAM_OK = 0,
  /**
   * timeout_ms passed; nothing was lost.
   */
  WALSTREAM_TIMEOUT = 1,
  /**
   * walstream_wake was called.
   */
  WALSTREAM_WOKEN = 2,
  /**
   * The stream came to its end (stop_lsn, walstream_stop). Every later read says so again.
   */
  WALSTREAM_END = 3,
  /**
   * A NULL, an unknown option, a value that is not allowed.
   */
  WALSTREAM_E_ARGUMENT = -1,
  /**
   * This call does not fit the stream's state, such as a read before start.
   */
  WALSTREAM_E_STATE = -2,
  /**
   * Another thread is inside start, next_event, next_batch or stop of this stream.
   */
  WALSTREAM_E_BUSY = -3,
  /**
   * walstream_free was called while this call was in progress.
   */
  WALSTREAM_E_CLOSED = -4,
  /**
   * The server was not reached, or the connection was lost for longer than the options allow.
   */
  WALSTREAM_E_CONNECT = -5,
  /**
   * The server refused user, password, certificate or host.
   */
  WALSTREAM_E_AUTH = -6,
  /**
   * The server reported an error that no other code names.
   */
  WALSTREAM_E_SERVER = -7,
  /**
   * The slot does not exist.
   */
  WALSTREAM_E_SLOT_MISSING = -8,
  /**
   * Another connection reads the slot, or is making it, longer than slot.wait_ms.
   */
  WALSTREAM_E_SLOT_IN_USE = -9,
  /**
   * The server invalidated the slot: what it had not sent is gone.
   */
  WALSTREAM_E_SLOT_LOST = -10,
  /**
   * A publication does not exist.
   */
  WALSTREAM_E_PUBLICATION = -11,
  /**
   * Changes were skipped, or lie on another timeline.
   */
  WALSTREAM_E_GAP = -12,
  /**
   * Another database cluster answers at this address.
   */
  WALSTREAM_E_WRONG_SYSTEM = -13,
  /**
   * Bytes that are not what PostgreSQL's protocol allows.
   */
  WALSTREAM_E_PROTOCOL = -14,
  /**
   * An acknowledgement beyond what was handed to the host.
   */
  WALSTREAM_E_ACK_AHEAD = -15,
  /**
   * A file or descriptor failed.
   */
  WALSTREAM_E_IO = -16,
  /**
   * Out of memory.
   */
  WALSTREAM_E_MEMORY = -17,
  /**
   * This server's version cannot do what an option asks for.
   */
  WALSTREAM_E_UNSUPPORTED = -18,
  /**
   * A bug of the library, caught at its boundary.
   */
  WALSTREAM_E_PANIC = -19,
  /**
   * A resent transaction differs from the part already handed out.
   */
  WALSTREAM_E_DIVERGED = -20,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_code walstream_code;
#else
typedef int32_t walstream_code;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_event.kind. A host skips kinds that it does not know: later versions may add some.
 */
enum walstream_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  WALSTREAM_BEGIN = 1,
  WALSTREAM_COMMIT = 2,
  WALSTREAM_ORIGIN = 3,
  /**
   * First row of a relation, or its definition changed. Has no seq of its own.
   */
  WALSTREAM_RELATION = 4,
  WALSTREAM_TYPE = 5,
  WALSTREAM_INSERT = 6,
  WALSTREAM_UPDATE = 7,
  WALSTREAM_DELETE = 8,
  WALSTREAM_TRUNCATE = 9,
  WALSTREAM_MESSAGE = 10,
  WALSTREAM_BEGIN_PREPARE = 11,
  WALSTREAM_PREPARE = 12,
  WALSTREAM_COMMIT_PREPARED = 13,
  WALSTREAM_ROLLBACK_PREPARED = 14,
  WALSTREAM_STREAM_START = 15,
  WALSTREAM_STREAM_STOP = 16,
  WALSTREAM_STREAM_COMMIT = 17,
  WALSTREAM_STREAM_ABORT = 18,
  WALSTREAM_STREAM_PREPARE = 19,
  /**
   * delivery=as-sent only: forget the unfinished transactions, they come again.
   */
  WALSTREAM_INTERRUPTED = 20,
  /**
   * idle_advance=host only: nothing is pending; storing and acking ack_lsn loses nothing.
   */
  WALSTREAM_POSITION = 21,
  /**
   * Output of another plugin, unparsed.
   */
  WALSTREAM_RAW = 22,
  /**
   * Physical mode: write-ahead log, payload from lsn on. Chunks join without a gap, and may end within a record.
   */
  WALSTREAM_WAL = 23,
  /**
   * Physical mode: the server went over to a new timeline. WAL goes on from the start of the segment that the switch lies in, on
   * the new timeline; what came of the old one beyond the switch is void.
   */
  WALSTREAM_TIMELINE = 24,
  /**
   * Base backup: its start position and tablespaces.
   */
  WALSTREAM_BACKUP_START = 25,
  /**
   * Base backup: an archive begins; name is its file name, such as base.tar or 16385.tar.gz.
   */
  WALSTREAM_ARCHIVE_BEGIN = 26,
  /**
   * Base backup: the next piece of the archive or manifest.
   */
  WALSTREAM_BACKUP_DATA = 27,
  /**
   * Base backup: how far it is.
   */
  WALSTREAM_BACKUP_PROGRESS = 28,
  /**
   * Base backup: the manifest begins.
   */
  WALSTREAM_MANIFEST_BEGIN = 29,
  /**
   * Base backup: all was sent; lsn is the position up to which WAL is needed.
   */
  WALSTREAM_BACKUP_END = 30,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_kind walstream_kind;
#else
typedef uint32_t walstream_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_event.flags
 */
enum walstream_event_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Sent before its commit (delivery=as-sent).
   */
  WALSTREAM_EVENT_STREAMED = 1,
  /**
   * MESSAGE: belongs to the transaction. Not set: it stands for itself and survives a rollback.
   */
  WALSTREAM_EVENT_TRANSACTIONAL = 2,
  WALSTREAM_EVENT_TRUNCATE_CASCADE = 4,
  WALSTREAM_EVENT_RESTART_IDENTITY = 8,
  /**
   * RELATION, TYPE, ORIGIN, INTERRUPTED, POSITION, and changes inside stream blocks: commit_lsn and seq identify nothing.
   */
  WALSTREAM_EVENT_NO_IDENTITY = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_event_flag walstream_event_flag;
#else
typedef uint32_t walstream_event_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_value.kind
 */
enum walstream_value_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * SQL NULL.
   */
  WALSTREAM_VALUE_NULL = 0,
  /**
   * The type's text form.
   */
  WALSTREAM_VALUE_TEXT = 1,
  /**
   * The type's send form, network byte order.
   */
  WALSTREAM_VALUE_BINARY = 2,
  /**
   * A stored-apart (TOAST) value that this update did not touch and the server did not send. Not NULL.
   */
  WALSTREAM_VALUE_UNCHANGED = 3,
  /**
   * Old rows of kind KEY: the column is not part of the key. Not NULL.
   */
  WALSTREAM_VALUE_NOT_SENT = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_value_kind walstream_value_kind;
#else
typedef uint32_t walstream_value_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_event.old_kind
 */
enum walstream_old_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * No old row: of an UPDATE it means that its key did not change (identify the row by the key in new_values).
   */
  WALSTREAM_OLD_NONE = 0,
  /**
   * old_values holds the replica identity only, the rest is NOT_SENT.
   */
  WALSTREAM_OLD_KEY = 1,
  /**
   * old_values is the whole old row (REPLICA IDENTITY FULL).
   */
  WALSTREAM_OLD_FULL = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_old_kind walstream_old_kind;
#else
typedef uint32_t walstream_old_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_error.flags
 */
enum walstream_error_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * The stream is over: every later read returns the same code again, only free is left.
   */
  WALSTREAM_ERROR_FATAL = 1,
  /**
   * The same call may succeed later without any change.
   */
  WALSTREAM_ERROR_RETRIABLE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_error_flag walstream_error_flag;
#else
typedef uint32_t walstream_error_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_stats.state
 */
enum walstream_state
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  WALSTREAM_STATE_OPEN = 0,
  WALSTREAM_STATE_CONNECTING = 1,
  WALSTREAM_STATE_STREAMING = 2,
  WALSTREAM_STATE_WAITING_TO_RETRY = 3,
  WALSTREAM_STATE_ENDED = 4,
  WALSTREAM_STATE_FAILED = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_state walstream_state;
#else
typedef uint32_t walstream_state;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_column.flags
 */
enum walstream_column_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Part of the replica identity. Under FULL every column is: this is not the primary key.
   */
  WALSTREAM_COLUMN_KEY = 1,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_column_flag walstream_column_flag;
#else
typedef uint32_t walstream_column_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_slot_request.flags and walstream_slot_info.flags
 */
enum walstream_slot_flag
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Physical; not set: logical.
   */
  WALSTREAM_SLOT_PHYSICAL = 1,
  /**
   * Ends with the connection that made it.
   */
  WALSTREAM_SLOT_TEMPORARY = 2,
  /**
   * Sends prepared transactions at their PREPARE.
   */
  WALSTREAM_SLOT_TWO_PHASE = 4,
  /**
   * Synchronised to standbys (PostgreSQL 17 and later).
   */
  WALSTREAM_SLOT_FAILOVER = 8,
  /**
   * Request: a physical slot holds log back from now on, not only from its first use.
   */
  WALSTREAM_SLOT_RESERVE_WAL = 16,
  /**
   * Info: somebody reads it.
   */
  WALSTREAM_SLOT_ACTIVE = 32,
  /**
   * Info: a standby's copy of a slot of the primary.
   */
  WALSTREAM_SLOT_SYNCED = 64,
  /**
   * Info: invalidated by a conflict with recovery.
   */
  WALSTREAM_SLOT_CONFLICTING = 128,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_slot_flag walstream_slot_flag;
#else
typedef uint32_t walstream_slot_flag;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_slot_request.snapshot
 */
enum walstream_snapshot_wish
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * None.
   */
  WALSTREAM_SNAPSHOT_NOTHING = 0,
  /**
   * Exported by the server's own means: no transaction needed.
   */
  WALSTREAM_SNAPSHOT_EXPORT = 1,
  /**
   * Taken by a transaction of the handle's connection, and exported from there.
   */
  WALSTREAM_SNAPSHOT_USE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_snapshot_wish walstream_snapshot_wish;
#else
typedef uint32_t walstream_snapshot_wish;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * walstream_finding.severity
 */
enum walstream_severity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
  /**
   * Worth knowing; nothing has to be done.
   */
  WALSTREAM_SEVERITY_INFO = 1,
  /**
   * The stream runs, but something will be missing or go wrong later.
   */
  WALSTREAM_SEVERITY_WARNING = 2,
  /**
   * The stream does not start, or cannot go on.
   */
  WALSTREAM_SEVERITY_ERROR = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum walstream_severity walstream_severity;
#else
typedef uint32_t walstream_severity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * A connection for single questions and commands.
 */
typedef struct walstream_admin walstream_admin;

/**
 * Events of the batch. Immutable once handed out: any threads may read it at once.
 */
typedef struct walstream_batch walstream_batch;

/**
 * Options of streams to come. Copied by walstream_open: change, reuse or free it afterwards.
 */
typedef struct walstream_config walstream_config;

/**
 * What a check found.
 */
typedef struct walstream_report walstream_report;

/**
 * A snapshot of the data as of a slot's start, that other connections may import.
 */
typedef struct walstream_snapshot walstream_snapshot;

/**
 * One slot, one thread.
 */
typedef struct walstream_stream walstream_stream;

/**
 * Step by walstream_relation.column_size.
 */
typedef struct walstream_column {
  /**
   * Never NULL.
   */
  const char *name;
  /**
   * Never NULL: "" when the server named no type and the OID is not a built-in's.
   */
  const char *type_name;
  /**
   * Bytes at name, without the NUL.
   */
  uint32_t name_len;
  /**
   * Bytes at type_name, without the NUL.
   */
  uint32_t type_name_len;
  /**
   * pg_type.oid
   */
  uint32_t type_oid;
  /**
   * -1: none
   */
  int32_t type_modifier;
  /**
   * WALSTREAM_COLUMN_*
   */
  uint32_t flags;
  /**
   * 0
   */
  uint32_t reserved;
} walstream_column;

/**
 * A table's published columns at one point of the stream.
 */
typedef struct walstream_relation {
  /**
   * sizeof of the library's walstream_relation.
   */
  uint32_t struct_size;
  /**
   * pg_class.oid
   */
  uint32_t oid;
  /**
   * Never "": pg_catalog is spelt out.
   */
  const char *schema;
  /**
   * Never NULL.
   */
  const char *name;
  /**
   * column_count columns, column_size bytes apart.
   */
  const struct walstream_column *columns;
  /**
   * Bytes at schema, without the NUL.
   */
  uint32_t schema_len;
  /**
   * Bytes at name, without the NUL.
   */
  uint32_t name_len;
  /**
   * Published columns only.
   */
  uint32_t column_count;
  /**
   * Bytes from one column to the next; at least sizeof(walstream_column) of the header you use.
   */
  uint32_t column_size;
  /**
   * 'd' default, 'n' nothing, 'f' full, 'i' index
   */
  uint32_t replica_identity;
  /**
   * Columns with WALSTREAM_COLUMN_KEY.
   */
  uint32_t key_count;
  /**
   * Names this definition of this relation in this process: equal version, equal contents. Cache by it, not by address.
   */
  uint64_t version;
} walstream_relation;

/**
 * One column of one row. 16 bytes, never changes.
 */
typedef struct walstream_value {
  /**
   * TEXT, BINARY: never NULL, also when size is 0; a NUL follows. Other kinds: NULL.
   */
  const char *data;
  /**
   * Bytes at data, without the NUL.
   */
  uint32_t size;
  /**
   * WALSTREAM_VALUE_*
   */
  uint32_t kind;
} walstream_value;

/**
 * 128 bytes, two cache lines. Grows at its end only: step through a batch by its stride.
 */
typedef struct walstream_event {
  /**
   * walstream_kind
   */
  uint32_t kind;
  /**
   * WALSTREAM_EVENT_*
   */
  uint32_t flags;
  /**
   * With seq the identity: the same on each redelivery under the same options, rising. Prepared transactions: the PREPARE's LSN
   * until COMMIT_PREPARED; a MESSAGE of its own: its lsn; ROLLBACK_PREPARED: the end of that record.
   */
  uint64_t commit_lsn;
  /**
   * BEGIN, BEGIN_PREPARE, COMMIT_PREPARED: 1. Rows, TRUNCATE, transactional MESSAGE: from 2 on. COMMIT, PREPARE: UINT64_MAX.
   * Non-transactional MESSAGE, ROLLBACK_PREPARED: 0. RELATION, TYPE, ORIGIN: 0 with WALSTREAM_EVENT_NO_IDENTITY.
   */
  uint64_t seq;
  /**
   * Of this change; 0 if the server gave none.
   */
  uint64_t lsn;
  /**
   * Not 0: once everything up to here is safe at the host, ack this number (never lsn or commit_lsn).
   */
  uint64_t ack_lsn;
  /**
   * Microseconds since 1970-01-01 UTC by the server's clock; 0 unknown. WAL: when it was sent.
   */
  int64_t commit_time_us;
  /**
   * The transaction; 0 if the server gave none.
   */
  uint32_t xid;
  /**
   * Subtransaction; equal to xid, or 0 where the protocol does not tell.
   */
  uint32_t subxid;
  /**
   * Row kinds, RELATION: never NULL. Else NULL.
   */
  const struct walstream_relation *relation;
  /**
   * new_count values, in the order of relation->columns. NULL when new_count is 0.
   */
  const struct walstream_value *new_values;
  /**
   * old_count values, in the order of relation->columns. NULL when old_count is 0.
   */
  const struct walstream_value *old_values;
  /**
   * relation->column_count on INSERT and UPDATE, else 0.
   */
  uint32_t new_count;
  /**
   * relation->column_count when old_kind is not NONE, else 0.
   */
  uint32_t old_count;
  /**
   * WALSTREAM_OLD_*
   */
  uint32_t old_kind;
  /**
   * Elements behind detail.
   */
  uint32_t detail_count;
  /**
   * By kind: TRUNCATE an array of walstream_relation pointers (see walstream_event_relation), TYPE walstream_type_detail,
   * ORIGIN walstream_origin_detail, ROLLBACK_PREPARED walstream_rollback_detail, WAL and TIMELINE walstream_timeline_detail,
   * BACKUP_START and BACKUP_END walstream_backup_detail, ARCHIVE_BEGIN walstream_tablespace_detail, BACKUP_PROGRESS
   * walstream_progress_detail. Else NULL.
   */
  const void *detail;
  /**
   * GID, message prefix or origin; NULL where the kind has none.
   */
  const char *name;
  /**
   * Message content, RAW output, WAL; a NUL follows. NULL where the kind has none.
   */
  const uint8_t *payload;
  /**
   * Bytes at name, without the NUL.
   */
  uint32_t name_len;
  /**
   * Bytes at payload, without the NUL.
   */
  uint32_t payload_len;
} walstream_event;

/**
 * Library's; give it to walstream_error_free. Grows at the end, up to struct_size.
 */
typedef struct walstream_error {
  /**
   * sizeof of the library's walstream_error.
   */
  uint32_t struct_size;
  /**
   * walstream_code
   */
  int32_t code;
  /**
   * WALSTREAM_ERROR_*
   */
  uint32_t flags;
  /**
   * errno of a failed system call, else 0
   */
  int32_t os_errno;
  /**
   * Five characters, or "".
   */
  const char *sqlstate;
  /**
   * One line without a newline: what happened, to which object.
   */
  const char *message;
  /**
   * The server's DETAIL, or "".
   */
  const char *detail;
  /**
   * What to do, or "".
   */
  const char *hint;
} walstream_error;

/**
 * level: 0 error, 1 warning, 2 info, 3 debug. message lives for the call and has no newline. Called on the stream's thread, or on
 * a host's inside a walstream function, never two at once for one stream, never after walstream_free of it returned. Must not
 * throw or long-jump, nor call a walstream function on that stream other than wake.
 */
typedef void (*walstream_log_fn)(void *user, int32_t level, const char *message);

/**
 * One row of the option table. Static.
 */
typedef struct walstream_option {
  /**
   * sizeof of the library's walstream_option.
   */
  uint32_t struct_size;
  /**
   * 0
   */
  uint32_t reserved;
  /**
   * As walstream_config_set takes it.
   */
  const char *name;
  /**
   * In force when it is not set.
   */
  const char *default_value;
  /**
   * What walstream_config_set accepts, for a person.
   */
  const char *allowed;
  /**
   * What it does.
   */
  const char *help;
} walstream_option;

/**
 * The host's: set struct_size to sizeof(walstream_stats), the rest is filled as far as both sides know it.
 */
typedef struct walstream_stats {
  /**
   * Set by the host.
   */
  uint32_t struct_size;
  /**
   * WALSTREAM_STATE_*
   */
  uint32_t state;
  /**
   * Highest position received.
   */
  uint64_t received_lsn;
  /**
   * Highest ack_lsn handed to the host.
   */
  uint64_t delivered_lsn;
  /**
   * Highest LSN that the host acknowledged.
   */
  uint64_t acked_lsn;
  /**
   * Flush position last sent to the server; above acked_lsn when idle positions were confirmed.
   */
  uint64_t confirmed_lsn;
  /**
   * How far the server said that it is.
   */
  uint64_t server_lsn;
  /**
   * From confirmed_lsn to server_lsn.
   */
  uint64_t lag_bytes;
  /**
   * From the last transaction's commit to its receipt, by both clocks.
   */
  uint64_t commit_delay_us;
  /**
   * Made since walstream_start, queued ones included.
   */
  uint64_t events;
  /**
   * Received in messages with WAL data.
   */
  uint64_t bytes;
  /**
   * Waiting for the host.
   */
  uint64_t queue_events;
  /**
   * Memory of those.
   */
  uint64_t queue_bytes;
  /**
   * In batches that the host has not freed; not counted against queue.max_bytes.
   */
  uint64_t host_bytes;
  /**
   * On disk for transactions without a commit.
   */
  uint64_t spilled_bytes;
  /**
   * Sent by the server before their commit.
   */
  uint64_t open_transactions;
  /**
   * Connections made anew.
   */
  uint64_t reconnects;
  /**
   * Time that the queue was full.
   */
  uint64_t stalled_us;
  /**
   * walstream_code of the last error, also of one that was retried.
   */
  int32_t last_error;
  /**
   * 0
   */
  uint32_t reserved;
  /**
   * Naps since walstream_start (option pacing): how often a stream that was behind let messages pile up before it read on.
   */
  uint64_t naps;
  /**
   * How long the latest of them was to be.
   */
  uint64_t nap_us;
} walstream_stats;

/**
 * The host's: set struct_size to sizeof(walstream_system).
 */
typedef struct walstream_system {
  /**
   * Set by the host.
   */
  uint32_t struct_size;
  /**
   * The timeline that the server is on.
   */
  uint32_t timeline;
  /**
   * Made by initdb, the same on all standbys.
   */
  uint64_t system_id;
  /**
   * How far its log is flushed.
   */
  uint64_t flush_lsn;
  /**
   * The connection's; "" on one without.
   */
  const char *database;
  /**
   * As in server_version_num: 150004 is 15.4.
   */
  int32_t server_version;
  /**
   * 0
   */
  uint32_t reserved;
} walstream_system;

/**
 * TIMELINE: the switch. The event's payload is the history file's content, its name the file's name. WAL: only timeline is set.
 */
typedef struct walstream_timeline_detail {
  /**
   * Where the old timeline ends.
   */
  uint64_t switch_lsn;
  /**
   * The timeline that goes on from there.
   */
  uint32_t timeline;
  /**
   * The timeline that ends.
   */
  uint32_t old_timeline;
} walstream_timeline_detail;

/**
 * The host's: set struct_size to sizeof(walstream_history).
 */
typedef struct walstream_history {
  /**
   * Set by the host.
   */
  uint32_t struct_size;
  /**
   * The timeline asked for.
   */
  uint32_t timeline;
  /**
   * "0000000A.history"
   */
  const char *file_name;
  /**
   * The file, to be stored as it is; a NUL follows.
   */
  const uint8_t *content;
  /**
   * Of content, without the NUL.
   */
  uint64_t content_len;
  /**
   * The switches that led to this timeline, oldest first. NULL when there is none.
   */
  const struct walstream_timeline_detail *switches;
  /**
   * How many.
   */
  uint64_t switch_count;
} walstream_history;

/**
 * What walstream_admin_create_slot is to make. Set struct_size to sizeof(walstream_slot_request), the rest to 0.
 */
typedef struct walstream_slot_request {
  /**
   * Set by the host.
   */
  uint32_t struct_size;
  /**
   * WALSTREAM_SLOT_*
   */
  uint32_t flags;
  /**
   * WALSTREAM_SNAPSHOT_*; only of logical slots.
   */
  uint32_t snapshot;
  /**
   * 0
   */
  uint32_t reserved;
  /**
   * Output plugin of a logical slot; NULL: pgoutput.
   */
  const char *plugin;
} walstream_slot_request;

/**
 * The host's: set struct_size to sizeof(walstream_slot_info). What the server's version does not know is as there: off, 0, "".
 */
typedef struct walstream_slot_info {
  /**
   * Set by the host.
   */
  uint32_t struct_size;
  /**
   * WALSTREAM_SLOT_*
   */
  uint32_t flags;
  /**
   * Oldest log that it holds back; 0: none.
   */
  uint64_t restart_lsn;
  /**
   * How far it is acknowledged; 0 for a physical one.
   */
  uint64_t confirmed_flush_lsn;
  /**
   * From where on prepared transactions are sent at their PREPARE; 0 unknown (before PostgreSQL 18).
   */
  uint64_t two_phase_at;
  /**
   * Bytes that may still be written before it may be lost; -1: no limit, or lost already.
   */
  int64_t safe_wal_size;
  /**
   * Process that reads it; 0: none.
   */
  int32_t active_pid;
  /**
   * Timeline of restart_lsn, of a physical slot on PostgreSQL 15 and later; else 0.
   */
  uint32_t restart_timeline;
  /**
   * Oldest transaction whose rows it keeps; 0: none.
   */
  uint32_t xmin;
  /**
   * The same for catalogs.
   */
  uint32_t catalog_xmin;
  /**
   * "" for a physical one.
   */
  const char *plugin;
  /**
   * "" for a physical one.
   */
  const char *database;
  /**
   * "reserved", "extended", "unreserved", "lost"; "" while it holds back nothing.
   */
  const char *wal_status;
  /**
   * Why it was invalidated; "": it was not.
   */
  const char *invalidation_reason;
} walstream_slot_info;

/**
 * One thing that a check found. Lives as long as its report.
 */
typedef struct walstream_finding {
  /**
   * sizeof of the library's walstream_finding.
   */
  uint32_t struct_size;
  /**
   * WALSTREAM_SEVERITY_*
   */
  uint32_t severity;
  /**
   * What it is, for programs: "slot-missing", …; docs/check.md has them all. The same for ever; new ones may come.
   */
  const char *code;
  /**
   * About what: a setting, slot, publication, table, role or process; "" where there is none.
   */
  const char *object;
  /**
   * What is the case, on one line, for a person.
   */
  const char *message;
  /**
   * What to do, on one line, for a person.
   */
  const char *remedy;
} walstream_finding;

/**
 * TYPE: a user-made type of a column that follows. A domain carries its base type's name.
 */
typedef struct walstream_type_detail {
  /**
   * Never "": pg_catalog is spelt out.
   */
  const char *schema;
  /**
   * The type's name.
   */
  const char *name;
  /**
   * As in walstream_column.type_oid.
   */
  uint32_t oid;
  /**
   * 0
   */
  uint32_t reserved;
} walstream_type_detail;

/**
 * ORIGIN: the commit at the node that it first happened on; 0 in streamed transactions.
 */
typedef struct walstream_origin_detail {
  /**
   * A position in that node's write-ahead log, not in this server's.
   */
  uint64_t origin_lsn;
} walstream_origin_detail;

/**
 * ROLLBACK_PREPARED: which PREPARE it ends (GIDs are not unique for ever).
 */
typedef struct walstream_rollback_detail {
  /**
   * The end of the PREPARE's record.
   */
  uint64_t prepare_end_lsn;
  /**
   * Microseconds since 1970-01-01 UTC.
   */
  int64_t prepare_time_us;
} walstream_rollback_detail;

/**
 * BACKUP_START, ARCHIVE_BEGIN: one tablespace. The data directory itself has OID 0 and location "".
 */
typedef struct walstream_tablespace_detail {
  /**
   * Where it lies on the server; never NULL.
   */
  const char *location;
  /**
   * Bytes, as estimated by the server; -1 unknown (progress was not asked for).
   */
  int64_t size;
  /**
   * pg_tablespace.oid
   */
  uint32_t oid;
  /**
   * Bytes at location, without the NUL.
   */
  uint32_t location_len;
} walstream_tablespace_detail;

/**
 * BACKUP_START, BACKUP_END: the log from the one's lsn on this timeline to the other's is needed to make the backup whole.
 */
typedef struct walstream_backup_detail {
  /**
   * Of the event's lsn.
   */
  uint32_t timeline;
  /**
   * BACKUP_END: 0.
   */
  uint32_t tablespace_count;
  /**
   * The data directory among them; NULL when tablespace_count is 0.
   */
  const struct walstream_tablespace_detail *tablespaces;
} walstream_backup_detail;

/**
 * BACKUP_PROGRESS: bytes of archives, before compression.
 */
typedef struct walstream_progress_detail {
  /**
   * Sent up to now.
   */
  uint64_t done;
  /**
   * Estimate of all; 0 unknown.
   */
  uint64_t total;
} walstream_progress_detail;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Events in it. NULL: 0. Any thread, as all functions of a batch; only the free must be the last.
 */
size_t walstream_batch_count(const struct walstream_batch *batch);

/**
 * The first event; the next one lies *stride bytes on. stride may be NULL (then it is sizeof of the library's event).
 */
const struct walstream_event *walstream_batch_events(const struct walstream_batch *batch,
                                                     size_t *stride);

/**
 * The event at index, NULL beyond the end.
 */
const struct walstream_event *walstream_batch_event(const struct walstream_batch *batch,
                                                    size_t index);

/**
 * Highest ack_lsn in the batch, 0 if no transaction ends in it: ack this when the whole batch is safe.
 */
uint64_t walstream_batch_ack_lsn(const struct walstream_batch *batch);

/**
 * Any thread, also after walstream_free of the stream. NULL is fine.
 */
void walstream_batch_free(struct walstream_batch *batch);

/**
 * Relation of a row event (index 0) or the index-th of a TRUNCATE; NULL beyond.
 */
const struct walstream_relation *walstream_event_relation(const struct walstream_event *event,
                                                          uint32_t index);

/**
 * Index of the column with exactly this name, -1 if none. Keep it with relation->version rather than asking for each row.
 */
int32_t walstream_relation_column(const struct walstream_relation *relation,
                                  const char *name);

/**
 * NULL when out of memory.
 */
struct walstream_config *walstream_config_new(void);

/**
 * value NULL: back to the default. An unknown key or bad value is E_ARGUMENT, the message names what is allowed. One thread at a time.
 */
int32_t walstream_config_set(struct walstream_config *config,
                             const char *key,
                             const char *value,
                             struct walstream_error **error);

/**
 * The option as it was set, or its default; NULL for an unknown key, or a plugin.NAME that is not set. Lives until the option
 * is asked for again or the config freed. One thread at a time.
 */
const char *walstream_config_get(const struct walstream_config *config,
                                 const char *key);

/**
 * NULL turns it off. user must outlive every stream opened with this config.
 */
int32_t walstream_config_set_log(struct walstream_config *config, walstream_log_fn log, void *user);

/**
 * NULL is fine. Streams opened with it live on.
 */
void walstream_config_free(struct walstream_config *config);

/**
 * Row `index` of the option table, NULL behind the last. Static. Any thread.
 */
const struct walstream_option *walstream_option_at(uint32_t index);

/**
 * bool: 1 or 0. As all converters it takes both forms of a value, with the same result, and gives OK, or E_ARGUMENT and leaves *out
 * alone: value is NULL, or its kind is not TEXT or BINARY; type_oid (its column's) is not one of the types named; the bytes
 * are not a value of that type; *out has no room for it. Domains and enums have OIDs of their own. Any thread; none of them waits.
 */
int32_t walstream_value_to_bool(const struct walstream_value *value,
                                uint32_t type_oid,
                                int32_t *out);

/**
 * int2, int4, int8, oid, xid, cid, xid8.
 */
int32_t walstream_value_to_int64(const struct walstream_value *value,
                                 uint32_t type_oid,
                                 int64_t *out);

/**
 * float4, float8, numeric, int2, int4, int8, oid: the nearest double. NaN and the infinities are values. For all digits
 * of a numeric use walstream_value_to_text.
 */
int32_t walstream_value_to_double(const struct walstream_value *value,
                                  uint32_t type_oid,
                                  double *out);

/**
 * timestamptz; timestamp, taken as UTC; date, at its midnight UTC: microseconds since 1970-01-01 UTC. infinity is INT64_MAX, -infinity
 * INT64_MIN. Beyond the year 294246 there is no room.
 */
int32_t walstream_value_to_timestamp_us(const struct walstream_value *value,
                                        uint32_t type_oid,
                                        int64_t *unix_us);

/**
 * date: days since 1970-01-01. infinity is INT32_MAX, -infinity INT32_MIN.
 */
int32_t walstream_value_to_date(const struct walstream_value *value,
                                uint32_t type_oid,
                                int32_t *days);

/**
 * uuid: out[16], in the order of its text.
 */
int32_t walstream_value_to_uuid(const struct walstream_value *value,
                                uint32_t type_oid,
                                uint8_t *out);

/**
 * bytea. *needed (may be NULL) is how many bytes there are. When they fit, buffer[size] holds them; when they do not, it is
 * unchanged and the result is OK all the same: compare *needed with size. buffer may be NULL when size is 0.
 */
int32_t walstream_value_to_bytes(const struct walstream_value *value,
                                 uint32_t type_oid,
                                 uint8_t *buffer,
                                 size_t size,
                                 size_t *needed);

/**
 * The text form that the server gives under DateStyle ISO, TimeZone UTC and hexadecimal bytea. Of kind TEXT: the bytes as they are,
 * whatever the type. Of kind BINARY: bool, int2, int4, int8, oid, xid, cid, xid8, pg_lsn, float4, float8, numeric, text, varchar,
 * bpchar, name, "char", xml, json, jsonb, uuid, bytea, date, time, timetz, timestamp, timestamptz, interval, and arrays of these.
 * *needed (may be NULL) is its length without the NUL. It fits when *needed < size; buffer then holds it and a NUL. Else buffer
 * holds "" (if size is not 0), and the result is OK all the same. buffer may be NULL when size is 0.
 */
int32_t walstream_value_to_text(const struct walstream_value *value,
                                uint32_t type_oid,
                                char *buffer,
                                size_t size,
                                size_t *needed);

/**
 * The event as one JSON object without a newline (docs/json.md): always valid UTF-8, and the same bytes for the same event.
 * *needed (may be NULL) is its length without the NUL. It fits when *needed < size; buffer then holds it and a NUL. Else buffer
 * holds "" (if size is not 0), and the result is OK all the same: call again with a buffer of *needed + 1. buffer may be NULL when
 * size is 0. E_ARGUMENT: event is NULL, or buffer is NULL and size is not 0; *needed is then unchanged. Any thread.
 */
int32_t walstream_event_to_json(const struct walstream_event *event,
                                char *buffer,
                                size_t size,
                                size_t *needed);

/**
 * NULL is fine.
 */
void walstream_error_free(struct walstream_error *error);

/**
 * "WALSTREAM_E_SLOT_LOST"; "unknown" for others. Static. Any thread.
 */
const char *walstream_code_name(int32_t code);

/**
 * "INSERT"; "unknown" for others. Static. Any thread.
 */
const char *walstream_kind_name(uint32_t kind);

/**
 * Writes "16/B374D848" and a NUL into buffer[WALSTREAM_LSN_BUFFER]; gives back buffer. Any thread.
 */
const char *walstream_lsn_format(uint64_t lsn, char *buffer);

/**
 * OK or E_ARGUMENT, *lsn then unchanged. Any thread.
 */
int32_t walstream_lsn_parse(const char *text, uint64_t *lsn);

/**
 * Rises when something that a built program relies on changes (as the SONAME does). Compare with WALSTREAM_VERSION_MAJOR.
 */
uint32_t walstream_abi_version(void);

/**
 * "0.1.0". Static.
 */
const char *walstream_version(void);

/**
 * A snapshot, never waits. E_ARGUMENT when struct_size is smaller than the first release's. Any thread.
 */
int32_t walstream_get_stats(const struct walstream_stream *stream,
                            struct walstream_stats *inout);

/**
 * Checks conninfo and config; no network, never waits. config NULL: all defaults, PG* environment included.
 */
int32_t walstream_open(const char *conninfo,
                       const struct walstream_config *config,
                       struct walstream_stream **stream,
                       struct walstream_error **error);

/**
 * Opens and starts a base backup by the options backup.*: walstream_next_event and walstream_next_batch then give BACKUP_START, for each archive
 * ARCHIVE_BEGIN and BACKUP_DATA, BACKUP_PROGRESS in between, MANIFEST_BEGIN with its BACKUP_DATA, BACKUP_END, and END. An archive is in
 * tar format. Nothing is acknowledged, and a backup that breaks off is not taken up again: the stream fails. Returns as soon as the
 * server is reached, after connect_timeout_ms at the latest: its checkpoint is waited for by the first read, which may also be the one to tell what
 * the server refuses.
 */
int32_t walstream_basebackup_start(const char *conninfo,
                                   const struct walstream_config *config,
                                   struct walstream_stream **stream,
                                   struct walstream_error **error);

/**
 * Connects, checks server and slot, starts streaming. Waits at most connect_timeout_ms and slot.wait_ms; the first connection is
 * not retried unless retry.first=on. After a failure it may be called again. walstream_wake from another thread ends it with WOKEN. A slot that it
 * was making is not left behind then. After a failed look-up of the server's name its thread may stay until the resolver answers.
 * start_lsn 0: where the slot stands (mode=physical on PostgreSQL 14, which does not tell that: E_UNSUPPORTED). Else the host's own last durable ack_lsn: E_GAP when it is above what the server has written, or,
 * with start.strict=on, when the slot's confirmed position is above it.
 */
int32_t walstream_start(struct walstream_stream *stream,
                        uint64_t start_lsn,
                        struct walstream_error **error);

/**
 * The next event. timeout_ms: 0 does not wait, -1 waits for ever. On any code but OK *event is NULL, and the event before is over too.
 */
int32_t walstream_next_event(struct walstream_stream *stream,
                             int32_t timeout_ms,
                             const struct walstream_event **event,
                             struct walstream_error **error);

/**
 * All that is ready, waiting only when nothing is; at most batch.max_events, and never empty with OK. Waits and codes as next_event.
 * Mixed with next_event it goes on behind the last event, and ends that event's life.
 */
int32_t walstream_next_batch(struct walstream_stream *stream,
                             int32_t timeout_ms,
                             struct walstream_batch **batch,
                             struct walstream_error **error);

/**
 * Everything up to and including lsn is safe at the host. Above delivered_lsn, start_lsn and the slot's position at start: E_ACK_AHEAD, nothing
 * changes. Below an earlier one: OK, nothing changes. In mode=physical a TIMELINE lowers all of them to its switch_lsn: what the host had of
 * the old timeline behind that is void.
 * Works from start until stop or a fatal error, after END too. Never waits. Any thread.
 */
int32_t walstream_ack_lsn(struct walstream_stream *stream,
                          uint64_t lsn,
                          struct walstream_error **error);

/**
 * mode=physical: as walstream_ack_lsn(flush), and tells the server what is written (though not flushed) and applied besides, for
 * synchronous_commit=remote_write and remote_apply. 0: not known. Never waits. Any thread.
 */
int32_t walstream_ack_positions(struct walstream_stream *stream,
                                uint64_t write,
                                uint64_t flush,
                                uint64_t apply,
                                struct walstream_error **error);

/**
 * mode=physical: the server's vacuum is to keep rows that these transactions may see, and catalog rows; 0: none. The epochs count how often
 * transaction numbers had wrapped around. Told at once, then with each status interval and after each reconnect; taken back by
 * walstream_stop if it is connected. The server ignores numbers from the future or the distant past. Never waits. Any thread.
 */
int32_t walstream_hot_standby_feedback(struct walstream_stream *stream,
                                       uint32_t xmin,
                                       uint32_t xmin_epoch,
                                       uint32_t catalog_xmin,
                                       uint32_t catalog_xmin_epoch,
                                       struct walstream_error **error);

/**
 * Ends one wait: the read (or start) now waiting, or else the next one, returns WOKEN; several wakes before that count as one.
 * Events that are ready come first only with the call after. Any thread; async-signal-safe.
 */
int32_t walstream_wake(struct walstream_stream *stream);

/**
 * A descriptor for poll or epoll, readable (level-triggered) while a read would return at once with any code. Only wait on it: the
 * library drains and closes it. After it fires read with timeout 0 until TIMEOUT. -1 where there is none. Any thread.
 */
ptrdiff_t walstream_ready_fd(const struct walstream_stream *stream);

/**
 * Where the host stands, with the identity of the server: writes text and NUL into buffer[WALSTREAM_POSITION_BUFFER], for the option
 * start.position of a later process, which then notices another server or a timeline without these changes. E_STATE
 * before the first start. Any thread.
 */
int32_t walstream_position(const struct walstream_stream *stream,
                           char *buffer,
                           struct walstream_error **error);

/**
 * Sends the last ack, ends COPY, closes. Waits at most timeout_ms (-1: 10 s), then cuts and returns TIMEOUT. Events not yet read
 * are dropped (they come again next time); reads then say END, acks E_STATE. Without a connection there is nobody to tell: OK all the same, and what
 * the server was not told it sends again. E_CLOSED when walstream_free comes meanwhile. A second stop is OK. Not for signal handlers.
 */
int32_t walstream_stop(struct walstream_stream *stream,
                       int32_t timeout_ms,
                       struct walstream_error **error);

/**
 * NULL is fine. Never waits for the network: sends the last ack if the socket takes it at once (stop first to be sure), returns when the other
 * calls have left and no log callback runs. Not from the log callback.
 */
void walstream_free(struct walstream_stream *stream);

/**
 * Connects as walstream_open and walstream_start do, by conninfo and connect_timeout_ms, to the database that the conninfo names. config NULL:
 * all defaults. The handle keeps its connection, and makes a new one when the server has ended it. One thread at a time
 * may be inside a call on it (another one gets E_BUSY), besides walstream_admin_cancel and walstream_admin_free. Text that a call gives
 * lives until the next call on the handle. mode=physical: without a database, as pg_hba.conf's entries for replication allow it; then there are
 * no logical slots to make, and walstream_admin_read_slot tells a physical slot's position only (PostgreSQL 15 and later).
 */
int32_t walstream_admin_open(const char *conninfo,
                             const struct walstream_config *config,
                             struct walstream_admin **admin,
                             struct walstream_error **error);

/**
 * Which server, timeline and database this is, and how far its log is flushed.
 */
int32_t walstream_admin_identify(struct walstream_admin *admin,
                                 struct walstream_system *inout,
                                 struct walstream_error **error);

/**
 * The value of a setting, as SHOW prints it. *value lives until the next call.
 */
int32_t walstream_admin_show(struct walstream_admin *admin,
                             const char *name,
                             const char **value,
                             struct walstream_error **error);

/**
 * A timeline's history file, and its switches. Empty for timeline 1, which has none.
 */
int32_t walstream_admin_timeline_history(struct walstream_admin *admin,
                                         uint32_t timeline,
                                         struct walstream_history *inout,
                                         struct walstream_error **error);

/**
 * Makes a slot. request NULL: a logical one for pgoutput. A logical slot waits for all transactions that are open in any database:
 * timeout_ms (-1: for ever) or walstream_admin_cancel end that, with TIMEOUT or WOKEN, and leave neither the slot nor a walsender behind.
 * *consistent_lsn (may be NULL) is where a logical slot begins, 0 for a physical one. With WALSTREAM_SNAPSHOT_EXPORT or _USE *snapshot is a handle that
 * keeps the connection (the next call on admin makes another); else it may be NULL. A temporary slot ends with the connection that made it:
 * with the snapshot's, else with admin's; the server drops it at the first error there, too (postgres.c: PostgresMain).
 */
int32_t walstream_admin_create_slot(struct walstream_admin *admin,
                                    const char *name,
                                    const struct walstream_slot_request *request,
                                    int32_t timeout_ms,
                                    uint64_t *consistent_lsn,
                                    struct walstream_snapshot **snapshot,
                                    struct walstream_error **error);

/**
 * Changes a slot; for both -1 leaves it, 0 is off, 1 on. two_phase needs PostgreSQL 18, failover 17.
 */
int32_t walstream_admin_alter_slot(struct walstream_admin *admin,
                                   const char *name,
                                   int32_t two_phase,
                                   int32_t failover,
                                   struct walstream_error **error);

/**
 * What the server says of a slot; E_SLOT_MISSING when there is none.
 */
int32_t walstream_admin_read_slot(struct walstream_admin *admin,
                                  const char *name,
                                  struct walstream_slot_info *inout,
                                  struct walstream_error **error);

/**
 * Drops a slot. wait 0: E_SLOT_IN_USE while somebody reads it. wait 1: waits for the reader's end, at most timeout_ms (-1: for ever), or until
 * walstream_admin_cancel.
 */
int32_t walstream_admin_drop_slot(struct walstream_admin *admin,
                                  const char *name,
                                  int32_t wait,
                                  int32_t timeout_ms,
                                  struct walstream_error **error);

/**
 * Ends the call in progress, or else the next one that gets in (E_BUSY is none), which then does nothing, whatever its arguments. It returns
 * WOKEN once the server has called off what it was doing; a slot that was dropped or altered already, or what the server refused, is told as
 * ever. A call that is ended while it runs, also by its timeout_ms, ends the handle's connection, and with it the temporary slots that were
 * made on it. Any thread; async-signal-safe.
 */
int32_t walstream_admin_cancel(struct walstream_admin *admin);

/**
 * NULL is fine. Ends the call in progress, as walstream_admin_cancel does (that one returns E_CLOSED), waits for its end, and closes the connection.
 * It waits for walstream_admin_cancel in other threads, too. A call is inside once it holds the handle's lock, or is counted, by its first
 * instructions; one that gets there after free is a bug in the host, as with free(3).
 */
void walstream_admin_free(struct walstream_admin *admin);

/**
 * For SET TRANSACTION SNAPSHOT in a transaction that is REPEATABLE READ. Lives as long as the snapshot. NULL: "". Any thread.
 */
const char *walstream_snapshot_name(const struct walstream_snapshot *snapshot);

/**
 * What was committed before this position is in the snapshot, everything else comes through the slot. NULL: 0. Any thread.
 */
uint64_t walstream_snapshot_lsn(const struct walstream_snapshot *snapshot);

/**
 * NULL is fine. Closes the connection: transactions that imported the snapshot keep it, others no longer can. Also after walstream_admin_free.
 */
void walstream_snapshot_free(struct walstream_snapshot *snapshot);

/**
 * Would a stream with this conninfo and config run, and run well? Connects as one would, looks at server, role, slot, publications and
 * tables, and changes nothing: no slot is made, moved or taken. config NULL: all defaults. Whatever is found is in *report, also that
 * the server refuses replication to this role or address; OK says only that there was something to look through. An error
 * (E_CONNECT, E_AUTH, …) is what walstream_start would return: nothing answered, or not to this user and password. May wait: for
 * connect_timeout_ms on each of up to three connections, and for as long on their answers. Any thread.
 */
int32_t walstream_check(const char *conninfo,
                        const struct walstream_config *config,
                        struct walstream_report **report,
                        struct walstream_error **error);

/**
 * How many findings. NULL: 0. Any thread.
 */
size_t walstream_report_count(const struct walstream_report *report);

/**
 * Finding `index`, the worst ones first; NULL behind the last. Any thread.
 */
const struct walstream_finding *walstream_report_finding(const struct walstream_report *report,
                                                         size_t index);

/**
 * NULL is fine. Ends its findings.
 */
void walstream_report_free(struct walstream_report *report);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* WALSTREAM_H */
