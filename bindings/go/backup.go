package walstream

// #include "native.h"
import "C"

import (
	"context"
	"unsafe"
)

// StartBackup starts a base backup by the options backup.*, and gives it as a stream: [BackupStart]; for each archive [ArchiveBegin]
// with the name of a file, and its content as the payloads of [BackupData], in tar format; [BackupProgress] in between;
// [ManifestBegin] with its BackupData; [BackupEnd]; then the end.
//
// Nothing is acknowledged, and a backup that breaks off is not taken up again: the stream fails. The server's checkpoint is waited for by the
// first read, which may also be the one to tell what the server refuses. When ctx ends first, an attempt to connect goes on for
// connect_timeout_ms at most, and is given up then.
func StartBackup(ctx context.Context, conninfo string, options ...Option) (*Stream, error) {
	if err := checkABI(); err != nil {
		return nil, err
	}
	settings := newSettings(options)
	start := func() (*Stream, error) {
		stream := newStream(&settings)
		if err := stream.startBackup(conninfo, settings.pairs); err != nil {
			stream.abandon()
			return nil, err
		}
		return stream, nil
	}
	return await(ctx, start, (*Stream).abandon)
}

func (s *Stream) startBackup(conninfo string, pairs [][2]string) error {
	return configured(conninfo, pairs, s.log, func(text *C.char, config *C.walstream_config) error {
		var c *C.walstream_stream
		var cerr *C.walstream_error
		return s.made(c, takeError(C.walstream_basebackup_start(text, config, &c, &cerr), cerr))
	})
}

// What is special about a base backup's events, as [Event.Detail] gives it.
type (
	// BackupDetail is a BackupStart or BackupEnd: the log from the one's LSN on this timeline to the other's is needed to make the
	// backup whole.
	BackupDetail struct {
		Timeline    uint32
		Tablespaces []TablespaceDetail // the data directory among them; none at the end
	}
	// TablespaceDetail is an ArchiveBegin: which tablespace is in it. The data directory has OID 0 and Location "".
	TablespaceDetail struct {
		OID      uint32
		Location string // on the server
		Size     int64  // bytes, as estimated by the server; -1 unknown
	}
	// ProgressDetail is a BackupProgress: bytes of archives, before compression.
	ProgressDetail struct {
		Done  uint64 // sent up to now
		Total uint64 // estimate of all; 0 unknown
	}
)

func newBackupDetail(c *C.walstream_backup_detail) BackupDetail {
	detail := BackupDetail{Timeline: uint32(c.timeline)}
	for _, tablespace := range tablespaces(c) {
		detail.Tablespaces = append(detail.Tablespaces, newTablespaceDetail(&tablespace))
	}
	return detail
}

func newTablespaceDetail(c *C.walstream_tablespace_detail) TablespaceDetail {
	return TablespaceDetail{
		OID:      uint32(c.oid),
		Location: C.GoStringN(c.location, C.int(c.location_len)),
		Size:     int64(c.size),
	}
}

func tablespaces(c *C.walstream_backup_detail) []C.walstream_tablespace_detail {
	return unsafe.Slice(c.tablespaces, int(c.tablespace_count))
}

// keepBackup copies what a BackupStart or BackupEnd points to.
func (k *kept) keepBackup(detail C.walstream_backup_detail) {
	if detail.tablespace_count > 0 {
		copied := append([]C.walstream_tablespace_detail(nil), tablespaces(&detail)...)
		for i := range copied {
			copied[i].location = k.keepText(copied[i].location)
		}
		detail.tablespaces = unsafe.SliceData(copied)
		k.parts = append(k.parts, unsafe.Pointer(detail.tablespaces))
	}
	k.detail(unsafe.Pointer(&detail))
}
