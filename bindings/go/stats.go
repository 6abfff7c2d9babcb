package walstream

// #include "native.h"
import "C"

import (
	"time"
	"unsafe"
)

// State is what a stream is doing.
type State uint32

// What a stream can be doing.
const (
	StateOpen           State = C.WALSTREAM_STATE_OPEN
	StateConnecting     State = C.WALSTREAM_STATE_CONNECTING
	StateStreaming      State = C.WALSTREAM_STATE_STREAMING
	StateWaitingToRetry State = C.WALSTREAM_STATE_WAITING_TO_RETRY
	StateEnded          State = C.WALSTREAM_STATE_ENDED
	StateFailed         State = C.WALSTREAM_STATE_FAILED
)

// String is a word or three, such as "waiting to retry".
func (s State) String() string {
	switch s {
	case StateOpen:
		return "open"
	case StateConnecting:
		return "connecting"
	case StateStreaming:
		return "streaming"
	case StateWaitingToRetry:
		return "waiting to retry"
	case StateEnded:
		return "ended"
	case StateFailed:
		return "failed"
	default:
		return "unknown"
	}
}

// Stats is a snapshot of a stream's numbers.
type Stats struct {
	State            State
	ReceivedLSN      LSN           // highest position received
	DeliveredLSN     LSN           // highest AckLSN handed out, to the end of the batch that is being read
	AckedLSN         LSN           // highest position acknowledged
	ConfirmedLSN     LSN           // last sent to the server; above AckedLSN when idle positions were confirmed
	ServerLSN        LSN           // how far the server said that it is
	LagBytes         uint64        // from ConfirmedLSN to ServerLSN
	CommitDelay      time.Duration // from the last transaction's commit to its receipt, by both clocks
	Events           uint64        // made since Open, queued ones included
	Bytes            uint64        // received in messages with WAL data
	QueueEvents      uint64        // waiting to be read
	QueueBytes       uint64        // memory of those
	HostBytes        uint64        // memory of the batch that is being read
	SpilledBytes     uint64        // on disk for transactions without a commit
	OpenTransactions uint64        // sent by the server before their commit
	Reconnects       uint64        // connections made anew
	Stalled          time.Duration // time that the queue was full
	LastError        Code          // also of an error that was retried; 0: none
	Naps             uint64        // how often messages were let pile up, by the option pacing
	Nap              time.Duration // how long the latest nap was to be
}

// Stats never waits. After Close it gives the last numbers.
func (s *Stream) Stats() Stats {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.c == nil {
		return s.last
	}
	return s.stats()
}

func (s *Stream) stats() Stats {
	var c C.walstream_stats
	c.struct_size = C.uint32_t(unsafe.Sizeof(c))
	// It fails for a struct_size that is too small only.
	C.walstream_get_stats(s.c, &c)
	return Stats{
		State:            State(c.state),
		ReceivedLSN:      LSN(c.received_lsn),
		DeliveredLSN:     LSN(c.delivered_lsn),
		AckedLSN:         LSN(c.acked_lsn),
		ConfirmedLSN:     LSN(c.confirmed_lsn),
		ServerLSN:        LSN(c.server_lsn),
		LagBytes:         uint64(c.lag_bytes),
		CommitDelay:      microseconds(c.commit_delay_us),
		Events:           uint64(c.events),
		Bytes:            uint64(c.bytes),
		QueueEvents:      uint64(c.queue_events),
		QueueBytes:       uint64(c.queue_bytes),
		HostBytes:        uint64(c.host_bytes),
		SpilledBytes:     uint64(c.spilled_bytes),
		OpenTransactions: uint64(c.open_transactions),
		Reconnects:       uint64(c.reconnects),
		Stalled:          microseconds(c.stalled_us),
		LastError:        Code(c.last_error),
		Naps:             uint64(c.naps),
		Nap:              microseconds(c.nap_us),
	}
}

func microseconds(us C.uint64_t) time.Duration { return time.Duration(us) * time.Microsecond }
